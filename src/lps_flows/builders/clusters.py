"""Classes of structures: one model per campaign and method, one place per structure."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from maggma.core import Store

from lps_flows.analysis import (
    ClusterModel,
    ClusterSettings,
    FingerprintSettings,
    fit_clusters,
    structure_fingerprint,
    takes_part,
)
from lps_flows.builders.increment import (
    IncrementalBuilder,
    chunks,
    composition_of,
    digest,
    plain,
)
from lps_flows.chemistry import UnknownCrystalError, crystal
from lps_flows.schemas.clusters import (
    ASSIGNMENT_INDEXES,
    MODEL_INDEXES,
    ClusterAssignment,
    ClusterModelDocument,
)
from lps_flows.schemas.fingerprints import FingerprintDocument

logger = logging.getLogger(__name__)

LIBRARY = "library"
_FEWEST = 3
_NEEDED = [
    field
    for field in FingerprintDocument.model_fields
    if field not in {"versions", "created_at", "schema_version"}
]


def reference_fingerprints(
    documents: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    settings: FingerprintSettings,
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the fingerprints of the reference crystals and where they come from.

    The lowest relaxed crystal of the group stands for its key; a crystal the group
    does not hold comes from the library, as it was published.

    Parameters
    ----------
    documents
        Fingerprint documents of the group.
    keys
        Keys of the reference crystals.
    settings
        Settings of the fingerprints.
    """
    vectors, sources = {}, {}
    for key in keys:
        own = [d for d in documents if d["source"] == "crystal" and d["parent"] == key]
        if own:
            best = min(own, key=lambda d: (d["energy_per_atom"], d["structure_id"]))
            vectors[key] = np.array(best["fingerprint"])
            sources[key] = best["structure_id"]
            continue
        try:
            structure = crystal(key)
        except UnknownCrystalError:  # one of the campaign's own, not relaxed
            continue
        if settings.element is None or settings.element in structure.composition:
            vectors[key] = structure_fingerprint(structure, settings=settings)
            sources[key] = LIBRARY
    return vectors, sources


def cluster_documents(
    documents: Sequence[Mapping[str, Any]],
    settings: ClusterSettings,
    source: str,
    previous: ClusterModelDocument | None = None,
) -> tuple[ClusterModelDocument, list[ClusterAssignment]]:
    """Fit the classes of one group and place every structure in them.

    Parameters
    ----------
    documents
        Fingerprint documents of one campaign, method and element.
    settings
        Components, references, number of classes.
    source
        Digest to write on the documents.
    previous
        Model of the last build, whose labels are kept.
    """
    first = documents[0]
    made_with = FingerprintSettings.model_validate(first["settings"])
    data = np.array([document["fingerprint"] for document in documents])
    references, origins = reference_fingerprints(
        documents, settings.references, made_with
    )
    model = fit_clusters(
        data, references, settings, None if previous is None else previous.model()
    )
    name = f"{first['campaign']}|{first['method']}|{first['element'] or 'all'}"
    document = ClusterModelDocument(
        model_id=name,
        campaign=first["campaign"],
        method=first["method"],
        source_digest=source,
        element=first["element"],
        n_structures=len(documents),
        scaler_mean=model.scaler_mean.tolist(),
        scaler_scale=model.scaler_scale.tolist(),
        components=model.components.tolist(),
        explained_variance=model.explained_variance.tolist(),
        centroids=model.centroids.tolist(),
        labels=[int(label) for label in model.labels],
        silhouette={str(k): score for k, score in model.silhouette.items()},
        references={key: v.tolist() for key, v in model.references.items()},
        reference_sources=origins,
        reference_classes=model.reference_classes(),
        similarity_threshold=model.threshold,
        fingerprint_settings=plain(made_with),
        settings=plain(settings),
    )
    reduced = model.reduce(data)
    labels = model.classify(reduced)
    places = [
        _assignment(fingerprint, model, row, int(label), similarities)
        for fingerprint, row, label, similarities in zip(
            documents, reduced, labels, model.all_similarities(reduced), strict=True
        )
    ]
    return document, places


def _assignment(
    fingerprint: Mapping[str, Any],
    model: ClusterModel,
    reduced: np.ndarray,
    label: int,
    similarities: dict[str, float],
) -> ClusterAssignment:
    return ClusterAssignment(
        assignment_id=fingerprint["fingerprint_id"],
        structure_id=fingerprint["structure_id"],
        campaign=fingerprint["campaign"],
        method=fingerprint["method"],
        source_digest=fingerprint["source_digest"],
        element=fingerprint["element"],
        formula=fingerprint["formula"],
        x=fingerprint["x"],
        source=fingerprint["source"],
        parent=fingerprint["parent"],
        energy_per_atom=fingerprint["energy_per_atom"],
        coordinates=[round(float(value), 8) for value in reduced],
        label=label,
        similarities=similarities,
        nearest=model.nearest(similarities),
    )


