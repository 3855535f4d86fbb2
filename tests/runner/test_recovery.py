"""What a killed worker leaves is found by its silence, and by what contradicts it."""

from __future__ import annotations

import threading
from pathlib import Path

from lps_flows.runner import Workplace, progress, recover, run, silent_for, submit
from lps_flows.runner.worker import CampaignWorker
from tests.toy_jobs import runs, toy_flow


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
