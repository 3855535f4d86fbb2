"""Where structures lie: the hull on the line and the diagram of all elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymatgen.analysis.phase_diagram import (
    CompoundPhaseDiagram,
    PDEntry,
    PhaseDiagram,
)
from pymatgen.core import Composition, Element

from lps_flows.analysis.hull import (
    HullEntry,
    HullError,
    check_entries,
    end_member_entries,
    formation_energy_per_atom,
    lowest_by_composition,
)
from lps_flows.chemistry import CompositionLine, OffLineError


@dataclass(frozen=True)
class HullPoint:
    """Where one structure lies relative to the hull."""

    entry_id: str
    x: float | None
    """Position on the line, none off the line."""
    formation_energy: float | None
    """Eq. 1 (eV/atom); off the line, against the elements in the ternary diagram."""
    e_above_hull: float
    """Distance above the hull (eV/atom)."""
    decomposition: dict[str, float]
    """Entry ids of the products with their fraction of the atoms; on the hull, the
    hull's own entry of that composition."""
    on_hull: bool
    """True for a vertex of the hull."""


def line_hull(
    entries: Sequence[HullEntry], end_members: tuple[str, str]
) -> list[HullPoint]:
    """Return every on-line entry's place relative to the hull of the line.

    pymatgen's `CompoundPhaseDiagram` of the lowest entry per composition gives hull
    and decomposition; the other entries of a composition differ from the lowest by
    their energy alone.

    Parameters
    ----------
    entries
        Entries of one method; those off the line are left out (`ternary_hull` has
        them).
    end_members
        Formulas of the ends of the line.

    Raises
    ------
    HullError
        When an end member is missing, methods are mixed or ids duplicated.
    """
    check_entries(entries)
    line = CompositionLine(end_members=end_members)
    ends = end_member_entries(entries, end_members)
    lowest = [
        e
        for e in lowest_by_composition(entries).values()
        if line.contains(e.composition)
    ]
    formulas = {e.formula for e in lowest}
    on_line = [e for e in entries if e.formula in formulas]
    diagram = CompoundPhaseDiagram(
        [_pd_entry(entry) for entry in lowest],
        [Composition(formula) for formula in end_members],
    )
    places = _places(diagram, diagram.all_entries, lowest)
    per_formula = {
        formula: ends[formula].energy_per_atom * Composition(formula).num_atoms
        for formula in end_members
    }
    # x and the energy of the ends per atom are the same for all of a composition
    xs = {e.formula: line.x(e.composition) for e in lowest}
    of_ends = {
        e.formula: e.energy_per_atom
        - formation_energy_per_atom(e.energy, e.composition, per_formula)
        for e in lowest
    }
    return _points(on_line, places, xs, of_ends)


def ternary_hull(
    entries: Sequence[HullEntry], line: CompositionLine
) -> list[HullPoint]:
    """Return every entry's place in the diagram of all elements.

    Parameters
    ----------
    entries
        Entries of one method, with one elemental phase of each element at least.
    line
        The composition line, for the entries' x.

    Raises
    ------
    HullError
        When an elemental phase is missing, methods are mixed or ids duplicated.
    """
    check_entries(entries)
    lowest = list(lowest_by_composition(entries).values())
    present = {e.formula for e in lowest if e.composition.is_element}
    elements = sorted({str(el) for e in lowest for el in e.composition.elements})
    missing = [el for el in elements if Composition(el).reduced_formula not in present]
    if missing:
        raise HullError(
            f"no elemental phase of {', '.join(missing)} by the method "
            f"{entries[0].method}",
            field="elements",
            value=missing,
            remedy="relax a crystal of the element with this method",
        )
    diagram = PhaseDiagram(
        [_pd_entry(entry) for entry in lowest], [Element(el) for el in elements]
    )
    places = _places(diagram, diagram.all_entries, lowest)
    references = {str(el): ref.energy_per_atom for el, ref in diagram.el_refs.items()}
    xs = {e.formula: _x_or_none(line, e.composition) for e in lowest}
    of_elements = {
        e.formula: sum(n * references[str(el)] for el, n in e.composition.items())
        / e.composition.num_atoms
        for e in lowest
    }
    return _points(entries, places, xs, of_elements)


@dataclass(frozen=True)
class _Place:
    """The hull at one composition."""

    lowest: HullEntry
    e_above_hull: float
    decomposition: dict[str, float]
    stable: bool


def _pd_entry(entry: HullEntry) -> PDEntry:
    return PDEntry(entry.composition, entry.energy, attribute=entry.entry_id)


def _places(
    diagram: PhaseDiagram, entries: Sequence[PDEntry], lowest: Sequence[HullEntry]
) -> dict[str, _Place]:
    by_id = {entry.entry_id: entry for entry in lowest}
    stable = {_id(entry) for entry in diagram.stable_entries}
    places = {}
    for pd_entry in entries:
        entry = by_id[_id(pd_entry)]
        products, above = diagram.get_decomp_and_e_above_hull(
            pd_entry, allow_negative=True
        )
        places[entry.formula] = _Place(
            entry,
            max(float(above or 0.0), 0.0),
            {_id(p): float(amount) for p, amount in (products or {}).items()},
            entry.entry_id in stable,
        )
    return places


def _id(entry: Any) -> str:
    """Return the id that `_pd_entry` hid in a pymatgen entry."""
    return str(entry.attribute)


def _points(
    entries: Sequence[HullEntry],
    places: Mapping[str, _Place],
    xs: Mapping[str, float | None],
    zero: Mapping[str, float],
) -> list[HullPoint]:
    """Place every entry by its composition's place, x and energy of its references."""
    return [
        HullPoint(
            entry_id=entry.entry_id,
            x=xs[entry.formula],
            formation_energy=entry.energy_per_atom - zero[entry.formula],
            e_above_hull=place.e_above_hull
            + (entry.energy_per_atom - place.lowest.energy_per_atom),
            decomposition=place.decomposition,
            on_hull=place.stable and entry.entry_id == place.lowest.entry_id,
        )
        for entry in entries
        for place in (places[entry.formula],)
    ]


def _x_or_none(line: CompositionLine, composition: Composition) -> float | None:
    try:
        return line.x(composition)
    except OffLineError:
        return None
