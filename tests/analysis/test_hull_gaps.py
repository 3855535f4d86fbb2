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
    outside_gaps,
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


def test_the_lowest_inside_decides_and_the_highest_gives_the_depth() -> None:
    """Heights of 0.25 and 0.5 eV/atom above a tie line at zero."""
    points = [
        _point(1, 1, 0.0),
        _point(3, 2, 0.5),
        _point(2, 1, 0.25),
        _point(3, 1, 0.0),
    ]
    (part,) = metastable_hull(points, LINE, tolerance=0.125)
    assert (part.status, part.margin, part.depth) == ("gap", 0.25, 0.5)
    # what lies at the tolerance is not beyond it
    for tolerance in (0.25, 0.375):
        assert metastable_hull(points, LINE, tolerance)[0].status == "no gap"


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


def _two_inside() -> list[CompositionPoint]:
    """Vertices at x = 2/3 and 5/6, two compositions 10 meV above between them."""
    ends = [_point(2, 1, -0.12), _point(5, 1, -0.08)]
    t = [atom_fraction(LINE, p.formula) for p in ends]
    inside = []
    for n, m in ((7, 3), (4, 1)):
        at = atom_fraction(LINE, LINE.formula(n, m))
        inside.append(_point(n, m, float(np.interp(at, t, [-0.12, -0.08])) + 0.01))
    return [*ends, *inside]


def test_a_stable_crystal_parts_a_gap() -> None:
    (whole,) = metastable_hull(_two_inside(), LINE, 0.005, n_decisive=2)
    assert (whole.status, whole.n_sampled) == ("gap", 2)
    gamma = CompositionPoint("Li3PS4", 0.75, -0.187, "gamma")
    left, right = metastable_hull(
        _two_inside(), LINE, 0.005, crystals=[gamma], n_decisive=2
    )
    assert (left.x_end, right.x_start) == (0.75, 0.75)
    assert (left.vertices[1], right.vertices[0]) == ("Li3PS4", "Li3PS4")
    assert [p.n_sampled for p in (left, right)] == [1, 1]
    assert [p.status for p in (left, right)] == ["undecided", "undecided"]
    assert left.note.startswith("rests on ")
    assert left.margin == pytest.approx(0.01)
    alone = [p for p in _two_inside() if p.x != pytest.approx(0.8)]
    parts = metastable_hull(alone, LINE, 0.005, crystals=[gamma])
    assert [p.status for p in parts] == ["gap", "unsampled"]
    assert outside_gaps(0.75, parts) == (True, "outside every gap")


def test_a_search_that_had_not_ended_decides_nothing() -> None:
    points = _two_inside()
    for k in range(4):
        (part,) = metastable_hull(
            points, LINE, 0.005, still_falling=[points[k].formula], n_decisive=2
        )
        assert part.status == "undecided"
        assert points[k].formula in part.note


def test_where_a_composition_lies() -> None:
    intervals = metastable_hull(_heights(), LINE, tolerance=0.005)
    assert outside_gaps(0.6, intervals) == (False, "inside the gap 0.500 < x < 0.667")
    assert outside_gaps(2 / 3, intervals)[0] is True
    for end in (0.5, 5 / 6, 0.9):
        assert outside_gaps(end, intervals)[0] is None
    assert outside_gaps(0.6, [])[0] is None
