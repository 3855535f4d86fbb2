"""Phase diagram of one campaign by one method, and one entry per structure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.base import Part
from lps_flows.schemas.built import BuiltDocument, PlacedResult

ENTRY_INDEXES = ("structure_id", "campaign", "method", "x", "energy_above_hull")
DIAGRAM_INDEXES = ("diagram_id", "campaign", "method")


GapStatus = Literal["gap", "no gap", "undecided", "unsampled"]


class DecompositionProduct(Part):
    """One product a structure decomposes to."""

    structure_id: str = Field(description="Structure of the product.")
    formula_pretty: str = Field(description="Reduced formula of the product.")
    fraction: float = Field(description="Fraction of the atoms that end up in it.")


class HullPlace(Part):
    """Where a structure lies in one diagram.

    Examples
    --------
    >>> HullPlace(
    ...     formation_energy_per_atom=-0.18, energy_above_hull=0.0, on_hull=True,
    ...     decomposes_to=[],
    ... ).on_hull
    True
    """

    formation_energy_per_atom: float = Field(
        description="Formation energy (eV/atom): from the end members on the line "
        "(Eq. 1), from the elements in the diagram of all elements."
    )
    energy_above_hull: float = Field(description="Distance above the hull (eV/atom).")
    on_hull: bool = Field(description="True for a vertex of the hull.")
    decomposes_to: list[DecompositionProduct] = Field(
        description="Products; the structure itself on the hull."
    )


class PhaseDiagramEntry(PlacedResult):
    """One structure's place in the diagrams."""

    composition: dict[str, float] = Field(description="Atoms per cell, by element.")
    converged: bool = Field(description="False when the relaxation stopped early.")
    formation_energy_per_atom: float | None = Field(
        description="Formation energy from the end members (eV/atom), Eq. 1; none off "
        "the line."
    )
    energy_above_hull: float | None = Field(
        description="Distance above the hull of the line (eV/atom)."
    )
    line: HullPlace | None = Field(description="Place on the composition line.")
    ternary: HullPlace | None = Field(
        description="Place in the diagram of all elements, none when that cannot be "
        "built."
    )


class LineEntry(PhaseDiagramEntry):
    """The entry of a structure on the composition line."""

    x: float
    formation_energy_per_atom: float
    energy_above_hull: float
    line: HullPlace


class EndMember(Part):
    """One end of the composition line."""

    formula: str = Field(description="Formula.")
    structure_id: str = Field(description="Its lowest structure.")
    energy: float = Field(description="Energy per formula unit (eV).")


class CompositionSummary(Part):
    """The lowest structures of one composition on the line."""

    formula_pretty: str = Field(description="Reduced formula.")
    x: float = Field(description="Position on the line.")
    n_structures: int = Field(description="Structures of this composition.")
    n_glasses: int = Field(description="Glass-ceramic ones among them.")
    lowest_id: str = Field(description="Lowest structure.")
    formation_energy_per_atom: float = Field(
        description="Its formation energy (eV/atom)."
    )
    energy_above_hull: float = Field(
        description="Its distance above the hull (eV/atom)."
    )
    on_hull: bool = Field(description="True for a vertex of the hull.")
    lowest_glass_id: str | None = Field(description="Lowest glass-ceramic structure.")
    glass_formation_energy_per_atom: float | None = Field(
        description="Its formation energy (eV/atom)."
    )
    glass_energy_above_hull: float | None = Field(
        description="Its distance above the hull (eV/atom)."
    )
    on_metastable_hull: bool = Field(
        description="True for a vertex of the hull of the glass-ceramic structures."
    )
    crystal_formation_energy_per_atom: float | None = Field(
        None,
        description="Formation energy of the lowest structure that is no glass-ceramic "
        "(eV/atom); none where there is none, and in documents of before.",
    )


