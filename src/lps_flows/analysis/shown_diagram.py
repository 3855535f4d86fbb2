"""What figures of a phase diagram show, the same on paper and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pymatgen.core import Composition, Element

from lps_flows.analysis.hull_gaps import curve_between
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry

_NAMED_ABOVE = 0.012
"""Crystals this close to the lowest of their composition are named, too (eV/atom)."""
REGION = (0.65, 0.80)
"""Stretch of x around Li3PS4."""


def above_hull(
    places: Sequence[ClusterAssignment], entries: Sequence[PhaseDiagramEntry]
) -> list[tuple[ClusterAssignment, float]]:
    """Return the structures on the line, each with its distance above the hull.

    Parameters
    ----------
    entries
        Entries of the phase diagram of the same campaign and method.

    Returns
    -------
    list
        Structures, each with its distance above the hull of the line (meV/atom).
    """
    above = {
        entry.structure_id: 1000 * entry.energy_above_hull
        for entry in entries
        if entry.energy_above_hull is not None
    }
    return [
        (place, above[place.structure_id])
        for place in places
        if place.x is not None and place.structure_id in above
    ]


def in_region(
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    limit: float,
    x_range: tuple[float, float] = REGION,
) -> list[tuple[ClusterAssignment, float]]:
    """Return those of `above_hull` in a stretch of x, up to four times a limit.

    Parameters
    ----------
    places, entries
        See `above_hull`.
    limit
        Largest distance above the hull of a candidate (meV/atom).
    """
    return [
        (place, above)
        for place, above in above_hull(places, entries)
        if x_range[0] <= float(place.x or 0) <= x_range[1] and above <= 4 * limit
    ]


def chosen_points(
    candidates: Sequence[CandidateDocument], height: Mapping[str, float]
) -> list[tuple[tuple[float, float], str]]:
    """Return place (x, meV/atom) and name of the candidates, best first.

    Parameters
    ----------
    height
        Distance above the hull (meV/atom) of the structures shown, by their id.
    """
    chosen = [c for c in candidates if c.chosen and c.structure_id in height]
    return [
        ((c.x, height[c.structure_id]), c.formula_pretty)
        for c in sorted(chosen, key=lambda c: c.rank or 0)
    ]


def hull_curves(
    diagram: PhaseDiagramDocument,
) -> list[tuple[str, list[float], list[float]]]:
    """Return name, x and energy (meV/atom) of the hull, and of the metastable hull.

    The latter is that of the glass-ceramic structures alone, when they make one.
    """
    hull = [
        (c.x, c.formation_energy_per_atom) for c in diagram.compositions if c.on_hull
    ]
    metastable = [
        (c.x, c.glass_formation_energy_per_atom or 0.0)
        for c in diagram.compositions
        if c.on_metastable_hull
    ]
    curves = []
    for name, vertices in (("hull", hull), ("metastable hull", metastable)):
        if len(vertices) > 1:
            x, energy = curve_between(diagram.line, vertices)
            curves.append(
                (name, x.round(5).tolist(), (1000 * energy).round(3).tolist())
            )
    return curves


def named_crystals(
    entries: Sequence[PhaseDiagramEntry],
) -> list[tuple[str, tuple[float, float]]]:
    """Return name and place (x, meV/atom) of the crystals a phase diagram names.

    Those are the lowest of each composition and those hardly above it, from the lowest
    formation energy up.
    """
    crystals = sorted(
        (
            (entry.formation_energy_per_atom, entry.x, entry)
            for entry in entries
            if entry.source == "crystal"
            and entry.formation_energy_per_atom is not None
            and entry.x is not None
        ),
        key=lambda crystal: crystal[0],
    )
    lowest: dict[str, float] = {}
    for energy, _, entry in crystals:
        lowest.setdefault(entry.formula_pretty, energy)
    return [
        (entry.parent or entry.formula_pretty, (x, 1000 * energy))
        for energy, x, entry in crystals
        if energy - lowest[entry.formula_pretty] < _NAMED_ABOVE
    ]


def stable_and_above(
    entries: Sequence[PhaseDiagramEntry],
) -> tuple[list[PhaseDiagramEntry], list[PhaseDiagramEntry]]:
    """Return the vertices of the hull, and the lowest of every other formula.

    Glass-ceramic structures of the line appear where they are vertices only: the
    figure of the line has the others.
    """
    placed = [e for e in entries if e.ternary is not None]
    stable = {e.formula_pretty: e for e in placed if e.ternary and e.ternary.on_hull}
    above: dict[str, PhaseDiagramEntry] = {}
    for entry in sorted(placed, key=lambda e: e.energy_per_atom):
        if entry.formula_pretty not in stable and not (
            entry.glass and entry.x is not None
        ):
            above.setdefault(entry.formula_pretty, entry)
    return list(stable.values()), list(above.values())


def tie_lines(
    stable: Sequence[PhaseDiagramEntry], elements: Sequence[str]
) -> list[tuple[Composition, Composition]]:
    """Return the pairs of stable phases that coexist."""
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

    phases = [
        PDEntry(
            composition := Composition(e.composition),
            (e.ternary.formation_energy_per_atom if e.ternary else 0.0)
            * composition.num_atoms,
        )
        for e in stable
    ]
    hull = PhaseDiagram(phases, [Element(el) for el in elements])
    edges = {
        tuple(sorted((int(facet[i]), int(facet[j]))))
        for facet in hull.facets
        for i, j in ((0, 1), (1, 2), (0, 2))
    }
    phase = [entry.composition for entry in hull.qhull_entries]
    return [(phase[i], phase[j]) for i, j in sorted(edges)]
