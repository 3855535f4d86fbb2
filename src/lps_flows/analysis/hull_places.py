"""Where structures lie: the hull on the line and the diagram of all elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pymatgen.core import Composition, Element

from lps_flows.analysis.hull import (
    HullEntry,
    HullError,
    check_entries,
    end_member_entries,
    formation_energy_per_atom,
    lowest_by_composition,
)
from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.phase_diagram import DecompositionProduct, HullPlace

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.entries.computed_entries import ComputedEntry


def line_hull(
    entries: Sequence[HullEntry | ComputedEntry],
    line: CompositionLine | tuple[str, str],
) -> dict[str, HullPlace]:
    """Return every on-line entry's place relative to the hull of the line, by id.

    pymatgen's `CompoundPhaseDiagram` of the lowest entry per composition gives hull
    and decomposition; the other entries of a composition differ from the lowest by
    their energy alone.

    Parameters
    ----------
    entries
        Entries of one method, ours or pymatgen's; those off the line are left out
        (`ternary_hull` has them).
    line
        The composition line, or the formulas of its end members.

    Raises
    ------
    HullError
        When an end member is missing, methods are mixed or ids duplicated.

    Examples
    --------
    >>> energies = {"Li2S": -10.0, "P2S5": -30.0, "Li3PS4": -30.8}
    >>> entries = [HullEntry(f, Composition(f), e, "m") for f, e in energies.items()]
    >>> places = line_hull(entries, CompositionLine())
    >>> round(places["Li3PS4"].formation_energy_per_atom, 3), places["Li3PS4"].on_hull
    (-0.1, True)
    """
    from pymatgen.analysis.phase_diagram import CompoundPhaseDiagram

    if not isinstance(line, CompositionLine):
        line = CompositionLine(end_members=line)
    ours = [HullEntry.of(entry) for entry in entries]
    check_entries(ours)
    ends = end_member_entries(ours, line)
    lowest = [
        e for e in lowest_by_composition(ours).values() if line.contains(e.composition)
    ]
    formulas = {e.formula for e in lowest}
    on_line = [e for e in ours if e.formula in formulas]
    diagram = CompoundPhaseDiagram(
        [_pd_entry(entry) for entry in lowest],
        [Composition(formula) for formula in line.end_members],
    )
    places = _places(diagram, diagram.all_entries, lowest)
    per_formula = {
        formula: ends[formula].energy_per_atom * Composition(formula).num_atoms
        for formula in line.end_members
    }
    # the energy of the ends per atom is the same for all of a composition
    of_ends = {
        e.formula: e.energy_per_atom
        - formation_energy_per_atom(e.energy, e.composition, per_formula)
        for e in lowest
    }
    return _placed(on_line, places, of_ends)


def ternary_hull(
    entries: Sequence[HullEntry | ComputedEntry], line: CompositionLine | None = None
) -> dict[str, HullPlace]:
    """Return every entry's place in the diagram of all elements, by id.

    Raises
    ------
    HullError
        When an elemental phase is missing, methods are mixed or ids duplicated.

    Examples
    --------
    >>> energies = {"Li": 0.0, "S": 0.0, "Li2S": -4.5}
    >>> entries = [HullEntry(f, Composition(f), e, "m") for f, e in energies.items()]
    >>> ternary_hull(entries)["Li2S"].formation_energy_per_atom
    -1.5
    """
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    ours = [HullEntry.of(entry) for entry in entries]
    check_entries(ours)
    lowest = list(lowest_by_composition(ours).values())
    present = {e.formula for e in lowest if e.composition.is_element}
    symbols = {str(el) for e in lowest for el in e.composition.elements}
    elements = sorted(symbols.union(() if line is None else line.elements))
    missing = [el for el in elements if Composition(el).reduced_formula not in present]
    if missing:
        raise HullError(
            f"no elemental phase of {', '.join(missing)} by the method "
            f"{ours[0].method}",
            field="elements",
            value=missing,
            remedy="relax a crystal of the element with this method",
        )
    diagram = PhaseDiagram(
        [_pd_entry(entry) for entry in lowest], [Element(el) for el in elements]
    )
    places = _places(diagram, diagram.all_entries, lowest)
    references = {str(el): ref.energy_per_atom for el, ref in diagram.el_refs.items()}
    of_elements = {
        e.formula: sum(n * references[str(el)] for el, n in e.composition.items())
        / e.composition.num_atoms
        for e in lowest
    }
    return _placed(ours, places, of_elements)


def _pd_entry(entry: HullEntry) -> PDEntry:
    from pymatgen.analysis.phase_diagram import PDEntry

    return PDEntry(entry.composition, entry.energy, attribute=entry.entry_id)


def _places(
    diagram: PhaseDiagram, entries: Sequence[PDEntry], lowest: Sequence[HullEntry]
) -> dict[str, tuple[HullEntry, HullPlace]]:
    """Return the lowest entry and its place by formula, its formation energy open."""
    by_id = {entry.entry_id: entry for entry in lowest}
    stable = {_id(entry) for entry in diagram.stable_entries}
    places = {}
    for pd_entry in entries:
        entry = by_id[_id(pd_entry)]
        products, above = diagram.get_decomp_and_e_above_hull(
            pd_entry, allow_negative=True
        )
        places[entry.formula] = (
            entry,
            HullPlace(
                formation_energy_per_atom=0.0,
                energy_above_hull=max(float(above or 0.0), 0.0),
                on_hull=entry.entry_id in stable,
                decomposes_to=[
                    DecompositionProduct(
                        structure_id=_id(product),
                        formula_pretty=by_id[_id(product)].formula,
                        fraction=float(fraction),
                    )
                    for product, fraction in (products or {}).items()
                ],
            ),
        )
    return places


def _id(entry: Any) -> str:
    """Return the id that `_pd_entry` hid in a pymatgen entry."""
    return str(entry.attribute)


def _placed(
    entries: Sequence[HullEntry],
    places: Mapping[str, tuple[HullEntry, HullPlace]],
    zero: Mapping[str, float],
) -> dict[str, HullPlace]:
    """Place every entry by its composition's place and its references' energy."""
    placed = {}
    for entry in entries:
        lowest, place = places[entry.formula]
        height = entry.energy_per_atom - lowest.energy_per_atom
        placed[entry.entry_id] = place.model_copy(
            update={
                "formation_energy_per_atom": entry.energy_per_atom
                - zero[entry.formula],
                "energy_above_hull": place.energy_above_hull + height,
                "on_hull": place.on_hull and entry.entry_id == lowest.entry_id,
            }
        )
    return placed
