"""Rounds of active learning that stop by a stated rule."""

import pytest
from jobflow.core.flow import get_flow

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.flows import active_learning
from lps_flows.flows.active_learning import ActiveLearningFlowMaker
from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.training import TrainingSetError
from lps_flows.jobs.uncertainty import (
    ActiveLearningSettings,
    EnoughSettings,
    UncertainStructuresMaker,
    judge_round,
)
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.potential import PotentialDocument

ENOUGH = EnoughSettings(max_error=0.005, max_spread=0.004)
PLAN = CompositionPlan(
    parent="beta-Li3PS4",
    remove="Li2S",
    n_units=1,
    formula="Li10P4S15",
    target_atoms=32,
)


def labelled(*off, spread=0.001):
    """Labels that lie `off` (eV/atom) from what the potential said."""
    cell = crystal("Li2S")
    entries = [
        StructureDocument.of(
            cell,
            -4.0 * len(cell),
            Provenance(
                source="ga",
                details={"ann_energy": -4.0 + error, "energy_std": spread},
            ),
            method="chgnet",
            line=CompositionLine(),
            relaxed=False,
            n_evaluations=1,
        )
        for error in off
    ]
    return StructureSet(
        method="chgnet",
        n_structures=len(entries),
        entries=entries,
        n_evaluations=len(entries),
    )


def test_no_search_begins_where_an_earlier_one_did():
    """With its seed the first generation would be what was trained on."""
    flow = ActiveLearningFlowMaker(rounds=2).make(
        "potential", [], [PLAN, PLAN], {"beta-Li3PS4": crystal("beta-Li3PS4")}
    )
    jobs = [job for job, _ in flow.iterflow() if isinstance(job.maker, EvolutionMaker)]
    seeds = {}
    for job in jobs:
        seeds.setdefault(job.name.rsplit(" ", 1)[-1], set()).add(
            job.maker.settings.seed
        )
    first, second = seeds["1"], seeds["2"]
    assert len(first) == len(second) == 1
    sampled = set(range(10))
    assert not first & second
    assert not (first | second) & sampled


@pytest.mark.parametrize(
    ("labels", "enough"),
    [
        (labelled(0.004, -0.004), True),
        (labelled(0.004, -0.009), False),
        (labelled(0.001, spread=0.02), False),
        (labelled(), False),
        (None, False),
    ],
)
def test_a_round_is_enough_by_error_and_spread_of_the_lowest(labels, enough):
    found = judge_round(labels, 3, ENOUGH)
    assert found.enough is enough
    assert found.number == 3


def test_errors_are_means_and_evaluations_are_counted():
    found = judge_round(labelled(0.002, -0.004, spread=0.003), 1, ENOUGH)
    assert found.error == pytest.approx(0.003)
    assert found.spread == pytest.approx(0.003)
    assert found.n_evaluations == 2


@pytest.fixture
def maker():
    settings = ActiveLearningSettings(rounds=3, enough=ENOUGH)
    return ActiveLearningFlowMaker(
        rounds=3,
        retrain=RetrainFlowMaker(pick=UncertainStructuresMaker(settings=settings)),
    )


def judged(maker, labels, number, monkeypatch, potential="given"):
    if potential == "given":
        potential = PotentialDocument.model_construct(rounds=[], trained_on=["a", "b"])
    monkeypatch.setattr(active_learning, "in_place", lambda last: last)
    return ActiveLearningFlowMaker.go_on.original(
        maker,
        potential,
        labels,
        number,
        potential_uuid="the potential",
        plans=[PLAN],
        crystal_uuids={"beta-Li3PS4": "the crystal"},
        unrelaxed={},
    )


def test_what_is_known_well_enough_needs_no_further_round(maker, monkeypatch):
    found = judged(maker, labelled(0.001), 1, monkeypatch)
    assert [(r.number, r.enough) for r in found.rounds] == [(1, True)]


def test_the_last_round_is_the_last(maker, monkeypatch):
    found = judged(maker, labelled(0.1), 3, monkeypatch)
    assert not found.rounds[-1].enough


def test_otherwise_a_round_follows_that_refers_to_jobs_of_its_own(maker, monkeypatch):
    replaced = judged(maker, labelled(0.1), 1, monkeypatch).replace
    names = [job.name for job, _ in get_flow(replaced).iterflow()]
    assert "explore Li10P4S15 from beta-Li3PS4 round 2" in names
    assert "train potential round 2" in names
    last = replaced.jobs[-1]
    assert last.function_args[2] == 2
    assert [r.number for r in last.function_kwargs["rounds"]] == [1]


def test_a_round_that_trained_nothing_is_an_error(maker, monkeypatch):
    with pytest.raises(TrainingSetError, match="no potential"):
        judged(maker, labelled(0.1), 1, monkeypatch, potential=None)
