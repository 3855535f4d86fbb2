"""A trained potential as a document: weights, errors, and what it was trained on."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from lps_flows.schemas.base import Document, Part


class ErrorSummary(Part):
    """Energy errors over a set of structures."""

    n_structures: int = Field(description="Number of structures the errors are over.")
    rmse: float = Field(description="Root-mean-square error (meV/atom).")
    mae: float = Field(description="Mean absolute error (meV/atom).")
    max: float = Field(description="Largest absolute error (meV/atom).")
    force_rmse: float | None = Field(
        None, description="Root-mean-square error of force components (eV/Å)."
    )
    force_mae: float | None = Field(
        None, description="Mean absolute error of force components (eV/Å)."
    )
    force_max: float | None = Field(
        None, description="Largest error of a force component (eV/Å)."
    )


class RestartSummary(Part):
    """How one restart of the training went."""

    restart: int = Field(description="Number of the restart.")
    training: list[float] = Field(
        description="Energy RMSE on the training part by iteration (meV/atom)."
    )
    validation: list[float] = Field(
        description="Energy RMSE on the held-out part by iteration (meV/atom)."
    )
    best_iteration: int = Field(description="Iteration whose weights were kept.")
    message: str = Field(description="Why it stopped.")
    line_search_failed: bool = Field(
        description="Whether a failed line search stopped it."
    )


class PotentialDocument(Document):
    """An ANN potential with its committee, kept whole in the store.

    The weights travel as text inside `potential` (in the data store), never as a
    path, so that any worker that reaches the store can use it.
    """

    method: str = Field(description="Name of the potential as a method, 'ann-<id>'.")
    reference_method: str = Field(
        description="Reference method of the energies it was trained on."
    )
    potential: dict[str, Any] = Field(
        description="`ANNPotential.as_dict()`: descriptor, normalisation, weights of "
        "all committee members (kept in the data store)."
    )
    species: list[str] = Field(description="Elements, in the descriptor's order.")
    n_members: int = Field(description="Number of committee members.")
    settings: dict[str, Any] = Field(description="The training settings, whole.")
    dataset_hash: str = Field(
        description="SHA-256 over structures, energies and forces, in the order given."
    )
    n_structures: int = Field(description="Structures in the whole set.")
    validation: ErrorSummary = Field(description="Errors on the held-out structures.")
    training: ErrorSummary = Field(description="Errors on the training structures.")
    by_source: dict[str, ErrorSummary] = Field(
        description="Errors by source (crystal, strained, md, ga), over the whole set "
        "and over the held-out part."
    )
    by_composition: dict[str, ErrorSummary] = Field(
        description="Errors by formula, over the whole set and the held-out part."
    )
    restarts: list[RestartSummary] = Field(
        description="Every restart, the committee's members (kept in the data store)."
    )
    parity: dict[str, list[Any]] = Field(
        description="Reference and predicted energies (eV/atom), source, reduced "
        "formula and split of every structure (kept in the data store)."
    )

    @field_validator("potential", mode="before")
    @classmethod
    def _as_dict(cls, value: Any) -> Any:
        """Take back a potential that a store's decoder has already rebuilt."""
        return value.as_dict() if hasattr(value, "as_dict") else value
