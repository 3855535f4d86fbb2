"""RDFs averaged over the lowest structures of every composition and parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from lps_flows.analysis import RDFSettings, partial_rdfs
from lps_flows.analysis.rdf import all_pairs
from lps_flows.builders.increment import query_heads
from lps_flows.builders.lowest import Head, LowestBuilder
from lps_flows.schemas.built import (
    BuiltDocument,
    StructureRecord,
    facts_of,
    facts_of_lowest,
)
from lps_flows.schemas.rdf import RDF_INDEXES, RDFDocument


def rdf_document(
    records: Sequence[StructureRecord],
    settings: RDFSettings,
    *,
    name: str,
    source: str = "",
) -> RDFDocument:
    """Return the RDFs of one composition from one parent."""
    structures = [record.structure for record in records]
    elements = [str(element) for element in sorted(structures[0].elements)]
    return RDFDocument(
        **facts_of_lowest([facts_of(record) for record in records]),
        rdf_id=name,
        source_digest=source,
        partials=[
            rdf.model_copy(update={"r": rdf.r.round(6), "g": rdf.g.round(6)})
            for rdf in partial_rdfs(structures, all_pairs(elements), settings).values()
        ],
        settings=settings.model_dump(mode="json"),
    )


class StructuresBuilder(LowestBuilder):
    """Base of averages over structures themselves: the ``structures`` collection."""

    average: ClassVar[Callable[..., BuiltDocument]]
    """Makes the document of some structures, by the settings."""

    def heads(self) -> Iterable[Head]:
        """Return what is known of the structures without their atoms."""
        for head in query_heads(self.source, self.campaign):
            yield Head(
                head.structure_id,
                head.version,
                head.campaign,
                head.method,
                head.provenance.parent,
                head.formula_pretty,
                head.energy_per_atom,
            )

    def document(
        self, records: Sequence[dict[str, Any]], name: str, source: str
    ) -> BuiltDocument:
        """Return the average over one group."""
        structures = [StructureRecord.from_store(record) for record in records]
        return self.average(structures, self.settings, name=name, source=source)


class RDFBuilder(StructuresBuilder):
    """One document per composition and parent, over its lowest structures.

    Parameters as `IncrementalBuilder`, with `RDFSettings`; the source is the
    ``structures`` collection.
    """

    key = "rdf_id"
    indexes = RDF_INDEXES
    settings_type = RDFSettings
    average = staticmethod(rdf_document)
