"""What a killed worker leaves is found by its silence, and by what contradicts it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fireworks import Firework
from jobflow import SETTINGS, Flow

from lps_flows.runner import (
    Workplace,
    campaigns,
    progress,
    recover,
    run,
    silent_for,
    submit,
)
from lps_flows.runner.archive_parts import HELD_BACK
from lps_flows.runner.claims import SubmissionError
from lps_flows.runner.launchpad import CampaignLaunchPad
from lps_flows.runner.recovery import BUSY_HANDOVER_S
from lps_flows.runner.running import worker_name
from lps_flows.runner.worker import CampaignWorker, Stop, _launch, work
from tests.toy_jobs import fan_out, number, runs, toy_flow


def test_silent_workers_are_dead(workplace: Workplace, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    submit(workplace, toy_flow(journal), "toy", "hash")
    launchpad = workplace.require_launchpad()
    launchpad.checkout_fw(CampaignWorker("stock", "toy"), str(tmp_path))
    assert not recover(launchpad, "toy", silent_for(3600))
    assert progress(launchpad, "toy").total.running == 1
    assert not recover(launchpad, "another", silent_for(0))
    found = recover(launchpad, "toy", silent_for(0))
    assert len(found.rerun) == 1
    assert progress(launchpad, "toy").total.running == 0
    assert run(workplace, toy_flow(journal), "toy", "hash").complete
    assert set(runs(journal).values()) == {1}


def test_reserved_without_a_launch_is_released(
    workplace: Workplace, tmp_path: Path
) -> None:
    """`lpad detect_lostruns` does not find it, for there is no launch to find."""
    journal = tmp_path / "journal"
    submit(workplace, toy_flow(journal), "toy", "hash")
    launchpad = workplace.require_launchpad()
    launchpad._get_a_fw_to_run({"spec.campaign": "toy"})  # and die
    assert launchpad.detect_lostruns(expiration_secs=0, rerun=True) == ([], [], [])
    found = recover(launchpad, "toy", silent_for(0))
    assert len(found.released) == 1
    assert progress(launchpad, "toy").total.ready == 3


def test_a_living_worker_may_finish_its_reservation(
    workplace: Workplace, tmp_path: Path
) -> None:
    submit(workplace, toy_flow(tmp_path / "journal"), "toy", "hash")
    launchpad = workplace.require_launchpad()
    taken = launchpad._get_a_fw_to_run({"spec.campaign": "toy"})
    launch = {"$set": {"launches": [1]}}
    its = {"fw_id": taken.fw_id}
    later = threading.Timer(1.0, launchpad.fireworks.update_one, (its, launch))
    later.start()
    assert not recover(launchpad, "toy", silent_for(3600))
    later.join()
    assert launchpad.fireworks.find_one(its)["state"] == "RESERVED"


def test_a_busy_workers_reservation_is_not_taken_by_another(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a loaded machine reading a job took 13 s, and a second worker ran it, too."""
    journal = tmp_path / "journal"
    submit(workplace, Flow([number(1.0, str(journal), "one")]), "toy", "hash")
    launchpad = workplace.require_launchpad()
    monkeypatch.setattr("lps_flows.runner.recovery.HANDOVER_S", 0.1)
    read = launchpad.get_fw_by_id

    def slowly(fw_id: int) -> Firework:
        time.sleep(4)
        return read(fw_id)

    monkeypatch.setattr(launchpad, "get_fw_by_id", slowly)
    folder = workplace.home.launches("toy")
    busy = threading.Thread(
        target=launchpad.checkout_fw, args=(CampaignWorker("busy", "toy"), str(folder))
    )
    busy.start()
    time.sleep(1)
    stop = Stop()
    threading.Timer(6, stop.set).start()
    other = CampaignWorker("other", "toy")
    assert work(launchpad, other, folder, stop) == 0
    busy.join()
    assert launchpad.launches.count_documents({}) == 1
    assert launchpad.fireworks.find_one({})["state"] == "RUNNING"
    # one that is given up is taken up
    launchpad.fireworks.update_one({}, {"$set": {"state": "RESERVED", "launches": []}})
    monkeypatch.undo()
    began = time.monotonic()
    assert work(launchpad, other, folder, Stop(), handover_s=1.0) == 1
    assert time.monotonic() - began < BUSY_HANDOVER_S / 2
    assert set(runs(journal).values()) == {1}


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("at", [7, 11])
def test_a_lone_worker_that_adds_is_not_disturbed(
    workplace: Workplace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    proven: bool,
) -> None:
    """Its launch has ended by then: what it adds was deleted, and named nonetheless."""
    journal = tmp_path / "journal"
    submit(workplace, Flow([fan_out(8, str(journal))]), "toy", "hash")
    launchpad, fireworks = workplace.require_launchpad(), workplace.launchpad.fireworks
    monkeypatch.setattr(SETTINGS, "JOB_STORE", workplace.job_store)
    monkeypatch.setattr("lps_flows.runner.recovery._SILENCE_S", 1.0)
    beside = CampaignLaunchPad.at(launchpad.to_dict())
    upsert, begun = launchpad._upsert_fws, threading.Event()

    def slowly(fws: list[Firework], **options: bool) -> dict[int, int]:
        given: dict[int, int] = {}
        for each in sorted(fws, key=lambda fw: fw.fw_id):
            given |= upsert([each], **options)
            if fireworks.count_documents({}) == at:
                begun.set()
                time.sleep(0.1)
        time.sleep(0.7 if len(fws) > 1 else 0)  # before the workflow is written
        return given

    monkeypatch.setattr(launchpad, "_upsert_fws", slowly)
    worker = CampaignWorker("stock", "toy")
    folder = workplace.home.launches("toy")
    lone = threading.Thread(target=_launch, args=(launchpad, worker, folder))
    lone.start()
    assert begun.wait(20)
    assert not recover(beside, "toy", silent_for(0), proven=proven)
    lone.join()
    beside.connection.close()
    (workflow,) = launchpad.workflows.find({})
    there = {f["fw_id"] for f in fireworks.find({}, {"fw_id": 1})}
    assert there == set(workflow["nodes"])
    assert len(there) == 11
    assert "locked" not in workflow
    monkeypatch.undo()
    assert run(workplace, Flow([]), "toy", "hash").complete
    assert set(runs(journal).values()) == {1}


