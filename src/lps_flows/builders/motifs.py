"""Motifs of every structure, and their trends over the lowest of a composition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from maggma.core import Store
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis import MOTIFS, MotifAnalysis, MotifSettings, analyse_motifs
from lps_flows.builders.increment import (
    PerStructureBuilder,
    elements_of,
    head_facts,
    plain,
)
from lps_flows.builders.lowest import LowestBuilder
from lps_flows.foundation import FrozenSettings
from lps_flows.schemas.motifs import (
    MOTIF_INDEXES,
    TREND_INDEXES,
    MotifDocument,
    MotifFractions,
    MotifTrendDocument,
)


class TrendSettings(FrozenSettings):
    """What a trend averages over."""

    n_lowest: int = Field(
        10, ge=1, description="Lowest-energy structures averaged per composition."
    )


def motif_document(
    record: dict[str, Any], settings: MotifSettings, source: str
) -> MotifDocument:
    """Return the motif document of one structure.

    Parameters
    ----------
    record
        A document of the ``structures`` collection.
    settings
        Elements and cutoffs.
    source
        Digest to write on it.
    """
    structure = Structure.from_dict(record["structure"])
    found = analyse_motifs(structure, settings)
    n_p, n_s = max(found.n_formers, 1), max(found.n_ligands, 1)
    inner, ends = _chain_links(found)
    return MotifDocument(
        **head_facts(record),
        source_digest=source,
        formula=structure.composition.reduced_formula,
        n_formers=found.n_formers,
        fractions=MotifFractions(**found.fractions()),
        ps3_chain=inner / n_p,
        chain_end=ends / n_p,
        chain_lengths=list(found.chain_lengths),
        endless_chain=found.infinite_chain / n_p,
        bridging=found.bridging / n_s,
        terminal=found.terminal / n_s,
        free=found.free / n_s,
        undercoordinated=found.undercoordinated / n_p,
        bridge_distribution={
            str(n): share for n, share in found.bridge_distribution().items()
        },
        anion_sizes={
            str(n): count for n, count in sorted(Counter(found.anion_sizes).items())
        },
        near_cutoff=found.near_cutoff,
        settings=plain(settings),
    )


def _chain_links(found: MotifAnalysis) -> tuple[int, int]:
    bridges = Counter(
        found.bridges[site]
        for site, motif in found.motif_of_former.items()
        if motif == "chain"
    )
    return bridges[2], bridges[1]


class MotifBuilder(PerStructureBuilder):
    """Motifs of every relaxed structure that holds the network former.

    Parameters as `PerStructureBuilder`, with `MotifSettings`.
    """

    key = "structure_id"
    indexes = MOTIF_INDEXES
    settings_type = MotifSettings
    settings: MotifSettings

    def applies(self, head: dict[str, Any]) -> bool:
        """Return True for structures with the former."""
        return self.settings.former in elements_of(head["formula"])

    def documents(self, record: dict[str, Any], source: str) -> list[dict[str, Any]]:
        """Return the motif document of one structure.

        Parameters
        ----------
        record
            The structure's document.
        source
            Digest to write on it.
        """
        return [motif_document(record, self.settings, source).model_dump()]


def motif_trend(
    motifs: Sequence[dict[str, Any]], settings: TrendSettings, name: str, source: str
) -> MotifTrendDocument:
    """Return the average over some motif documents of one composition and parent.

    Parameters
    ----------
    motifs
        Motif documents, lowest energy first.
    settings
        Number of structures.
    name
        Id of the trend.
    source
        Digest to write on it.
    """
    fractions = np.array([[m["fractions"][key] for key in MOTIFS] for m in motifs])
    first = motifs[0]

    def mean(field: str) -> float:
        return float(np.mean([m[field] for m in motifs]))

    return MotifTrendDocument(
        trend_id=name,
        campaign=first["campaign"],
        method=first["method"],
        source_digest=source,
        formula=first["formula"],
        x=first["x"],
        parent=first["parent"],
        n_structures=len(motifs),
        structure_ids=[m["structure_id"] for m in motifs],
        mean=_fractions(fractions.mean(axis=0)),
        std=_fractions(fractions.std(axis=0)),
        free=mean("free"),
        bridging=mean("bridging"),
        terminal=mean("terminal"),
        undercoordinated=mean("undercoordinated"),
        settings={**first["settings"], **plain(settings)},
    )


def _fractions(values: np.ndarray) -> MotifFractions:
    return MotifFractions(
        **{key: float(value) for key, value in zip(MOTIFS, values, strict=True)}
    )


class MotifTrendBuilder(LowestBuilder):
    """Motif fractions averaged over the lowest structures of a composition.

    Parameters
    ----------
    motifs
        The ``motifs`` collection.
    motif_trends
        Target, with the key ``trend_id``.
    settings
        Number of structures.
    campaign
        Only this campaign; all by default.
    chunk_size
        Trends in memory at a time.
    """

    key = "trend_id"
    indexes = TREND_INDEXES

    def __init__(
        self,
        motifs: Store,
        motif_trends: Store,
        *,
        settings: TrendSettings | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 500,
    ) -> None:
        self.motifs = motifs
        self.motif_trends = motif_trends
        self.settings = TrendSettings.model_validate(settings or {})
        self.campaign = campaign
        super().__init__(
            sources=[motifs], targets=[motif_trends], chunk_size=chunk_size
        )

    def heads(self) -> Iterable[dict[str, Any]]:
        """Return what is known of the motif documents without their contents."""
        return self.motifs.query(
            self.scope(),
            properties=[
                "structure_id",
                "source_digest",
                "campaign",
                "method",
                "parent",
                "formula",
                "energy_per_atom",
            ],
        )

    def state(self, head: dict[str, Any]) -> str:
        """Return the digest of a motif document."""
        return str(head["source_digest"])

    def document(
        self, records: Sequence[dict[str, Any]], name: str, source: str
    ) -> MotifTrendDocument:
        """Average the motifs of one group.

        Parameters
        ----------
        records
            Motif documents, lowest energy first.
        name
            Id of the trend.
        source
            Digest to write on it.
        """
        return motif_trend(records, self.settings, name, source)
