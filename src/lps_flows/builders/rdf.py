"""RDFs averaged over the lowest structures of every composition and parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from maggma.core import Store
from pymatgen.core import Composition, Structure

from lps_flows.analysis import RDFSettings, partial_rdfs
from lps_flows.analysis.rdf import PartialRDF, all_pairs
from lps_flows.builders.increment import (
    IncrementalBuilder,
    chunks,
    digest,
    head_facts,
    plain,
    query_heads,
    reduced_formula,
)
from lps_flows.builders.motifs import group_name, lowest
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


class RDFBuilder(IncrementalBuilder):
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

    def as_dict(self) -> dict[str, Any]:
        """Return the builder as plain data, for `mrun`."""
        return {**super().as_dict(), "settings": plain(self.settings)}

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the compositions whose lowest structures changed."""
        self.ensure_indexes()
        mine = {} if self.campaign is None else {"campaign": self.campaign}
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for head in query_heads(self.structures, self.campaign):
            facts = {
                **head,
                "parent": head["provenance"].get("parent"),
                "formula": reduced_formula(head["formula"]),
            }
            groups[group_name(facts)].append(facts)
        known = {
            document["rdf_id"]: document["source_digest"]
            for document in self.rdfs.query(
                mine, properties=["rdf_id", "source_digest"]
            )
        }
        for gone in chunks(sorted(set(known) - set(groups)), 1000):
            self.rdfs.remove_docs({"rdf_id": {"$in": gone}})
        settings = plain(self.settings)
        for name, members in sorted(groups.items()):
            chosen = lowest(members, self.settings.n_lowest)
            ids = [head["structure_id"] for head in chosen]
            source = digest(
                [(h["structure_id"], h["version"]) for h in chosen], settings
            )
            if known.get(name) != source:
                full = {
                    record["structure_id"]: record
                    for record in self.structures.query({"structure_id": {"$in": ids}})
                }
                yield {
                    "name": name,
                    "source": source,
                    "records": [full[structure_id] for structure_id in ids],
                }

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Compute the RDFs of one composition.

        Parameters
        ----------
        item
            Name, digest and structure documents.
        """
        document = rdf_document(
            item["records"], self.settings, item["name"], item["source"]
        )
        return [document.model_dump()]
