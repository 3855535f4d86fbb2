"""The classes of one group of fingerprints: plain data in, documents out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lps_flows.analysis import (
    ClusterModel,
    ClusterSettings,
    FingerprintSettings,
    fit_clusters,
    structure_fingerprint,
)
from lps_flows.builders.increment import plain
from lps_flows.chemistry import UnknownCrystalError, crystal
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument

LIBRARY = "library"
"""Source of a reference crystal that the campaign does not hold."""


def model_name(campaign: str, method: str, element: str | None) -> str:
    """Return the id of the classes of one campaign by one method and element."""
    return f"{campaign}|{method}|{element or 'all'}"


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
        data,
        references,
        settings,
        None if previous is None else ClusterModel.from_document(previous),
    )
    document = ClusterModelDocument(
        model_id=model_name(first["campaign"], first["method"], first["element"]),
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
        _assignment(fingerprint, model, row, label, similarities)
        for fingerprint, row, label, similarities in zip(
            documents,
            reduced.round(8).tolist(),
            labels.tolist(),
            model.all_similarities(reduced),
            strict=True,
        )
    ]
    return document, places


def _assignment(
    fingerprint: Mapping[str, Any],
    model: ClusterModel,
    coordinates: list[float],
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
        coordinates=coordinates,
        label=label,
        similarities=similarities,
        nearest=model.nearest(similarities),
    )
