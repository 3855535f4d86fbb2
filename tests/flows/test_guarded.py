"""Dynamics on a potential that is taught where its committee is unsure."""

from types import SimpleNamespace

import pytest
from jobflow.core.flow import get_flow

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.flows import conductivity
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs.reference import LabelMaker
from lps_flows.jobs.refining import RefineMaker
from lps_flows.jobs.unsure import GuardSettings

CELL = crystal("beta-Li3PS4")
POTENTIAL = "3f2a7a0e-6b3f-4c43-9a52-3f1f2f0f5a11"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.setattr(conductivity, "in_place", lambda last: last)
    return ConductivityFlowMaker(
        engine=EngineSettings(name="ann"),
        settings=ConductivitySettings(
            temperatures=(700.0, 900.0),
            guard=GuardSettings(max_energy_std=0.01, restarts=2),
        ),
        label=LabelMaker(engine=get_engine(EngineSettings(name="chgnet"))),
        refine=RefineMaker(),
    )


def runs(*stds, failure=None):
    return [
        SimpleNamespace(
            max_energy_std=std,
            failure=failure,
            structure=crystal("beta-Li3PS4"),
            chunk_uuids=[f"chunk {number}"],
        )
        for number, std in enumerate(stds)
    ]


def test_runs_that_the_committee_is_sure_of_stay(maker):
    assert (
        maker.again(runs(0.005, None), ["a", "b"], "x", POTENTIAL, spent=[], start=CELL)
        is None
    )


def test_runs_that_broke_before_a_frame_was_kept_are_learnt_from(maker):
    broken = runs(None, failure="atoms overlap")
    flow = maker.again(broken, ["a"], "x", POTENTIAL, spent=[], start=CELL)
    [[(run, _)], _] = get_flow(flow).jobs[1].function_args
    assert run.uuid == "a"


def test_runs_that_had_no_cell_to_begin_in_teach_nothing(maker):
    (without,) = runs(None, failure="there is no cell at 900 K")
    without.chunk_uuids = []
    assert maker.again([without], ["a"], "x", POTENTIAL, spent=[], start=CELL) is None


def test_they_start_again_so_many_times_and_no_more(maker):
    assert (
        maker.again(
            runs(0.5, 0.5), ["a", "b"], "x", POTENTIAL, spent=[3, 4], start=CELL
        )
        is None
    )
    assert (
        maker.again(runs(0.5, 0.5), ["a", "b"], "x", POTENTIAL, spent=[3], start=CELL)
        is not None
    )


def test_frames_are_labelled_trained_on_and_the_runs_begin_anew(maker):
    flow = get_flow(
        maker.again(runs(0.005, 0.2), ["a", "b"], "x", POTENTIAL, spent=[7], start=CELL)
    )
    order = [job.name for job, _ in flow.iterflow()]
    assert order[:4] == [
        "recalled",
        "unsure frames",
        "label structures",
        "refine potential",
    ]
    assert order[-1] == "x conductivity"
    # only the run that it is unsure of is learnt from
    [[(run, chunks)], potential] = flow.jobs[1].function_args
    assert (run.uuid, [chunk.uuid for chunk in chunks]) == ("b", ["chunk 1"])
    assert potential.uuid == POTENTIAL
    assert {run.value.uuid, potential.value.uuid} == {flow.jobs[0].uuid}
    parents = {job.name: parents for job, parents in flow.iterflow()}
    moved = next(name for name in order if " md 1" in name)
    assert flow.jobs[3].uuid in parents[moved]
    collect = flow.jobs[-1]
    assert collect.function_args[3] == flow.jobs[3].uuid
    assert collect.function_kwargs["spent"][0] == 7


def test_without_a_guard_nothing_is_watched():
    plain = ConductivityFlowMaker(engine=EngineSettings(name="ann"))
    flow = plain.make(crystal("beta-Li3PS4"), potential_uuid=POTENTIAL)
    assert flow.jobs[-1].maker.guarded is None
