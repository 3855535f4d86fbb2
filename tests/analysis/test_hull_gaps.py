"""The metastable hull and the miscibility gaps, on points placed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import CompoundPhaseDiagram, PDEntry
from pymatgen.core import Composition

from lps_flows.analysis import CompositionPoint, gaps, lowest_points, metastable_hull
from lps_flows.analysis.hull_gaps import (
    GapError,
    atom_fraction,
    curve_between,
    lower_envelope,
)
from lps_flows.chemistry import CompositionLine

LINE = CompositionLine()


def _point(n_first: float, n_second: float, energy: float) -> CompositionPoint:
    formula = Composition(LINE.formula(n_first, n_second)).reduced_formula
    return CompositionPoint(formula, LINE.x(formula), energy, f"id-{formula}")


def _heights() -> list[CompositionPoint]:
    """Vertices at x = 0.5, 2/3, 0.75 on a convex curve; two points 20 meV above."""
    return [
        _point(1, 1, -0.10),
        _point(3, 2, -0.05),
        _point(2, 1, -0.12),
        _point(3, 1, -0.125),
        _point(5, 1, -0.08),
    ]


def test_gap_where_every_sampled_composition_is_above() -> None:
    intervals = metastable_hull(_heights(), LINE, tolerance=0.005)
    assert [(round(i.x_start, 3), round(i.x_end, 3)) for i in intervals] == [
        (0.5, 0.667),
        (0.667, 0.75),
        (0.75, 0.833),
    ]
    assert [i.status for i in intervals] == ["gap", "unsampled", "unsampled"]
    (gap,) = gaps(intervals)
    t = [atom_fraction(LINE, p.formula) for p in _heights()]
    on_line = np.interp(t[1], [t[0], t[2]], [-0.10, -0.12])
    assert gap.depth == pytest.approx(-0.05 - on_line)
    assert gap.margin == gap.depth
    assert gap.n_sampled == 1
    assert gap.contains(0.6)
    assert not gap.contains(0.5)
    assert not gap.contains(2 / 3)


def test_one_composition_near_the_tie_line_closes_the_gap() -> None:
    points = _heights()
    t = [atom_fraction(LINE, p.formula) for p in points]
    near = float(np.interp(t[1], [t[0], t[2]], [-0.10, -0.12])) + 0.004
    points[1] = _point(3, 2, near)
    (first, *_) = metastable_hull(points, LINE, tolerance=0.005)
    assert first.status == "no gap"
    assert metastable_hull(points, LINE, tolerance=0.003)[0].status == "gap"


def test_unsampled_stretch_is_told_from_a_gap() -> None:
    intervals = metastable_hull(_heights(), LINE, tolerance=0.005)
    assert intervals[1].depth is None
    assert intervals[1].largest_unsampled == pytest.approx(0.75 - 2 / 3)
    assert intervals[0].largest_unsampled == pytest.approx(0.6 - 0.5)


def test_the_envelope_is_the_hull_pymatgen_finds() -> None:
    rng = np.random.default_rng(5)
    units = [(n, m) for n in range(1, 9) for m in range(1, 5)]
    points = list(
        {
            p.formula: p
            for p in (_point(n, m, rng.uniform(-0.2, 0.0)) for n, m in units)
        }.values()
    )
    intervals = metastable_hull(points, LINE, tolerance=0.0)
    ours = {v for i in intervals for v in i.vertices}
    ordered = sorted(points, key=lambda p: p.x)
    entries = []
    for p in points:
        composition = Composition(p.formula)
        n, m = LINE.amounts(composition)
        energy = p.formation_energy * composition.num_atoms - 10 * n - 30 * m
        entries.append(PDEntry(composition, energy, attribute=p.formula))
    diagram = CompoundPhaseDiagram(
        entries, [Composition(ordered[0].formula), Composition(ordered[-1].formula)]
    )
    assert ours == {e.attribute for e in diagram.stable_entries}


def test_collinear_points_are_no_vertices() -> None:
    assert lower_envelope([0.0, 0.5, 1.0], [0.0, 0.0, 0.0]) == [0, 2]


def test_tie_lines_are_straight_in_the_fraction_of_atoms() -> None:
    x, energy = curve_between(LINE, [(0.0, 0.0), (1.0, -0.1)], 11)
    middle = int(np.argmin(np.abs(x - 0.5)))
    # at x = 0.5 a formula unit has 5 atoms, 1.5 of them in the half Li2S
    assert energy[middle] == pytest.approx(-0.1 * 1.5 / 5)


def test_lowest_of_each_composition() -> None:
    high, low = _point(1, 1, 0.3), _point(1, 1, 0.1)
    other = _point(3, 1, 0.2)
    assert lowest_points([other, high, low]) == [low, other]


def test_one_composition_is_no_hull() -> None:
    with pytest.raises(GapError, match="at least two"):
        metastable_hull([_point(1, 1, 0.0)], LINE, 0.005)
