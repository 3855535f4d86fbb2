"""The metastable hull of the glass-ceramic structures and its miscibility gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pymatgen.core import Composition

from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.phase_diagram import GapStatus, HullInterval, LineEntry

_SAME = 1e-9
"""Difference of two coordinates below which they are one composition."""


class GapError(LpsFlowsError):
    """A metastable hull that cannot be built."""


@dataclass(frozen=True)
class CompositionPoint:
    """The lowest structure of one composition.

    Examples
    --------
    >>> CompositionPoint("LiPS3", 0.5, -0.095, "relaxed").x
    0.5
    """

    formula: str
    """Reduced formula."""
    x: float
    """Position on the line."""
    formation_energy: float
    """Eq. 1 of the lowest structure (eV/atom)."""
    entry_id: str
    """Id of the lowest structure."""

    @classmethod
    def of(cls, entry: LineEntry) -> CompositionPoint:
        """Return the point of a structure in a phase diagram."""
        return cls(
            entry.formula_pretty,
            entry.x,
            entry.formation_energy_per_atom,
            entry.structure_id,
        )


def lower_envelope(t: Sequence[float], energy: Sequence[float]) -> list[int]:
    """Return the indices of the lower convex hull of points, from left to right.

    Parameters
    ----------
    t
        Coordinates in which tie lines are straight: the fraction of atoms that
        belong to one end member, for energies per atom; all different.
    """
    order = sorted(range(len(t)), key=lambda k: t[k])
    hull: list[int] = []
    for k in order:
        while len(hull) >= 2 and _above(hull[-2], hull[-1], k, t, energy):
            hull.pop()
        hull.append(k)
    return hull


def _above(i: int, j: int, k: int, t: Sequence[float], energy: Sequence[float]) -> bool:
    """Return True when point j lies on or above the line from i to k."""
    return (energy[j] - energy[i]) * (t[k] - t[i]) >= (energy[k] - energy[i]) * (
        t[j] - t[i]
    )


def atom_fraction(line: CompositionLine, formula: str) -> float:
    """Return the fraction of a composition's atoms in units of the first end member.

    Energies per atom mix linearly in this coordinate, not in x.
    """
    first, second = (Composition(f).num_atoms for f in line.end_members)
    n_first, n_second = line.amounts(formula)
    return n_first * first / (n_first * first + n_second * second)


@dataclass(frozen=True)
class Stretch:
    """What lies between two neighbours among vertices and stable crystals."""

    ends: tuple[float, float]
    """Coordinates of the neighbours."""
    tie: tuple[int, int]
    """Glass-ceramic vertices whose tie line runs over it."""
    inside: list[int]
    """Glass-ceramic compositions strictly between the neighbours."""
    heights: list[float]
    """Their distances above the tie line."""


def stretches(
    t: Sequence[float], energy: Sequence[float], crystals: Sequence[float] = ()
) -> list[Stretch]:
    """Cut the lower envelope of glass-ceramic compositions, from left to right.

    Parameters
    ----------
    t
        Coordinates of the compositions in which tie lines are straight.
    crystals
        Coordinates of stable crystals: what lies over one is no mixture of the glasses
        at its sides.
    """
    parts = []
    for tie in pairwise(lower_envelope(t, energy)):
        (t0, t1), (e0, e1) = ([values[k] for k in tie] for values in (t, energy))
        between = sorted(c for c in crystals if t0 + _SAME < c < t1 - _SAME)
        for ends in pairwise([t0, *between, t1]):
            inside = [
                k for k, at in enumerate(t) if ends[0] + _SAME < at < ends[1] - _SAME
            ]
            heights = [
                energy[k] - e0 - (e1 - e0) * (t[k] - t0) / (t1 - t0) for k in inside
            ]
            parts.append(Stretch(ends, tie, inside, heights))
    return parts


def metastable_hull(
    points: Sequence[CompositionPoint],
    line: CompositionLine,
    tolerance: float,
    *,
    crystals: Sequence[CompositionPoint] = (),
    still_falling: Sequence[str] = (),
    n_decisive: int = 1,
) -> list[HullInterval]:
    """Return the intervals of the lower envelope of the glass-ceramic structures.

    Parameters
    ----------
    points
        Lowest glass-ceramic structure of every sampled composition, on the line.
    tolerance
        Distance above the tie line that makes a gap (eV/atom).
    crystals
        Stable crystals on the line: each ends one interval and begins the next.
    still_falling
        Formulas of which the search had not ended: what rests on their energies is
        undecided.
    n_decisive
        Compositions inside that a gap needs; with fewer it is undecided.

    Returns
    -------
    list of HullInterval
        From left to right; vertices and stable crystals are their ends.

    Raises
    ------
    GapError
        With fewer than two compositions, or one composition twice.

    Examples
    --------
    >>> lowest = [("LiPS3", 0.5, -0.1), ("Li3PS4", 0.75, -0.2)]
    >>> points = [CompositionPoint(*point, "id") for point in lowest]
    >>> [part.status for part in metastable_hull(points, CompositionLine(), 0.005)]
    ['unsampled']
    """
    formulas = [p.formula for p in points]
    if len(set(formulas)) < 2 or len(set(formulas)) != len(formulas):
        raise GapError(
            "a metastable hull needs at least two compositions, each once",
            field="points",
            value=formulas,
            remedy="sample more compositions, or pass the lowest of each",
        )
    at = {atom_fraction(line, p.formula): p for p in (*crystals, *points)}
    t = [atom_fraction(line, p.formula) for p in points]
    intervals = []
    for part in stretches(
        t,
        [p.formation_energy for p in points],
        [atom_fraction(line, crystal.formula) for crystal in crystals],
    ):
        left, right = (at[end] for end in part.ends)
        open_searches = sorted(
            {formulas[k] for k in (*part.tie, *part.inside)} & set(still_falling)
        )
        margin = min(part.heights, default=None)
        status: GapStatus = "gap"
        note = ""
        if margin is None:
            status = "unsampled"
        elif open_searches:
            status = "undecided"
            note = f"the search of {', '.join(open_searches)} had not ended"
        elif margin <= tolerance:
            status = "no gap"
        elif len(part.inside) < n_decisive:
            status = "undecided"
            note = f"rests on {formulas[part.inside[0]]} alone"
            if len(part.inside) > 1:
                note = f"rests on {len(part.inside)} compositions"
        xs = sorted([left.x, *(points[k].x for k in part.inside), right.x])
        intervals.append(
            HullInterval(
                x_start=left.x,
                x_end=right.x,
                vertices=(left.formula, right.formula),
                status=status,
                note=note,
                n_sampled=len(part.inside),
                depth=max(part.heights, default=None),
                margin=margin,
                largest_unsampled=float(np.max(np.diff(xs))),
                tolerance=tolerance,
            )
        )
    return intervals


def outside_gaps(
    x: float, intervals: Sequence[HullInterval]
) -> tuple[bool | None, str]:
    """Return whether a sampled composition lies outside every gap, and why.

    None where that is undecided: at the ends of the sampled range, beyond which
    nothing is known, and inside an undecided interval.

    Parameters
    ----------
    intervals
        Those of the metastable hull, from left to right.
    """
    if not intervals or not intervals[0].x_start < x < intervals[-1].x_end:
        return None, "at the end of the sampled range"
    for part in intervals:
        if part.contains(x) and part.status != "no gap":
            where = f"{part.x_start:.3f} < x < {part.x_end:.3f}"
            if part.status == "gap":
                return False, f"inside the gap {where}"
            return None, f"{where}: {part.note or part.status}"
    return True, "outside every gap"


def curve_between(
    line: CompositionLine, vertices: Sequence[tuple[float, float]], n_points: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tie lines through some vertices (x, eV/atom) as one curve over x.

    Parameters
    ----------
    vertices
        Position and energy per atom, ascending in x.
    n_points
        Points per tie line.
    """
    first, second = (Composition(f).num_atoms for f in line.end_members)
    xs, energies = [], []
    for (x0, e0), (x1, e1) in pairwise(vertices):
        x = np.linspace(x0, x1, n_points)
        t, t0, t1 = (v * first / (v * first + (1 - v) * second) for v in (x, x0, x1))
        xs.append(x)
        energies.append(e0 + (e1 - e0) * (t - t0) / (t1 - t0))
    return np.concatenate(xs), np.concatenate(energies)


