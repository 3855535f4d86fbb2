"""Heights over the tie lines of published points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pymatgen.core import Composition

from results_page.published import FORMATION, SAME_X, Row, within


def atom_share(x: float) -> float:
    """Return the share of atoms in Li2S at x: energies per atom are linear in it."""
    first, second = (Composition(f).num_atoms for f in ("Li2S", "P2S5"))
    return float(x * first / (x * first + (1 - x) * second))


def tie_line(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """Return the energy of the lower hull of points (x, energy) at x."""
    t = atom_share(x)
    shares = [(atom_share(at), energy) for at, energy in points]
    over = [
        e0 if t1 == t0 else e0 + (e1 - e0) * (t - t0) / (t1 - t0)
        for t0, e0 in shares
        for t1, e1 in shares
        if t0 <= t <= t1
    ]
    return min(over, default=None)


def point(row: Row) -> tuple[float, float]:
    """Return x and formation energy (meV/atom) of a row of the hull."""
    return float(row["x"]), float(row[FORMATION])


def over_the_outside(
    points: Mapping[str, tuple[float, float]],
    start: float,
    end: float,
    crystals: Sequence[tuple[float, float]] = (),
) -> tuple[list[str], list[tuple[float, str, float]]]:
    """Return who lies inside a gap, and how high over the tie line of those outside.

    Heights are (height, label, x), without those that have no neighbours outside.
    Crystals, where given, are such neighbours at the borders of the gap.
    """
    low, high = within(start, end)
    inside = [k for k, (x, _) in points.items() if low < x < high]
    outside = [point for label, point in points.items() if label not in inside]
    borders = (start, end)
    outside += [p for p in crystals if min(abs(p[0] - b) for b in borders) < 2 * SAME_X]
    heights = []
    for label in inside:
        x, energy = points[label]
        if (tie := tie_line(outside, x)) is not None:
            heights.append((energy - tie, label, x))
    return inside, heights
