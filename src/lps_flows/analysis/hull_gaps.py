"""The metastable hull of the glass-ceramic structures and its miscibility gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from pymatgen.core import Composition

from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.phase_diagram import HullInterval, LineEntry


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
        return cls(entry.formula, entry.x, entry.formation_energy, entry.structure_id)


def lower_envelope(t: Sequence[float], energy: Sequence[float]) -> list[int]:
    """Return the indices of the lower convex hull of points, from left to right.

    Parameters
    ----------
    t
        Coordinates in which tie lines are straight: the fraction of atoms that
        belong to one end member, for energies per atom; all different.
    energy
        Energies.
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


def metastable_hull(
    points: Sequence[CompositionPoint], line: CompositionLine, tolerance: float
) -> list[HullInterval]:
    """Return the intervals of the lower envelope of the glass-ceramic structures.

    Parameters
    ----------
    points
        Lowest glass-ceramic structure of every sampled composition, on the line.
    line
        The composition line.
    tolerance
        Distance above the tie line that makes a gap (eV/atom).

    Returns
    -------
    list of HullInterval
        From left to right; the vertices are the ends of the intervals.

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
    t = [atom_fraction(line, p.formula) for p in points]
    energy = [p.formation_energy for p in points]
    hull = lower_envelope(t, energy)
    intervals = []
    for left, right in pairwise(hull):
        inside = [k for k in range(len(t)) if t[left] < t[k] < t[right]]
        heights = [
            energy[k]
            - float(np.interp(t[k], (t[left], t[right]), (energy[left], energy[right])))
            for k in inside
        ]
        xs = sorted([points[k].x for k in (left, *inside, right)])
        status: Literal["gap", "no gap", "unsampled"] = "unsampled"
        if heights:
            status = "gap" if min(heights) > tolerance else "no gap"
        intervals.append(
            HullInterval(
                x_start=points[left].x,
                x_end=points[right].x,
                vertices=(points[left].formula, points[right].formula),
                status=status,
                n_sampled=len(inside),
                depth=max(heights, default=None),
                margin=min(heights, default=None),
                largest_unsampled=float(np.max(np.diff(xs))),
                tolerance=tolerance,
            )
        )
    return intervals


def curve_between(
    line: CompositionLine,
    vertices: Sequence[tuple[float, float]],
    n_points: int = 50,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tie lines through some vertices (x, eV/atom) as one curve over x.

    Parameters
    ----------
    line
        The composition line.
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


def lowest_points(
    points: Sequence[CompositionPoint],
) -> list[CompositionPoint]:
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