def _takes_part(fingerprint: Mapping[str, Any]) -> bool:
    elements = [str(element) for element in composition_of(fingerprint["formula"])]
    species = fingerprint["settings"]["species"]
    return takes_part(elements, fingerprint["x"], species)


class ClusterBuilder(IncrementalBuilder):
    """Fit the classes of every campaign and method over all its fingerprints.

    Structures on the line and those with all its elements take part (`takes_part`).

    A group with fewer than three structures has no classes yet.

    Parameters
    ----------
    fingerprints
        The ``fingerprints`` collection.
    cluster_models
        Target of the models, with the key ``model_id``.
    clusters
        Target of the structures' places, with the key ``assignment_id``.
    settings
        Components, references, number of classes.
    element
        Element of the fingerprints; None for those of all atoms.
    campaign
        Only this campaign; all by default.
    chunk_size
        Groups in memory at a time.
    """

    key = "model_id"
    indexes = MODEL_INDEXES

    def __init__(
        self,
        fingerprints: Store,
        cluster_models: Store,
        clusters: Store,
        *,
        settings: ClusterSettings | dict[str, Any] | None = None,
        element: str | None = "Li",
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.fingerprints = fingerprints
        self.cluster_models = cluster_models
        self.clusters = clusters
        self.settings = ClusterSettings.model_validate(settings or {})
        self.element = element
        self.campaign = campaign
        super().__init__(
            sources=[fingerprints],
            targets=[cluster_models, clusters],
            chunk_size=chunk_size,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the builder as plain data, for `mrun`."""
        return {**super().as_dict(), "settings": plain(self.settings)}

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose fingerprints changed."""
        self.ensure_indexes()
        for field in ASSIGNMENT_INDEXES:
            self.clusters.ensure_index(field, unique=field == "assignment_id")
        mine: dict[str, Any] = {"element": self.element}
        if self.campaign is not None:
            mine["campaign"] = self.campaign
        groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for head in self.fingerprints.query(
            mine,
            properties=[
                "structure_id",
                "source_digest",
                "campaign",
                "method",
                "formula",
                "x",
                "settings.species",
            ],
        ):
            if not _takes_part(head):
                continue
            group = (head["campaign"], head["method"])
            groups[group].append((head["structure_id"], head["source_digest"]))
        known = {model["model_id"]: model for model in self.cluster_models.query(mine)}
        settings = plain(self.settings)
        for (campaign, method), members in sorted(groups.items()):
            name = f"{campaign}|{method}|{self.element or 'all'}"
            source = digest(sorted(members), settings)
            old = known.get(name)
            if (old or {}).get("source_digest") == source:
                continue
            if len(members) < _FEWEST:
                logger.info("No classes of %s: fewer than three structures", name)
                continue
            chosen = {"element": self.element, "campaign": campaign, "method": method}
            documents = sorted(
                filter(_takes_part, self.fingerprints.query(chosen, _NEEDED)),
                key=lambda d: d["structure_id"],
            )
            yield {"documents": documents, "source": source, "previous": old}

    def process_item(self, item: dict[str, Any]) -> Any:
        """Fit one group.

        Parameters
        ----------
        item
            Fingerprint documents, digest and previous model.
        """
        old = item["previous"]
        previous = None
        if old is not None:
            fields = {
                k: v for k, v in old.items() if k in ClusterModelDocument.model_fields
            }
            previous = ClusterModelDocument.model_validate(fields)
        model, places = cluster_documents(
            item["documents"], self.settings, item["source"], previous
        )
        return model.model_dump(), [place.model_dump() for place in places]

    def update_targets(self, items: list[Any]) -> None:
        """Write the places, remove vanished ones, then write the model.

        Parameters
        ----------
        items
            Models with their places.
        """
        for model, places in items:
            group = {k: model[k] for k in ("element", "campaign", "method")}
            old = self.clusters.query(group, properties=["assignment_id"])
            ids = {place["assignment_id"] for place in places}
            gone = sorted({place["assignment_id"] for place in old} - ids)
            for few in chunks(gone, 1000):
                self.clusters.remove_docs({"assignment_id": {"$in": few}})
            self.write(self.clusters, places, "assignment_id")
            self.write(self.cluster_models, [model], self.key)
