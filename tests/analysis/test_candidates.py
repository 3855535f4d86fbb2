"""The candidate rule, criterion by criterion."""

from __future__ import annotations

import re

import pytest

from lps_flows.analysis import (
    CandidateSettings,
    ClassEvidence,
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
NO_GAP = GAP.model_copy(
    update={"x_start": 0.667, "x_end": 0.75, "status": "no gap", "vertices": ("b", "c")}
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
INTERVALS = [GAP, NO_GAP, UNSAMPLED]
BETA, GAMMA = "beta-Li3PS4", "gamma-Li3PS4"
CLASSES = ClassEvidence(
    of_crystals={BETA: 2, GAMMA: 1}, sizes={0: 5, 1: 9, 2: 8}, stability=0.95
)


def _evidence(
    name: str, x: float, above: float, label: int | None, sigma=None, **more
) -> CompositionEvidence:
    known = {"nearest": BETA, "similarity": 0.7, "conductivity_trusted": True, **more}
    return CompositionEvidence(
        formula_pretty=name,
        x=x,
        structure_id=f"id-{name}",
        energy_above_hull=above,
        class_label=label,
        conductivity=sigma,
        **known,
    )


def _paper() -> list[CompositionEvidence]:
    """The paper's compositions: only Li42P16S61 passes."""
    return [
        _evidence("Li38P24S79", 0.613, 0.0705, 2),
        _evidence("Li42P16S61", 0.724, 0.028, 2),
        _evidence("wrong class", 0.72, 0.020, 1),
        _evidence("wrong crystal", 0.73, 0.020, 2, nearest=GAMMA),
        _evidence("like nothing", 0.735, 0.020, 2, nearest="none", similarity=0.2),
        _evidence("too high", 0.71, 0.045, 2),
    ]


def test_the_papers_answer() -> None:
    verdicts = select_candidates(_paper(), INTERVALS, CLASSES)
    assert [v.formula_pretty for v in verdicts if v.chosen] == ["Li42P16S61"]
    assert [v.outcome for v in verdicts] == ["yes"] + 5 * ["no"]
    assert verdicts[0].rank == 1


def test_every_criterion_is_given_with_value_and_threshold() -> None:
    verdicts = select_candidates(_paper(), INTERVALS, CLASSES)
    by_name = {v.formula_pretty: v for v in verdicts}
    failed = {
        name: [k for k, c in enumerate(v.criteria) if c.passed is False]
        for name, v in by_name.items()
    }
    assert failed == {
        "Li42P16S61": [],
        "Li38P24S79": [0, 1],
        "wrong class": [3],
        "wrong crystal": [2],
        "like nothing": [2],
        "too high": [1],
    }
    distance = by_name["too high"].criteria[1]
    assert (distance.value, distance.threshold) == (pytest.approx(45.0), 30.0)


@pytest.mark.parametrize(
    ("classes", "why"),
    [
        ({"stability": 0.27}, "change with the seed .* 0.27, 0.8 needed"),
        ({"stability": None}, "not known whether the classes are stable"),
        ({"of_crystals": {BETA: 0, GAMMA: 0}}, "holds gamma-Li3PS4, too"),
        ({"of_crystals": {BETA: 0}}, "class of gamma-Li3PS4 is not known"),
        ({"sizes": {0: 1, 1: 1, 2: 20}}, "holds 20 of 22 structures"),
    ],
)
def test_classes_that_tell_nothing_are_not_used(classes: dict, why: str) -> None:
    evidence = [
        _evidence("in the class", 0.72, 0.02, 2),
        _evidence("in another", 0.73, 0.02, 1),
        _evidence("like gamma", 0.71, 0.02, 2, nearest=GAMMA),
    ]
    meaningless = CLASSES.model_copy(update=classes)
    verdicts = {
        v.formula_pretty: v for v in select_candidates(evidence, INTERVALS, meaningless)
    }
    for verdict in verdicts.values():
        criterion = verdict.criteria[3]
        assert (criterion.passed, criterion.counts) == (None, False)
        assert re.search(f"could not be used: .*{why}", criterion.reason)
    assert verdicts["in the class"].chosen
    assert verdicts["in another"].chosen
    assert verdicts["like gamma"].outcome == "no"


def test_what_is_undecided_is_called_so() -> None:
    undecided = NO_GAP.model_copy(update={"status": "undecided", "note": "rests on a"})
    evidence = [
        _evidence("left end", 0.5, 0.01, 2),
        _evidence("right end", 0.875, 0.01, 2),
        _evidence("inside", 0.7, 0.01, 2),
        _evidence("vertex", 0.667, 0.01, 2),
        _evidence("unfinished", 0.75, 0.09, 2, still_falling=True),
        _evidence("unfinished in a gap", 0.6, 0.01, 2, still_falling=True),
    ]
    verdicts = select_candidates(evidence, [GAP, undecided, UNSAMPLED], CLASSES)
    said = {
        v.formula_pretty: (v.outcome, v.chosen, v.criteria[0].reason) for v in verdicts
    }
    for name in ("left end", "right end"):
        assert said[name] == ("undecided", False, "at the end of the sampled range")
    assert said["inside"][:2] == ("undecided", False)
    assert said["inside"][2].endswith("rests on a")
    assert said["vertex"] == ("yes", True, "outside every gap")
    assert said["unfinished"][0] == "undecided"
    assert said["unfinished in a gap"][0] == "undecided"
    assert [v.outcome for v in verdicts] == ["yes"] + 5 * ["undecided"]


def test_ranked_by_hull_distance_then_by_trusted_conductivity() -> None:
    three = [
        _evidence("a", 0.7, 0.010, 2),
        _evidence("b", 0.71, 0.020, 2),
        _evidence("c", 0.72, 0.005, 2),
    ]
    order = [v.formula_pretty for v in select_candidates(three, INTERVALS, CLASSES)]
    assert order == ["c", "a", "b"]
    known = [
        _evidence("a", 0.7, 0.010, 2, 0.01),
        _evidence("b", 0.71, 0.020, 2, 0.03),
        _evidence("c", 0.72, 0.005, 2),
        _evidence("d", 0.73, 0.025, 2, 1.328, conductivity_trusted=False),
    ]
    order = [v.formula_pretty for v in select_candidates(known, INTERVALS, CLASSES)]
    assert order == ["b", "a", "c", "d"]


def test_unclassified_structure_is_no_candidate() -> None:
    verdict = select_candidates([_evidence("a", 0.7, 0.0, None)], INTERVALS, CLASSES)[0]
    assert verdict.outcome == "no"


def test_no_superionic_crystal_with_a_class_is_an_error() -> None:
    without = CLASSES.model_copy(update={"of_crystals": {GAMMA: 1}})
    with pytest.raises(CandidateError, match="superionic"):
        select_candidates(_paper(), [], without, CandidateSettings())


def test_a_weak_similarity_is_none() -> None:
    said = {}
    for similarity in (0.299, 0.3):
        entry = _evidence("a", 0.7, 0.0, 2, similarity=similarity)
        (verdict,) = select_candidates([entry], INTERVALS, CLASSES)
        said[similarity] = verdict.criteria[2].passed
    assert said == {0.299: False, 0.3: True}


def test_every_threshold_is_itself_allowed() -> None:
    """Largest distance, smallest stability, largest share: 'at most' and 'at least'."""
    half = ClassEvidence(
        of_crystals={BETA: 2, GAMMA: 1}, sizes={1: 4, 2: 4}, stability=0.8
    )
    (verdict,) = select_candidates([_evidence("a", 0.7, 0.03, 2)], INTERVALS, half)
    assert verdict.criteria[1].reason == "30.0, at most 30"
    assert [c.passed for c in verdict.criteria] == [True] * 4
    assert verdict.criteria[3].counts


def test_one_poor_conductor_with_a_class_elsewhere_is_enough() -> None:
    rule = CandidateSettings(poor=(GAMMA, "Li2S"))
    (verdict,) = select_candidates(
        [_evidence("a", 0.7, 0.0, 2)], INTERVALS, CLASSES, rule
    )
    assert (verdict.criteria[3].passed, verdict.criteria[3].counts) == (True, True)


def test_undecided_ones_stand_before_those_that_fail() -> None:
    evidence = [
        _evidence("fails", 0.7, 0.001, 1),
        _evidence("far end", 0.875, 0.02, 2),
        _evidence("end", 0.5, 0.01, 2),
    ]
    verdicts = select_candidates(evidence, INTERVALS, CLASSES)
    assert [v.formula_pretty for v in verdicts] == ["end", "far end", "fails"]


def test_of_several_conductors_each_class_counts_by_itself() -> None:
    """One shares its class with a poor conductor: its members are not held to it."""
    known = ClassEvidence(
        of_crystals={BETA: 2, "Li7P3S11": 1, GAMMA: 1},
        sizes={0: 9, 1: 4, 2: 5},
        stability=0.9,
    )
    rule = CandidateSettings(superionic=(BETA, "Li7P3S11"))
    three = [_evidence(str(label), 0.7, 0.0, label) for label in (0, 1, 2)]
    verdicts = select_candidates(three, INTERVALS, known, rule)
    said = {
        v.formula_pretty: (v.criteria[3].passed, v.criteria[3].counts) for v in verdicts
    }
    assert said == {"0": (False, True), "1": (None, False), "2": (True, True)}
