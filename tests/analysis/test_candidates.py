"""The candidate rule, criterion by criterion."""

from __future__ import annotations

import pytest

from lps_flows.analysis import (
    CandidateSettings,
    CompositionEvidence,
    HullInterval,
    select_candidates,
)
from lps_flows.analysis.candidates import CandidateError

GAP = HullInterval(
    x_start=0.5,
    x_end=0.667,
    vertices=("a", "b"),
    status="gap",
    n_sampled=2,
    depth=0.03,
    margin=0.02,
    largest_unsampled=0.05,
    tolerance=0.005,
)
UNSAMPLED = HullInterval(
    x_start=0.75,
    x_end=0.875,
    vertices=("b", "c"),
    status="unsampled",
    n_sampled=0,
    depth=None,
    margin=None,
    largest_unsampled=0.1,
    tolerance=0.005,
)
CLASSES = {"beta-Li3PS4": 2, "gamma-Li3PS4": 1}


def _evidence(name: str, x: float, above: float, label: int | None, sigma=None):
    return CompositionEvidence(
        formula=name,
        x=x,
        structure_id=f"id-{name}",
        e_above_hull=above,
        class_label=label,
        conductivity=sigma,
    )


def _paper() -> list[CompositionEvidence]:
    """The paper's compositions: only Li42P16S61 passes."""
    return [
        _evidence("Li38P24S79", 0.613, 0.0705, 2),
        _evidence("Li42P16S61", 0.724, 0.028, 2),
        _evidence("wrong class", 0.72, 0.020, 1),
        _evidence("too high", 0.71, 0.045, 2),
    ]


def test_the_papers_answer() -> None:
    verdicts = select_candidates(_paper(), [GAP, UNSAMPLED], CLASSES)
    assert [v.formula for v in verdicts if v.chosen] == ["Li42P16S61"]
    assert verdicts[0].rank == 1


def test_every_criterion_is_given_with_value_and_threshold() -> None:
    verdicts = select_candidates(_paper(), [GAP, UNSAMPLED], CLASSES)
    by_name = {v.formula: v for v in verdicts}
    failed = {
        name: [k for k, c in enumerate(v.criteria) if not c.passed]
        for name, v in by_name.items()
    }
    assert failed == {
        "Li42P16S61": [],
        "Li38P24S79": [0, 1],
        "wrong class": [2],
        "too high": [1],
    }
    distance = by_name["too high"].criteria[1]
    assert (distance.value, distance.threshold) == (pytest.approx(45.0), 30.0)


def test_unsampled_interval_does_not_exclude() -> None:
    inside = [_evidence("inside", 0.8, 0.01, 2)]
    assert select_candidates(inside, [GAP, UNSAMPLED], CLASSES)[0].chosen


def test_ranked_by_hull_distance_then_by_known_conductivity() -> None:
    three = [
        _evidence("a", 0.7, 0.010, 2),
        _evidence("b", 0.71, 0.020, 2),
        _evidence("c", 0.72, 0.005, 2),
    ]
    order = [v.formula for v in select_candidates(three, [], CLASSES)]
    assert order == ["c", "a", "b"]
    known = [
        _evidence("a", 0.7, 0.010, 2, 0.01),
        _evidence("b", 0.71, 0.020, 2, 0.03),
        _evidence("c", 0.72, 0.005, 2),
    ]
    order = [v.formula for v in select_candidates(known, [], CLASSES)]
    assert order == ["b", "a", "c"]


def test_unclassified_structure_is_no_candidate() -> None:
    verdict = select_candidates([_evidence("a", 0.7, 0.0, None)], [], CLASSES)[0]
    assert not verdict.chosen


def test_no_superionic_crystal_with_a_class_is_an_error() -> None:
    with pytest.raises(CandidateError, match="superionic"):
        select_candidates(_paper(), [], {"gamma-Li3PS4": 1}, CandidateSettings())
