"""Formation energies, hull on the composition line, and the ternary diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import Field
from pymatgen.analysis.phase_diagram import (
    CompoundPhaseDiagram,
    PDEntry,
    PhaseDiagram,
)
from pymatgen.core import Composition, Element

from lps_flows.chemistry import CompositionLine, OffLineError
from lps_flows.foundation import FrozenSettings, LpsFlowsError


class HullError(LpsFlowsError):
    """A hull that cannot be built: end members missing, methods mixed, duplicates."""


class HullSettings(FrozenSettings):
    """What the phase diagram is made of."""

    end_members: tuple[str, str] = Field(
        ("Li2S", "P2S5"), description="Formulas of the ends of the composition line."
    )
    glass_sources: tuple[str, ...] = Field(
        ("ga", "melt-quench"),
        description="Sources that count as glass-ceramic structures.",
    )
    require_converged: bool = Field(
        False,
        description="Leave out relaxations that stopped before they converged; their "
        "energies are upper bounds.",
    )
    gap_tolerance: float = Field(
        5.0,
        ge=0,
        description="Distance above the tie line beyond which a composition counts as "
        "inside a miscibility gap (meV/atom).",
    )


@dataclass(frozen=True)
class HullEntry:
    """One structure's energy, as the hull needs it."""

    entry_id: str
    """Id of the structure document; unique."""
    composition: Composition
    """Composition of the cell."""
    energy: float
    """Total energy of the cell (eV)."""
    method: str
    """Reference method of the energy."""

    @property
    def energy_per_atom(self) -> float:
        """Energy per atom (eV)."""
        return self.energy / self.composition.num_atoms

    @cached_property
    def formula(self) -> str:
        """Reduced formula; kept, because reducing it is slow."""
        return str(self.composition.reduced_formula)


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


def formation_energy_per_atom(
    energy: float,
    composition: Composition | str,
    end_member_energies: Mapping[str, float],
) -> float:
    """Return the formation energy from the two end members (the paper's Eq. 1).

    E_f = [E - x E(Li2S) - (1 - x) E(P2S5)] / (7 - 4x) per formula unit
    (Li2S)x(P2S5)1-x, written for any cell: the energies of n0 units of the first and
    n1 units of the second end member are taken off, and the rest is divided by the
    number of atoms.

    Parameters
    ----------
    energy
        Total energy of `composition` as written (eV).
    composition
        Composition of the cell, or one formula unit.
    end_member_energies
        Energy by formula of the two end members, each of the formula as written
        (eV), for example ``{"Li2S": -12.1, "P2S5": -31.2}``.

    Returns
    -------
    float
        Formation energy (eV/atom).

    Raises
    ------
    HullError
        When there are not two end members.
    OffLineError
        When the composition is not on their line.
    """
    if len(end_member_energies) != 2:
        raise HullError(
            "a line has two end members",
            field="end_member_energies",
            value=dict(end_member_energies),
            remedy="give the energy of both, by formula",
        )
    first, second = end_member_energies
    line = CompositionLine(end_members=(first, second))
    cell = Composition(composition)
    n_first, n_second = line.amounts(cell)
    ends = n_first * end_member_energies[first] + n_second * end_member_energies[second]
    return float((energy - ends) / cell.num_atoms)


def check_entries(entries: Sequence[HullEntry]) -> None:
    """Raise unless all entries have one method, unique ids and finite energies.

    Raises
    ------
    HullError
        Naming the documents.
    """
    if not entries:
        raise HullError("there is no structure", field="entries", value=[])
    methods: dict[str, list[str]] = {}
    ids: set[str] = set()
    for entry in entries:
        methods.setdefault(entry.method, []).append(entry.entry_id)
        if entry.entry_id in ids:
            raise HullError(
                "two entries carry this id",
                field="entry_id",
                value=entry.entry_id,
                remedy="remove one of the duplicated documents",
            )
        if not np.isfinite(entry.energy):
            raise HullError(
                f"document {entry.entry_id} has no finite energy",
                field="energy",
                value=entry.energy,
                remedy="recompute or remove it",
            )
        ids.add(entry.entry_id)
    if len(methods) > 1:
        few = {method: found[:5] for method, found in methods.items()}
        raise HullError(
            "energies of different methods cannot share a hull",
            field="method",
            value=few,
            remedy="build one diagram per method",
        )


def end_member_entries(
    entries: Sequence[HullEntry], end_members: Sequence[str]
) -> dict[str, HullEntry]:
    """Return the lowest entry of each end member, by its formula.

    Raises
    ------
    HullError
        When an end member has no entry.
    """
    lowest = lowest_by_composition(entries)
    found = {}
    for formula in end_members:
        entry = lowest.get(Composition(formula).reduced_formula)
        if entry is None:
            raise HullError(
                f"no entry of the end member {formula} by the method "
                f"{entries[0].method if entries else '(none)'}",
                field="end_members",
                value=formula,
                remedy=f"relax a crystal of {formula} with this method, or put its "
                "document back",
            )
        found[formula] = entry
    return found


def lowest_by_composition(entries: Sequence[HullEntry]) -> dict[str, HullEntry]:
    """Return the lowest entry per atom of every reduced formula."""
    lowest: dict[str, HullEntry] = {}
    for entry in entries:
        key = entry.formula
        if key not in lowest or entry.energy_per_atom < lowest[key].energy_per_atom:
            lowest[key] = entry
    return lowest


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
    return [
        _point(
            entry,
            places[entry.formula],
            x=xs[entry.formula],
            formation_energy=entry.energy_per_atom - of_ends[entry.formula],
        )
        for entry in on_line
    ]


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
    return [
        _point(
            entry,
            places[entry.formula],
            x=xs[entry.formula],
            formation_energy=entry.energy_per_atom - of_elements[entry.formula],
        )
        for entry in entries
    ]


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


def _point(
    entry: HullEntry, place: _Place, *, x: float | None, formation_energy: float
) -> HullPoint:
    extra = entry.energy_per_atom - place.lowest.energy_per_atom
    return HullPoint(
        entry_id=entry.entry_id,
        x=x,
        formation_energy=formation_energy,
        e_above_hull=place.e_above_hull + extra,
        decomposition=place.decomposition,
        on_hull=place.stable and entry.entry_id == place.lowest.entry_id,
    )


def _x_or_none(line: CompositionLine, composition: Composition) -> float | None:
    try:
        return line.x(composition)
    except OffLineError:
        return None
