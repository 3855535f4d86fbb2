"""A trained potential as a document: weights, errors, and what it was trained on."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from lps_flows.potential import ErrorReport, RestartHistory
from lps_flows.schemas.base import CalculationDocument, Part


class LearningRound(Part):
    """What a round of active learning found before it was trained on."""

    number: int = Field(description="Its number.")
    error: float | None = Field(
        description="Mean |ANN - reference| on the lowest structures that the round "
        "explored, before they were trained on (eV/atom); none without any."
    )
    spread: float | None = Field(
        description="Mean standard deviation of the committee on them (eV/atom)."
    )
    n_evaluations: int = Field(description="Reference evaluations of the round.")
    enough: bool = Field(description="True when no further round was needed.")


class PotentialDocument(CalculationDocument):
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
    n_left_out: int = Field(
        0, description="Those of them with a force above `max_force`, not trained on."
    )
    validation: ErrorReport = Field(description="Errors on the held-out structures.")
    training: ErrorReport = Field(description="Errors on the training structures.")
    by_source: dict[str, ErrorReport] = Field(
        description="Errors by source (crystal, strained, md, ga), over the whole set "
        "and over the held-out part."
    )
    by_composition: dict[str, ErrorReport] = Field(
        description="Errors by formula, over the whole set and the held-out part."
    )
    restarts: list[RestartHistory] = Field(
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

    trained_on: list[str] = Field(
        default_factory=list,
        description="Jobs of the labelled sets it was trained on, for the next "
        "training; empty in documents of before.",
    )
    rounds: list[LearningRound] = Field(
        default_factory=list, description="Rounds of active learning behind it."
    )