def gaps(intervals: Sequence[HullInterval]) -> list[HullInterval]:
    """Return the intervals that are miscibility gaps.

    Examples
    --------
    >>> lowest = [("LiPS3", 0.5, -0.1), ("Li3P2S6.5", 0.6, 0.0), ("Li3PS4", 0.75, -0.2)]
    >>> points = [CompositionPoint(*point, "id") for point in lowest]
    >>> intervals = metastable_hull(points, CompositionLine(), tolerance=0.005)
    >>> [gap.vertices for gap in gaps(intervals)]
    [('LiPS3', 'Li3PS4')]
    """
    return [interval for interval in intervals if interval.status == "gap"]


def lowest_points(points: Sequence[CompositionPoint]) -> list[CompositionPoint]:
    """Return the lowest point of each formula, ascending in x.

    Examples
    --------
    >>> high, low = (CompositionPoint("LiPS3", 0.5, e, "id") for e in (-0.05, -0.10))
    >>> lowest_points([high, low]) == [low]
    True
    """
    chosen: dict[str, CompositionPoint] = {}
    for point in points:
        best = chosen.get(point.formula)
        if best is None or point.formation_energy < best.formation_energy:
            chosen[point.formula] = point
    return sorted(chosen.values(), key=lambda p: p.x)
