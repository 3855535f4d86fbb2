"""What a killed worker leaves is found by its silence, and by what contradicts it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fireworks import Firework
from jobflow import Flow

from lps_flows.runner import Workplace, progress, recover, run, silent_for, submit
from lps_flows.runner.recovery import BUSY_HANDOVER_S
from lps_flows.runner.worker import CampaignWorker, Stop, work
from tests.toy_jobs import number, runs, toy_flow


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