class EnergyErrors(Part):
    """What is known of the errors of the energies.

    Examples
    --------
    >>> EnergyErrors(search={"Li4P2S7": 0.003}).known
    True
    """

    ann: float | None = Field(
        None,
        description="Root mean square of ANN less reference energy over the relaxed "
        "structures of all searches (eV/atom): how far the choice of what is relaxed "
        "can be wrong.",
    )
    reference: float | None = Field(
        None, description="Error of the reference engine against DFT (eV/atom)."
    )
    search: dict[str, float] = Field(
        default_factory=dict,
        description="Difference of the best energies of searches from different seeds "
        "(eV/atom), by reduced formula.",
    )
    still_falling: list[str] = Field(
        default_factory=list,
        description="Reduced formulas of which a search still fell when it stopped: "
        "their energies are upper bounds.",
    )

    @property
    def known(self) -> bool:
        """True when at least one error is known."""
        return bool(self.ann or self.reference or self.search)


LACKING = "known phases that were not computed: "

UNKNOWN = EnergyErrors()
"""Nothing is known of the errors."""


class HullInterval(Part):
    """The stretch between two consecutive vertices of the metastable hull.

    A stable crystal between them ends one stretch and begins the next.

    Examples
    --------
    >>> HullInterval(
    ...     x_start=0.5, x_end=0.667, vertices=("LiPS3", "Li4P2S7"), status="gap",
    ...     n_sampled=2, depth=0.03, margin=0.02, largest_unsampled=0.06,
    ...     tolerance=0.005,
    ... ).contains(0.6)
    True
    """

    x_start: float = Field(description="Vertex on the left.")
    x_end: float = Field(description="Vertex on the right.")
    vertices: tuple[str, str] = Field(description="Reduced formulas of the vertices.")
    status: GapStatus = Field(
        description="'gap': every sampled composition inside lies above the tie line "
        "by more than the tolerance; 'no gap': one does not; 'undecided': `note` says "
        "why; 'unsampled': there is none."
    )
    note: str = Field("", description="Why nothing is decided.")
    probability: float | None = Field(
        None,
        description="Share of draws within the errors of the energies in which every "
        "composition sampled inside lies above the tie line by more than the "
        "tolerance; none without a sample or a known error.",
    )
    n_sampled: int = Field(description="Compositions sampled inside.")
    depth: float | None = Field(
        description="Largest distance of a composition's lowest structure above the "
        "tie line (eV/atom), none when unsampled."
    )
    margin: float | None = Field(
        description="Smallest such distance (eV/atom): how clearly the tolerance is "
        "passed."
    )
    largest_unsampled: float = Field(
        description="Widest stretch of x inside without a sample: how far the verdict "
        "rests on nothing."
    )
    tolerance: float = Field(description="Tolerance of the verdict (eV/atom).")

    def contains(self, x: float) -> bool:
        """Return True for a composition strictly inside."""
        return self.x_start + 1e-9 < x < self.x_end - 1e-9


class PhaseDiagramDocument(BuiltDocument):
    """Hull, metastable hull and gaps of one campaign by one method."""

    diagram_id: str = Field(description="'campaign|method'.")
    settings: dict[str, Any] = Field(description="Settings of the builder.")
    end_members: list[EndMember] = Field(description="The ends of the line.")
    n_structures: int = Field(description="Structures that went in.")
    n_on_line: int = Field(description="Of these, on the composition line.")
    n_unconverged: int = Field(description="Of these, relaxed without converging.")
    n_left_out: int = Field(
        description="Structures of this method left out because they were not relaxed "
        "(or not converged, when that is asked for)."
    )
    compositions: list[CompositionSummary] = Field(
        description="Every composition on the line, ascending in x."
    )
    metastable_hull: list[HullInterval] = Field(
        description="Intervals of the hull of the glass-ceramic structures alone, from "
        "left to right; empty with fewer than two compositions."
    )
    errors: EnergyErrors = Field(
        UNKNOWN, description="Errors that the probabilities rest on."
    )
    elements: list[str] = Field(description="Elements of the diagram of all elements.")
    ternary_note: str | None = Field(
        description="Why the diagram of all elements could not be built, or which "
        "known phases of the library it lacks, because they were not computed."
    )

    @property
    def has_ternary(self) -> bool:
        """True when the diagram of all elements could be built."""
        note = self.ternary_note
        return note is None or note.startswith(LACKING)

    @property
    def line(self) -> CompositionLine:
        """The composition line."""
        first, second = (member.formula for member in self.end_members)
        return CompositionLine(end_members=(first, second))

    def gaps(self) -> list[HullInterval]:
        """Return the miscibility gaps."""
        return [part for part in self.metastable_hull if part.status == "gap"]
