"""Verdict on one composition, with its reasons."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.base import Part
from lps_flows.schemas.built import BuiltDocument

CANDIDATE_INDEXES = ("candidate_id", "campaign", "method", "chosen", "rank")


class CompositionEvidence(Part):
    """What is known of one glass-ceramic composition.

    Examples
    --------
    >>> glass = CompositionEvidence(
    ...     formula="Li42P16S61", x=0.724, structure_id="gc", e_above_hull=0.028
    ... )
    >>> glass.conductivity is None
    True
    """

    formula: str = Field(description="Reduced formula.")
    x: float = Field(description="Position on the line.")
    structure_id: str = Field(description="Its lowest glass-ceramic structure.")
    e_above_hull: float = Field(description="Distance above the hull (eV/atom).")
    class_label: int | None = Field(
        None, description="Class of that structure, none when it was not classified."
    )
    nearest: str | None = Field(None, description="Its nearest crystal.")
    conductivity: float | None = Field(
        None,
        description="Conductivity at 300 K (S/cm), none as long as it is unknown.",
    )


class Criterion(Part):
    """One line of the reasoning."""

    name: str = Field(description="What is asked.")
    value: Any = Field(description="What the composition has.")
    threshold: Any = Field(description="What it needs.")
    passed: bool = Field(description="Whether it has it.")


class CandidateVerdict(CompositionEvidence):
    """The reasoning for one composition.

    Examples
    --------
    >>> CandidateVerdict(
    ...     formula="Li42P16S61", x=0.724, structure_id="gc", e_above_hull=0.028,
    ...     criteria=[], chosen=True, rank=1,
    ... ).rank
    1
    """

    criteria: list[Criterion] = Field(description="Every criterion.")
    chosen: bool = Field(description="True when every criterion is passed.")
    rank: int | None = Field(description="1 for the best, none when not chosen.")


class CandidateDocument(BuiltDocument, CandidateVerdict):
    """One glass-ceramic composition against the candidate rule."""

    candidate_id: str = Field(description="'campaign|method|formula'.")
    settings: dict[str, Any] = Field(description="Thresholds.")
