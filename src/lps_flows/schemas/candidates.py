"""Verdict on one composition, with its reasons."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lps_flows.schemas.base import Part
from lps_flows.schemas.built import BuiltDocument
from lps_flows.schemas.clusters import ClusterModelDocument
from lps_flows.schemas.composition import CompositionFacts

CANDIDATE_INDEXES = ("candidate_id", "campaign", "method", "chosen", "rank")


class CompositionEvidence(Part):
    """What is known of one glass-ceramic composition.

    Examples
    --------
    >>> glass = CompositionEvidence(
    ...     formula_pretty="Li42P16S61", x=0.724, structure_id="gc",
    ...     energy_above_hull=0.028,
    ... )
    >>> glass.conductivity is None
    True
    """

    formula_pretty: str = Field(description="Reduced formula.")
    x: float = Field(description="Position on the line.")
    structure_id: str = Field(description="Its lowest glass-ceramic structure.")
    energy_above_hull: float = Field(description="Distance above the hull (eV/atom).")
    class_label: int | None = Field(
        None, description="Class of that structure, none when it was not classified."
    )
    nearest: str | None = Field(None, description="Its nearest crystal.")
    similarity: float | None = Field(
        None, description="Largest similarity (Eq. 3) to a reference crystal."
    )
    still_falling: bool = Field(
        False,
        description="True when its search had not ended: the distance is an upper "
        "bound.",
    )
    conductivity: float | None = Field(
        None, description="Conductivity (S/cm), none as long as it is unknown."
    )
    conductivity_temperature: float | None = Field(
        None,
        description="Temperature of the conductivity (K); none in documents of before.",
    )
    conductivity_trusted: bool = Field(
        False, description="True when it may rank: diffusive, in an intact framework."
    )


class ClassEvidence(Part):
    """What is known of the classes that structures were grouped into.

    Examples
    --------
    >>> ClassEvidence(of_crystals={"beta-Li3PS4": 0}, sizes={0: 8}, stability=1.0).sizes
    {0: 8}
    """

    of_crystals: dict[str, int] = Field(description="Class of reference crystals.")
    sizes: dict[int, int] = Field({}, description="Structures by class.")
    stability: float | None = Field(
        None, description="Smallest adjusted Rand index between seeds."
    )

    @classmethod
    def of(cls, model: ClusterModelDocument) -> ClassEvidence:
        """Return what a model says of its classes."""
        return cls(
            of_crystals=model.reference_classes,
            sizes=dict(zip(model.labels, model.sizes, strict=False)),
            stability=model.stability,
        )


class Criterion(Part):
    """One line of the reasoning."""

    name: str = Field(description="What is asked.")
    value: Any = Field(description="What the composition has.")
    threshold: Any = Field(description="What it needs.")
    passed: bool | None = Field(
        description="Whether it has it; none when that is undecided."
    )
    counts: bool = Field(
        True,
        description="False for a criterion that could not be used here: it stands "
        "neither for nor against the composition.",
    )
    reason: str = Field("", description="The same in words.")


class CandidateVerdict(CompositionEvidence):
    """The reasoning for one composition.

    Examples
    --------
    >>> CandidateVerdict(
    ...     formula_pretty="Li42P16S61", x=0.724, structure_id="gc",
    ...     energy_above_hull=0.028,
    ...     criteria=[], chosen=True, rank=1,
    ... ).rank
    1
    """

    criteria: list[Criterion] = Field(description="Every criterion.")
    chosen: bool = Field(description="True when every criterion that counts is passed.")
    rank: int | None = Field(description="1 for the best, none when not chosen.")
    probability: float | None = Field(
        None,
        description="Share of draws within the errors of the energies in which the "
        "composition passes; none when no error is known.",
    )

    @property
    def outcome(self) -> Literal["yes", "no", "undecided"]:
        """The verdict: 'undecided' when nothing fails and something is undecided."""
        if self.chosen:
            return "yes"
        return "no" if any(c.passed is False for c in self.criteria) else "undecided"


class CandidateDocument(BuiltDocument, CandidateVerdict, CompositionFacts):
    """One glass-ceramic composition against the candidate rule."""

    candidate_id: str = Field(description="'campaign|method|formula'.")
    settings: dict[str, Any] = Field(description="Thresholds.")
