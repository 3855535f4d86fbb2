"""Motifs of every structure, and their trends over the lowest of a composition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lps_flows.analysis import MOTIFS, MotifAnalysis, MotifSettings, analyse_motifs
from lps_flows.builders.increment import PerStructureBuilder
from lps_flows.builders.lowest import Head, LowestBuilder
from lps_flows.builders.settings import TrendSettings
from lps_flows.chemistry import CompositionLine, composition_of
from lps_flows.schemas.built import StructureRecord, facts_of, facts_of_lowest
from lps_flows.schemas.motifs import (
    MOTIF_INDEXES,
    TREND_INDEXES,
    MotifDocument,
    MotifFractions,
    MotifTrendDocument,
)


def motif_document(
    record: StructureRecord,
    settings: MotifSettings,
    line: CompositionLine,
    *,
    source: str = "",
) -> MotifDocument:
    """Return the motif document of one structure."""
    motifs = analyse_motifs(record.structure, settings, line)
    n_p, n_s = max(motifs.n_formers, 1), max(motifs.n_ligands, 1)
    inner, ends = _chain_links(motifs)
    return MotifDocument(
        **facts_of(record),
        source_digest=source,
        n_formers=motifs.n_formers,
        fractions=MotifFractions(**motifs.fractions()),
        ps3_chain=inner / n_p,
        chain_end=ends / n_p,
        chain_lengths=list(motifs.chain_lengths),
        endless_chain=motifs.infinite_chain / n_p,
        bridging=motifs.bridging / n_s,
        terminal=motifs.terminal / n_s,
        free=motifs.free / n_s,
        undercoordinated=motifs.undercoordinated / n_p,
        bridge_distribution={
            str(n): share for n, share in motifs.bridge_distribution().items()
        },
        anion_sizes={
            str(n): count for n, count in sorted(Counter(motifs.anion_sizes).items())
        },
        near_cutoff=motifs.near_cutoff,
        settings=recorded_settings(settings, line),
    )


def recorded_settings(settings: MotifSettings, line: CompositionLine) -> dict[str, Any]:
    """Return what motifs are made by, as it is written on them."""
    return {
        "former": ", ".join(line.formers),
        "ligand": ", ".join(line.anions),
        "motifs": ", ".join(MOTIFS),
        **settings.model_dump(mode="json"),
    }


def _chain_links(motifs: MotifAnalysis) -> tuple[int, int]:
    bridges = Counter(
        motifs.bridges[site]
        for site, motif in motifs.motif_of_former.items()
        if motif == "chain"
    )
    return bridges[2], bridges[1]


class MotifBuilder(PerStructureBuilder):
    """Motifs of every relaxed structure that holds the network former.

    Parameters as `IncrementalBuilder`, with `MotifSettings`.
    """

    key = "structure_id"
    indexes = MOTIF_INDEXES
    settings_type = MotifSettings

    def applies(self, formula: str) -> bool:
        """Return True for compositions with the former."""
        composition = composition_of(formula)
        return any(former in composition for former in self.line.formers)

    def made_with(self) -> dict[str, Any]:
        """Return elements and cutoffs."""
        return recorded_settings(self.settings, self.line)

    def document(self, record: StructureRecord, source: str) -> MotifDocument:
        """Return the motif document of one structure."""
        return motif_document(record, self.settings, self.line, source=source)


def motif_trend(
    motifs: Sequence[MotifDocument],
    settings: TrendSettings,
    *,
    name: str,
    source: str = "",
) -> MotifTrendDocument:
    """Return the average over some motif documents of one composition and parent."""
    fractions = np.array([list(dict(m.fractions).values()) for m in motifs])

    def mean(field: str) -> float:
        return float(np.mean([getattr(m, field) for m in motifs]))

    return MotifTrendDocument(
        **facts_of_lowest([dict(document) for document in motifs]),
        trend_id=name,
        source_digest=source,
        mean=_fractions(fractions.mean(axis=0)),
        std=_fractions(fractions.std(axis=0)),
        free=mean("free"),
        bridging=mean("bridging"),
        terminal=mean("terminal"),
        undercoordinated=mean("undercoordinated"),
        settings={**motifs[0].settings, **settings.model_dump(mode="json")},
    )


def _fractions(values: np.ndarray) -> MotifFractions:
    return MotifFractions(
        **{key: float(value) for key, value in zip(MOTIFS, values, strict=True)}
    )


class MotifTrendBuilder(LowestBuilder):
    """Motif fractions averaged over the lowest structures of a composition.

    Parameters as `IncrementalBuilder`, with `TrendSettings`; the source is the
    ``motifs`` collection.
    """

    key = "trend_id"
    indexes = TREND_INDEXES
    settings_type = TrendSettings

    def heads(self) -> Iterable[Head]:
        """Return what is known of the motif documents without their contents."""
        for motifs in self.source.query(self.scope(), properties=list(Head._fields)):
            yield Head(*(motifs[field] for field in Head._fields))

    def document(
        self, records: Sequence[dict[str, Any]], name: str, source: str
    ) -> MotifTrendDocument:
        """Average the motifs of one group."""
        motifs = [MotifDocument.from_store(record) for record in records]
        return motif_trend(motifs, self.settings, name=name, source=source)
