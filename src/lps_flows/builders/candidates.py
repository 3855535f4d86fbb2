"""The candidate rule over the other builders' results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from maggma.core import Store

from lps_flows.analysis import CandidateSettings, select_candidates
from lps_flows.analysis.candidates import evidence_of
from lps_flows.analysis.conductivity_map import largest_comparison
from lps_flows.analysis.resampling import draws_of
from lps_flows.builders.increment import IncrementalBuilder, digest, remove
from lps_flows.schemas.candidates import (
    CANDIDATE_INDEXES,
    CandidateDocument,
    ClassEvidence,
)
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.damage import readable
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument
from lps_flows.schemas.transport import TransportRecord

_STATE = ["candidate_id", "source_digest", "campaign", "method"]


class CandidateBuilder(IncrementalBuilder):
    """Judge every glass-ceramic composition of every phase diagram.

    A diagram whose structures have no classes (yet) has no candidates.

    Parameters
    ----------
    transport
        The ``transport`` collection, for conductivities that are known.
    campaign, chunk_size
        As `IncrementalBuilder`.
    """

    key = "candidate_id"
    indexes = CANDIDATE_INDEXES
    settings_type = CandidateSettings

    def __init__(
        self,
        phase_diagrams: Store,
        cluster_models: Store,
        clusters: Store,
        candidates: Store,
        *,
        transport: Store | None = None,
        settings: CandidateSettings | dict[str, Any] | None = None,
        element: str | None = "Li",
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.phase_diagrams = phase_diagrams
        self.cluster_models = cluster_models
        self.clusters = clusters
        self.candidates = candidates
        self.transport = transport
        self.element = element
        super().__init__(
            phase_diagrams,
            candidates,
            settings=settings,
            campaign=campaign,
            chunk_size=chunk_size,
        )
        self.sources += [cluster_models, clusters]
        self.sources += [] if transport is None else [transport]

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the diagrams of which anything the rule rests on changed."""
        self.ensure_indexes()
        scope = self.scope()
        models = {
            (model["campaign"], model["method"]): model
            for model in self.cluster_models.query({**scope, "element": self.element})
        }
        diagrams = {
            (diagram["campaign"], diagram["method"]): diagram
            for diagram in self.phase_diagrams.query(scope)
        }
        known: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for old in self.candidates.query(scope, _STATE):
            group = (old["campaign"], old["method"])
            known[group][old["candidate_id"]] = old["source_digest"]
        judged = sorted(set(diagrams) & set(models))
        gone = [name for group in set(known) - set(judged) for name in known[group]]
        remove(self.candidates, self.key, gone)
        for group in judged:
            diagram, model = diagrams[group], models[group]
            ids = [
                summary["lowest_glass_id"]
                for summary in diagram["compositions"]
                if summary["lowest_glass_id"] is not None
            ]
            conductivities = self._conductivities(dict.fromkeys(ids, group[1]))
            source = digest(
                diagram["source_digest"],
                model["source_digest"],
                {
                    structure_id: (r.conductivity, r.reference_temperature, r.trusted)
                    for structure_id, r in conductivities.items()
                },
                self.settings.model_dump(mode="json"),
            )
            if list(known[group].values()) == [source] * len(ids):
                continue
            yield {
                "diagram": diagram,
                "model": model,
                "places": list(
                    self.clusters.query(
                        {"structure_id": {"$in": ids}, "element": self.element}
                    )
                ),
                "conductivities": conductivities,
                "source": source,
            }

    def _conductivities(self, methods: Mapping[str, str]) -> dict[str, TransportRecord]:
        """Return the conductivities that can rank structures, by structure."""
        if self.transport is None:
            return {}
        known = self.transport.query({"structure_id": {"$in": list(methods)}})
        records = list(readable(TransportRecord.from_store, known))
        return largest_comparison(records, methods)

    def process_item(self, item: dict[str, Any]) -> Any:
        """Judge the compositions of one diagram."""
        diagram = PhaseDiagramDocument.from_store(item["diagram"])
        places = [ClusterAssignment.from_store(place) for place in item["places"]]
        group = {"campaign": diagram.campaign, "method": diagram.method}
        model = ClusterModelDocument.from_store(item["model"])
        verdicts = select_candidates(
            evidence_of(diagram, places, item["conductivities"]),
            diagram.metastable_hull,
            ClassEvidence.of(model),
            self.settings,
            draws_of(diagram),
        )
        return group, [
            CandidateDocument(
                **dict(verdict),
                **group,
                candidate_id=f"{diagram.diagram_id}|{verdict.formula_pretty}",
                source_digest=item["source"],
                settings=self.settings.model_dump(mode="json"),
            ).model_dump()
            for verdict in verdicts
        ]

    def update_targets(self, items: list[Any]) -> None:
        """Write the verdicts and remove those of compositions that are gone."""
        for group, documents in items:
            ids = {document["candidate_id"] for document in documents}
            old = self.candidates.query(group, properties=["candidate_id"])
            gone = {document["candidate_id"] for document in old} - ids
            remove(self.candidates, self.key, gone)
            self.write(self.candidates, documents, self.key)
