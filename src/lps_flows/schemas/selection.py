"""Which structures went into molecular dynamics, and why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lps_flows.schemas.base import Document, Part
from lps_flows.schemas.candidates import CandidateVerdict

Reason = Literal[
    "candidate", "nearest to a candidate", "named", "along the line", "reference"
]


class SelectedStructure(Part):
    """One structure handed to molecular dynamics."""

    label: str = Field(description="Crystal key, or 'gc-' and the reduced formula.")
    reason: Reason = Field(
        description="'candidate' passes every criterion; 'nearest to a candidate' is "
        "the first of the undecided, or the lowest composition, when none does; "
        "'named' was asked for; 'along the line' is one of every n-th composition; "
        "'reference' is a known conductor."
    )
    structure_uuid: str = Field(description="Job uuid of the structure's document.")
    transport_uuid: str = Field(description="Job uuid of its transport document.")
    energy_above_hull: float | None = Field(
        None, description="Distance above the hull (eV/atom)."
    )


class SelectionDocument(Document):
    """The candidate rule as applied while the campaign ran."""

    method: str = Field(description="Reference method of the energies.")
    criteria: list[CandidateVerdict] = Field(
        description="Verdict per composition, the chosen ones first."
    )
    selected: list[SelectedStructure] = Field(
        description="Structures handed to molecular dynamics."
    )
    missing: list[str] = Field(
        default_factory=list,
        description="Compositions that were named and of which nothing was relaxed.",
    )
