"""A trained potential as a document: weights, errors, and what it was trained on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lps_flows.schemas.base import Document


class ErrorSummary(BaseModel):
    """Energy errors over a set of structures."""

    model_config = ConfigDict(extra="forbid")

    n_structures: int = Field(description="Number of structures the errors are over.")
    rmse: float = Field(description="Root-mean-square error (meV/atom).")
    mae: float = Field(description="Mean absolute error (meV/atom).")
    max: float = Field(description="Largest absolute error (meV/atom).")


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
        description="SHA-256 over structures and energies, in the order given."
    )
    n_structures: int = Field(description="Structures in the whole set.")
    validation: ErrorSummary = Field(description="Errors on the held-out structures.")
    training: ErrorSummary = Field(description="Errors on the training structures.")
    by_source: dict[str, ErrorSummary] = Field(
        description="Errors over the whole set by source (crystal, strained, md, ga)."
    )
    by_composition: dict[str, ErrorSummary] = Field(
        description="Errors over the whole set by reduced formula."
    )
    parity: dict[str, list[Any]] = Field(
        description="Reference and predicted energies (eV/atom), source, reduced "
        "formula and split of every structure (kept in the data store)."
    )
