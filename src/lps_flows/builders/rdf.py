"""RDFs averaged over the lowest structures of every composition and parent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from maggma.core import Store
from pymatgen.core import Composition, Structure

from lps_flows.analysis import RDFSettings, partial_rdfs
from lps_flows.analysis.rdf import PartialRDF, all_pairs
from lps_flows.builders.increment import (
    head_facts,
    plain,
    query_heads,
    reduced_formula,
)
from lps_flows.builders.lowest import LowestBuilder
from lps_flows.schemas.rdf import RDF_INDEXES, PartialDistribution, RDFDocument


def rdf_document(
    records: Sequence[dict[str, Any]], settings: RDFSettings, name: str, source: str
) -> RDFDocument:
    """Return the RDFs of one composition from one parent.

    Parameters
    ----------
    records
        Structure documents, lowest energy first.
    settings
        Grid and smoothing.
    name
        Id of the document.
    source
        Digest to write on it.
    """
    structures = [Structure.from_dict(record["structure"]) for record in records]
    composition = structures[0].composition
    elements = [str(element) for element in sorted(composition.elements)]
    facts = head_facts(records[0])
    return RDFDocument(
        rdf_id=name,
        campaign=facts["campaign"],
        method=facts["method"],
        source_digest=source,
        formula=composition.reduced_formula,
        x=facts["x"],
        parent=facts["parent"],
        n_structures=len(records),
        structure_ids=[record["structure_id"] for record in records],
        partials=[
            _partial(rdf, composition)
            for rdf in partial_rdfs(structures, all_pairs(elements), settings).values()
        ],
        settings=plain(settings),
    )


def _partial(rdf: PartialRDF, composition: Composition) -> PartialDistribution:
    central, other = rdf.pair
    reverse = None
    if rdf.coordination is not None:
        reverse = rdf.coordination * composition[central] / composition[other]
    return PartialDistribution(
        pair=rdf.pair,
        r=[round(float(r), 6) for r in rdf.r],
        g=[round(float(g), 6) for g in rdf.g],
        first_peak=rdf.first_peak,
        first_minimum=rdf.first_minimum,
        coordination=rdf.coordination,
        reverse_coordination=reverse,
    )


class RDFBuilder(LowestBuilder):
    """One document per composition and parent, over its lowest structures.

    Parameters
    ----------
    structures
        The ``structures`` collection.
    rdfs
        Target, with the key ``rdf_id``.
    settings
        Grid, smoothing and number of structures.
    campaign
        Only this campaign; all by default.
    chunk_size
        Compositions in memory at a time.
    """

    key = "rdf_id"
    indexes = RDF_INDEXES

    def __init__(
        self,
        structures: Store,
        rdfs: Store,
        *,
        settings: RDFSettings | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 20,
    ) -> None:
        self.structures = structures
        self.rdfs = rdfs
        self.settings = RDFSettings.model_validate(settings or {})
        self.campaign = campaign
        super().__init__(sources=[structures], targets=[rdfs], chunk_size=chunk_size)

    def heads(self) -> Iterable[dict[str, Any]]:
        """Return what is known of the structures without their atoms."""
        for head in query_heads(self.structures, self.campaign):
            yield {
                **head,
                "parent": head["provenance"].get("parent"),
                "formula": reduced_formula(head["formula"]),
            }

    def state(self, head: dict[str, Any]) -> str:
        """Return the version of a structure."""
        return str(head["version"])

    def document(
        self, records: Sequence[dict[str, Any]], name: str, source: str
    ) -> RDFDocument:
        """Compute the RDFs of one group.

        Parameters
        ----------
        records
            Structure documents, lowest energy first.
        name
            Id of the document.
        source
            Digest to write on it.
        """
        return rdf_document(records, self.settings, name, source)
