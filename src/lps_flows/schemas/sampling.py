"""What sampling one composition gave, ANN beside reference."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.base import Document
from lps_flows.schemas.composition import CompositionFacts


class SamplingDocument(Document, CompositionFacts):
    """The lowest structures of one composition, relaxed by the reference engine.

    The structures themselves are documents of their own; `structure_uuids` points to
    them. Lists run over the structures handed to the reference engine, lowest ANN
    energy first; None marks a relaxation that failed.
    """

    method: str = Field(description="Reference method of the relaxed energies.")
    potential_method: str = Field(description="The potential that sampled.")
    parent: str = Field(description="Key of the parent crystal.")
    removed: str = Field(description="Formula of the end member removed.")
    n_removed: int = Field(description="Units removed.")
    formula: str = Field(description="Full formula of the cells.")
    x: float | None = Field(description="Position on the composition line.")
    structure_uuids: list[str] = Field(
        description="Job uuids of the relaxed structures' documents."
    )
    structures: dict[str, Any] = Field(
        default_factory=dict,
        description="Those of them that have an energy, by uuid: references in the "
        "store, in whose place jobflow puts the documents for a job.",
    )
    relaxation_uuids: list[str] = Field(
        default_factory=list,
        description="Job uuids of the `RelaxationDocument`s behind them.",
    )
    ann_energies: list[float] = Field(
        description="ANN energies of the ANN-relaxed structures (eV/atom)."
    )
    ann_stds: list[float | None] = Field(
        description="Committee standard deviations (eV/atom)."
    )
    reference_energies: list[float | None] = Field(
        description="Reference energies after reference relaxation (eV/atom)."
    )
    mean_absolute_error: float | None = Field(
        description="Mean |ANN - reference| over the pairs (meV/atom)."
    )
    rank_correlation: float | None = Field(
        description="Spearman's rho between ANN and reference energies; none for "
        "fewer than three pairs."
    )
    best_energies: list[float] = Field(
        default_factory=list,
        description="Lowest ANN energy that the search from each seed found (eV/atom).",
    )
    search_error: float | None = Field(
        None,
        description="Difference of these (eV/atom): the error of the search; none for "
        "a single seed.",
    )
    still_falling: bool | None = Field(
        None,
        description="True when one of the searches still fell when it stopped; none "
        "in documents of before.",
    )
    needs_active_learning: bool = Field(
        description="True when the order is poor or the committee is uncertain: more "
        "reference data near these structures would help."
    )

    @property
    def lowest_uuid(self) -> str | None:
        """Job of the structure of lowest reference energy; none when all failed."""
        relaxed = [
            (energy, uuid)
            for energy, uuid in zip(
                self.reference_energies, self.structure_uuids, strict=True
            )
            if energy is not None
        ]
        return min(relaxed)[1] if relaxed else None