def left_while_adding(workplace: Workplace, journal: Path, worker: str) -> None:
    """Leave what a worker does that is killed before its additions are named."""
    submit(workplace, Flow([fan_out(3, str(journal))]), "toy", "hash")
    launchpad = workplace.require_launchpad()
    upsert = launchpad._upsert_fws

    def and_die(fws: list[Firework]) -> dict[int, int]:
        given = upsert(fws)
        if len(fws) > 1:
            raise SystemExit
        return given

    folder = workplace.home.launches("toy")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SETTINGS, "JOB_STORE", workplace.job_store)
        patched.setattr(launchpad, "_upsert_fws", and_die)
        with pytest.raises(SystemExit):
            _launch(launchpad, CampaignWorker(worker, "toy"), folder)
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})


def test_what_a_dead_worker_was_adding_is_added_anew(
    workplace: Workplace, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    left_while_adding(workplace, journal, worker_name(workplace, "toy"))
    began = time.monotonic()
    result = run(workplace, Flow([]), "toy", "hash")
    assert time.monotonic() - began < 15  # nobody else was ever there
    assert result.recovered.deleted == 5
    assert result.complete
    assert set(runs(journal).values()) == {1}


def test_what_another_was_adding_is_given_time(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stock worker's process is not known: it is dead when it wrote long nothing."""
    left_while_adding(workplace, tmp_path / "journal", "stock")
    launchpad = workplace.require_launchpad()
    monkeypatch.setattr("lps_flows.runner.recovery.LOCK_S", 3.0)
    began = time.monotonic()
    found = recover(launchpad, "toy", silent_for(0))
    assert time.monotonic() - began > 3
    assert found.deleted == 5
    assert len(found.refreshed) == 1
    assert progress(launchpad, "toy").total.total == 6


def test_additions_are_spared_when_another_took_the_lock_away(
    workplace: Workplace, tmp_path: Path
) -> None:
    """A worker that waits for it takes it after a time; the first one writes on."""
    left_while_adding(workplace, tmp_path / "journal", "stock")
    launchpad = workplace.require_launchpad()
    launchpad.workflows.update_many({}, {"$unset": {"locked": True}})
    before = launchpad.fireworks.count_documents({})
    assert not recover(launchpad, "toy", silent_for(3600))
    assert launchpad.fireworks.count_documents({}) == before
    assert recover(launchpad, "toy", {}, proven=True).deleted == 5


@pytest.mark.parametrize("state", ["restoring", "deleting", "submitting"])
def test_what_another_process_writes_is_left_alone(
    workplace: Workplace, tmp_path: Path, state: str
) -> None:
    """Jobs that are held back until a campaign is whole were released."""
    submit(workplace, toy_flow(tmp_path / "journal"), "toy", "hash")
    launchpad = workplace.require_launchpad()
    launchpad.db["campaigns"].update_one({}, {"$set": {"state": state}})
    launchpad.fireworks.update_many({"state": "READY"}, {"$set": {"state": HELD_BACK}})
    with pytest.raises(SubmissionError, match="restoring"):
        recover(launchpad, "toy", {}, proven=True)
    assert launchpad.fireworks.count_documents({"state": "READY"}) == 0


def test_a_campaign_that_lost_fireworks_is_not_complete(
    workplace: Workplace, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    run(workplace, toy_flow(journal), "toy", "hash")
    launchpad = workplace.require_launchpad()
    assert progress(launchpad, "toy").complete
    launchpad.fireworks.delete_many({"name": "leaf-1"})
    state = progress(launchpad, "toy")
    assert not state.complete
    assert state.damaged == ("1 fireworks that the workflow names are not there",)
    assert [each.state for each in campaigns(workplace)] == ["unfinished"]
