"""Classes: the fitted model and every structure's place in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from lps_flows.schemas.arrays import Floats
from lps_flows.schemas.base import Part
from lps_flows.schemas.built import BuiltDocument, StructureResult

NO_CRYSTAL = "none"

MODEL_INDEXES = ("model_id", "campaign", "method")
ASSIGNMENT_INDEXES = (
    "assignment_id",
    "structure_id",
    "campaign",
    "method",
    "element",
    "label",
    "nearest",
)


class ClusterModel(Part):
    """Everything that classifies a new structure without fitting again.

    Examples
    --------
    >>> from lps_flows.analysis import fit_clusters
    >>> fingerprints = np.repeat(np.eye(3), 4, axis=0) + np.arange(12)[:, None] / 100
    >>> model = fit_clusters(fingerprints, {"beta-Li3PS4": fingerprints[0]})
    >>> model.nearest(model.similarities(model.reduce(fingerprints[1])[0]))
    'beta-Li3PS4'
    """

    scaler_mean: Floats = Field(description="Mean, shape (n_features,).")
    scaler_scale: Floats = Field(
        description="Deviation, 1 where constant, shape (n_features,)."
    )
    components: Floats = Field(
        description="Principal axes, shape (n_components, n_features)."
    )
    explained_variance: Floats = Field(
        description="Fraction of the variance per component."
    )
    centroids: Floats = Field(
        description="Centres of the classes, shape (k, n_components)."
    )
    labels: list[int] = Field(description="Label of each centre.")
    sizes: list[int] = Field(
        default_factory=list,
        description="Structures of each class, in the order of `labels`; empty in "
        "documents of before.",
    )
    stability: float | None = Field(
        None,
        description="Smallest adjusted Rand index between the classes that k-means "
        "finds from different seeds; none in documents of before.",
    )
    silhouette: dict[str, float] = Field(
        description="Silhouette score by number of classes tried."
    )
    references: dict[str, Floats] = Field(
        description="Reduced vectors of the reference crystals, by key."
    )
    similarity_threshold: float = Field(
        description="Similarity below which there is no nearest crystal."
    )

    @classmethod
    def from_document(cls, document: ClusterModel) -> ClusterModel:
        """Return a stored document: it is a model itself, ready to classify."""
        return document

    def reduce(self, fingerprints: np.ndarray) -> np.ndarray:
        """Return reduced vectors, shape (n, n_components), of (n, n_features)."""
        scaled = (np.atleast_2d(fingerprints) - self.scaler_mean) / self.scaler_scale
        return scaled @ self.components.T

    def classify(self, reduced: np.ndarray) -> np.ndarray:
        """Return the label of the nearest centre, shape (n,)."""
        from scipy.spatial.distance import cdist

        distances = cdist(np.atleast_2d(reduced), self.centroids)
        return np.take(self.labels, distances.argmin(axis=1))

    def similarities(self, reduced: np.ndarray) -> dict[str, float]:
        """Return the similarity (Eq. 3) of one reduced vector to every reference."""
        return self.all_similarities(np.atleast_2d(reduced))[0]

    def all_similarities(self, reduced: np.ndarray) -> list[dict[str, float]]:
        """Return the similarities of many reduced vectors, shape (n, n_components).

        A structure exactly at the mean of the database has no direction: similarity 0.
        """
        if not self.references:
            return [{} for _ in reduced]
        others = np.array(list(self.references.values()))
        lengths = np.outer(
            np.linalg.norm(reduced, axis=1), np.linalg.norm(others, axis=1)
        )
        table = np.clip(reduced @ others.T / np.maximum(lengths, 1e-300), -1.0, 1.0)
        return [dict(zip(self.references, row, strict=True)) for row in table.tolist()]

    def nearest(self, similarities: Mapping[str, float]) -> str:
        """Return the most similar reference, ``none`` when all are below threshold."""
        key = max(similarities, key=lambda k: similarities[k], default=NO_CRYSTAL)
        if key == NO_CRYSTAL or similarities[key] < self.similarity_threshold:
            return NO_CRYSTAL
        return key


class ClusterModelDocument(ClusterModel, BuiltDocument):
    """The classes of one campaign by one method; classifies new structures, too."""

    model_id: str = Field(description="'campaign|method|element'.")
    element: str | None = Field(description="Element of the fingerprints.")
    n_structures: int = Field(description="Structures it was fitted on.")
    reference_sources: dict[str, str] = Field(
        description="Structure id of each reference, or 'library' when the campaign "
        "holds no relaxed one."
    )
    reference_classes: dict[str, int] = Field(
        description="Class of each reference crystal."
    )
    fingerprint_settings: dict[str, Any] = Field(
        description="Settings a new structure's fingerprint must be made with."
    )
    settings: dict[str, Any] = Field(description="Settings of the fit.")


class ClusterAssignment(StructureResult):
    """One structure's class and nearest crystal."""

    assignment_id: str = Field(description="'structure_id|element'.")
    element: str | None = Field(description="Element of the fingerprint.")
    coordinates: list[float] = Field(description="Reduced vector (n_components,).")
    label: int = Field(description="Class.")
    similarities: dict[str, float] = Field(
        description="Similarity (Eq. 3) to each reference crystal."
    )
    nearest: str = Field(
        description="Most similar crystal, 'none' when all are below the threshold."
    )
