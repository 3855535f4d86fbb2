"""Classes of structures: one model per campaign and method, one place per structure."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from maggma.core import Store

from lps_flows.analysis import ClusterSettings, takes_part
from lps_flows.analysis.classes import model_id, structure_classes
from lps_flows.analysis.clustering import ClusteringError
from lps_flows.builders.increment import IncrementalBuilder, digest, remove
from lps_flows.chemistry import CompositionLine, composition_of
from lps_flows.schemas.clusters import (
    ASSIGNMENT_INDEXES,
    MODEL_INDEXES,
    ClusterModelDocument,
)
from lps_flows.schemas.fingerprints import FingerprintDocument

logger = logging.getLogger(__name__)

_FEWEST = 3


def _takes_part(fingerprint: Mapping[str, Any]) -> bool:
    elements = composition_of(fingerprint["formula_pretty"]).get_el_amt_dict()
    return takes_part(elements, fingerprint["x"], fingerprint["settings"]["species"])


class ClusterBuilder(IncrementalBuilder):
    """Fit the classes of every campaign and method over all its fingerprints.

    Structures on the line and those with all its elements take part (`takes_part`).

    A group with fewer than three structures has no classes (yet).

    Parameters
    ----------
    cluster_models
        Target of the models, with the key ``model_id``.
    clusters
        Target of the structures' places, with the key ``assignment_id``.
    element
        Element of the fingerprints; None for those of all atoms.
    campaign, chunk_size
        As `IncrementalBuilder`.
    """

    key = "model_id"
    indexes = MODEL_INDEXES
    settings_type = ClusterSettings

    def __init__(
        self,
        fingerprints: Store,
        cluster_models: Store,
        clusters: Store,
        *,
        settings: ClusterSettings | dict[str, Any] | None = None,
        line: CompositionLine | dict[str, Any] | None = None,
        element: str | None = "Li",
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.fingerprints = fingerprints
        self.cluster_models = cluster_models
        self.clusters = clusters
        self.element = element
        super().__init__(
            fingerprints,
            cluster_models,
            settings=settings,
            line=line,
            campaign=campaign,
            chunk_size=chunk_size,
        )
        self.targets.append(clusters)

    def on_line(self, settings: Any) -> Any:
        """Return the settings with the line's crystals."""
        return settings.on(self.line)

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose fingerprints changed."""
        self.ensure_indexes()
        for field in ASSIGNMENT_INDEXES:
            self.clusters.ensure_index(field, unique=field == "assignment_id")
        # a campaign has one set of classes: not those by another element of before
        for model in list(self.cluster_models.query(super().scope())):
            if model["element"] != self.element:
                self._forget(model)
        scope = self.scope()
        groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for head in self.fingerprints.query(
            scope,
            properties=[
                "structure_id",
                "source_digest",
                "campaign",
                "method",
                "formula_pretty",
                "x",
                "settings.species",
            ],
        ):
            if not _takes_part(head):
                continue
            group = (head["campaign"], head["method"])
            groups[group].append((head["structure_id"], head["source_digest"]))
        known = {model["model_id"]: model for model in self.cluster_models.query(scope)}
        settings = self.settings.model_dump(mode="json")
        for model in known.values():
            group = (model["campaign"], model["method"])
            if len(groups.get(group, ())) < _FEWEST:
                self._forget(model)
        for (campaign, method), members in sorted(groups.items()):
            name = model_id(campaign, method, self.element)
            source = digest(sorted(members), settings)
            old = known.get(name)
            if (old or {}).get("source_digest") == source:
                continue
            if len(members) < _FEWEST:
                logger.info("No classes of %s: fewer than three structures", name)
                continue
            chosen = {"element": self.element, "campaign": campaign, "method": method}
            yield {
                "documents": list(self.fingerprints.query(chosen)),
                "source": source,
                "previous": old,
            }

    def scope(self) -> dict[str, Any]:
        """Return the filter of the models and places by this element."""
        return {**super().scope(), "element": self.element}

    def _forget(self, model: Mapping[str, Any]) -> None:
        """Remove the classes of a group that has too few structures left."""
        group = {k: model[k] for k in ("element", "campaign", "method")}
        self.clusters.remove_docs(group)
        self.cluster_models.remove_docs(group)

    def process_item(self, item: dict[str, Any]) -> Any:
        """Fit one group."""
        old = item["previous"]
        try:
            model, places = structure_classes(
                [FingerprintDocument.from_store(one) for one in item["documents"]],
                self.settings,
                source=item["source"],
                previous=None if old is None else ClusterModelDocument.from_store(old),
            )
        except ClusteringError as error:
            logger.info("No classes: %s", error)
            return old, None
        return model.model_dump(), [place.model_dump() for place in places]

    def update_targets(self, items: list[Any]) -> None:
        """Write the places, remove vanished ones, then write the model."""
        for model, places in items:
            if places is None:
                if model is not None:  # it has no classes any more
                    self._forget(model)
                continue
            group = {k: model[k] for k in ("element", "campaign", "method")}
            old = self.clusters.query(group, properties=["assignment_id"])
            ids = {place["assignment_id"] for place in places}
            gone = {place["assignment_id"] for place in old} - ids
            remove(self.clusters, "assignment_id", gone, **group)
            self.write(self.clusters, places, "assignment_id")
            self.write(self.cluster_models, [model], self.key)
