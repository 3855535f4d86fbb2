"""Classes: the fitted model and every structure's place in it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.built import BuiltDocument, StructureResult

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


class ClusterModelDocument(BuiltDocument):
    """Scaler, PCA and k-means of one campaign by one method; classifies new data."""

    model_id: str = Field(description="'campaign|method|element'.")
    element: str | None = Field(description="Element of the fingerprints.")
    n_structures: int = Field(description="Structures it was fitted on.")
    scaler_mean: list[float] = Field(description="Mean, shape (n_features,).")
    scaler_scale: list[float] = Field(description="Deviation, shape (n_features,).")
    components: list[list[float]] = Field(
        description="Principal axes, shape (n_components, n_features)."
    )
    explained_variance: list[float] = Field(
        description="Fraction of the variance per component."
    )
    centroids: list[list[float]] = Field(
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
    references: dict[str, list[float]] = Field(
        description="Reduced vectors of the reference crystals, by key."
    )
    reference_sources: dict[str, str] = Field(
        description="Structure id of each reference, or 'library' when the campaign "
        "holds no relaxed one."
    )
    reference_classes: dict[str, int] = Field(
        description="Class of each reference crystal."
    )
    similarity_threshold: float = Field(
        description="Similarity below which there is no nearest crystal."
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
