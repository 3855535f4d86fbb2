"""One damaged document ends nothing that shows: the rest is there, and it is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jobflow import Flow, JobStore

from lps_flows.builders import build_all
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.structures import relaxed_heads
from lps_flows.report import LiveCampaign, render_page
from lps_flows.report.content import gather
from lps_flows.report.launchpad import launchpad_view
from lps_flows.report.markdown import render_markdown
from lps_flows.runner import Workplace, failures, progress, submit
from lps_flows.runner.recorded import recorded
from lps_flows.schemas.damage import DamagedDocumentError
from tests.report import synthetic
from tests.report.conftest import beside
from tests.security.test_fuzz import replaced
from tests.toy_jobs import number

CRYSTALS = {"Li2S": 0.0, "P2S5": 0.0, "gamma-Li3PS4": 0.0}
# The field that is damaged in the first output of every class.
KINDS = {
    "StructureDocument": "builder_meta",
    "StructureSet": "failures",
    "EvolutionDocument": "rejections",
    "SelectionDocument": "criteria",
    "PotentialDocument": "potential",
    "SamplingDocument": "structure_uuids",
    "TransportDocument": "runs",
}


def damage_one(store: JobStore, kind: str, name: str, new: Any) -> str:
    """Change a field of the first document of a class; returns the job's uuid."""
    job = store.docs_store.query_one({"output.@class": kind}, sort={"uuid": 1})
    assert job is not None, kind
    job.pop("_id", None)
    store.docs_store.update(replaced(job, ("output", name), new), key=["uuid", "index"])
    return str(job["uuid"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_goes_on(job_store: JobStore, kind: str) -> None:
    synthetic.put_all(job_store)
    uuid = damage_one(job_store, kind, KINDS[kind], ["another", 7])
    content = gather(job_store, beside(job_store), synthetic.CAMPAIGN)
    page, text = render_page(content), render_markdown(content)
    assert uuid in page
    assert uuid in text
    assert "How this was made" in text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda job: job.pop("index"), True),
        (lambda job: job.update(completed_at=7), False),
        (lambda job: job.update(metadata="x"), False),
        (lambda job: job["output"].update(energy="much"), True),
        (lambda job: job["output"].update(structure={"@class": "Structure"}), False),
        (lambda job: job["output"].pop("formula"), True),
        (lambda job: job.update(output=[job["output"]]), False),
    ],
)
def test_the_live_page_goes_on(
    workplace: Workplace, change: Callable[[dict[str, Any]], Any], named: bool
) -> None:
    store = workplace.job_store
    synthetic.put_crystals(store, CRYSTALS)
    job = store.docs_store.query_one({"output.formula": "Li12P4S16"}) or (
        store.docs_store.query_one({}, sort={"uuid": -1})
    )
    before = copy.deepcopy(job)
    job.pop("_id")
    store.docs_store.remove_docs({"uuid": job["uuid"]})
    change(job)
    store.docs_store.update(job, key="uuid")
    live = LiveCampaign(workplace, synthetic.CAMPAIGN)
    state = json.loads(live.state())
    assert state["campaign"] == synthetic.CAMPAIGN
    assert (before["uuid"] in state["note"]) is named
    assert "How this was made" in live.report()


def test_the_builders_go_on_and_name_it(job_store: JobStore) -> None:
    synthetic.put_crystals(job_store, CRYSTALS)
    synthetic.put_transport(job_store)
    uuid = damage_one(job_store, "TransportDocument", "runs", 5)
    with pytest.raises(DamagedDocumentError, match=uuid):
        build_all(job_store, campaign=synthetic.CAMPAIGN)
    stored = beside(job_store)
    assert stored("structures").count() == len(CRYSTALS)
    assert stored("phase_diagrams").count() == 1


FIREWORK_DAMAGE = [
    {"$unset": {"state": 1}},
    {"$set": {"state": {"of": "another"}}},
    {"$set": {"launches": "none"}},
    {"$unset": {"launches": 1, "name": 1}},
    {"$set": {"name": 5, "state": "FIZZLED", "launches": None}},
    {"$set": {"state": "RUNNING", "name": ["x"]}},
    {"$set": {"state": "FIZZLED", "spec._exception_details": "x"}},
    {"$set": {"spec.stage": {"a": 1}, "fw_id": "seven"}},
]


@pytest.mark.parametrize("damage", FIREWORK_DAMAGE, ids=str)
def test_a_damaged_firework_is_counted_and_named(
    workplace: Workplace, damage: dict[str, Any]
) -> None:
    launchpad = workplace.require_launchpad()
    submit(workplace, Flow([number(1), number(2)]), "damaged", "hash")
    firework = launchpad.fireworks.find_one({})
    launchpad.fireworks.update_one({"_id": firework["_id"]}, damage)
    state, failed = progress(launchpad, "damaged"), failures(launchpad, "damaged")
    assert state.total.total == 2
    sound = "_exception_details" in str(damage)
    assert len(state.damaged) == (0 if sound else 1)
    assert len(failed) == str(damage).count("FIZZLED")
    view = launchpad_view(launchpad, "damaged")
    assert view.progress.total.total == 2
    live = LiveCampaign(workplace, "damaged")
    told = json.loads(live.state())
    assert ("firework" in told["note"]) is not sound
    assert "How this was made" in live.report()


@pytest.mark.parametrize(
    "history",
    [None, "x", [5], [{"state": "RUNNING"}], [{"created_on": "x", "state": "RUNNING"}]],
)
def test_a_launch_without_times_is_named(workplace: Workplace, history: Any) -> None:
    launchpad = workplace.require_launchpad()
    submit(workplace, Flow([number(1), number(2)]), "damaged", "hash")
    fw_id = launchpad.fireworks.find_one({})["fw_id"]
    ended = {"state": "COMPLETED", "created_on": "y"}
    launch = {"fw_id": fw_id, "launch_id": 1, "state_history": history}
    if isinstance(history, list) and isinstance(history[0], dict):
        launch["state_history"] = [*history, ended]
    launchpad.launches.insert_one(launch)
    view = launchpad_view(launchpad, "damaged")
    assert [f"firework {fw_id}" in one for one in view.progress.damaged] == [True]
    page = LiveCampaign(workplace, "damaged").report()
    assert "its times cannot be read" in page


@pytest.mark.parametrize(
    "damage",
    [
        {"$set": {"settings": 5, "stages": "x"}},
        {"$set": {"settings": "{"}},
        {"$set": {"settings": "[1]", "stages": [{"a": 1}]}},
        {"$unset": {"settings_hash": 1, "stages": 1}},
    ],
)
def test_a_damaged_record_of_a_campaign_ends_nothing(
    workplace: Workplace, damage: dict[str, Any]
) -> None:
    launchpad = workplace.require_launchpad()
    submit(workplace, Flow([number(1), number(2)]), "damaged", "hash")
    launchpad.db["campaigns"].update_one({"campaign": "damaged"}, damage)
    found = recorded(workplace, "damaged")
    assert found is not None
    assert not found.complete
    assert progress(launchpad, "damaged").total.total == 2


def test_what_computes_stops_at_it(job_store: JobStore) -> None:
    synthetic.put_crystals(job_store, CRYSTALS)
    damage_one(job_store, "StructureDocument", "energy", "much")
    with pytest.raises(LpsFlowsError):
        relaxed_heads(job_store, synthetic.CAMPAIGN)
