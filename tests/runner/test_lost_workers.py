"""Which launches count as lost, where others may be at the campaign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fireworks.fw_config import RUN_EXPIRATION_SECS
from jobflow import Flow
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.runner import Workplace, recover_lost, run, submit
from lps_flows.runner.running import alone, worker_name
from lps_flows.runner.worker import CampaignWorker
from tests.toy_jobs import number, runs


def taken(workplace: Workplace, name: str, silent_s: float = 0.0) -> None:
    """Let a worker of this name take the next firework, and die."""
    launchpad = workplace.require_launchpad()
    folder = str(workplace.home.launches("toy"))
    _, launch = launchpad.checkout_fw(CampaignWorker(name, "toy"), folder)
    last = (datetime.now(UTC) - timedelta(seconds=silent_s)).isoformat()
    launchpad.launches.update_one(
        {"launch_id": launch}, {"$set": {"state_history.$[].updated_on": last}}
    )


def test_a_run_mends_what_a_worker_elsewhere_left_long_ago(
    workplace: Workplace, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    flow = Flow([number(1.0, str(journal), "one")])
    submit(workplace, flow, "toy", "hash")
    taken(workplace, "rlaunch elsewhere", RUN_EXPIRATION_SECS + 1)
    result = run(workplace, flow, "toy", "hash")
    assert result.complete
    assert len(result.recovered.rerun) == 1


def test_recovery_knows_the_workers_of_this_home(
    workplace: Workplace, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    jobs = [number(1.0, str(journal), name) for name in ("one", "two")]
    submit(workplace, Flow(jobs), "toy", "hash")
    taken(workplace, worker_name(workplace, "toy"))
    taken(workplace, "rlaunch elsewhere")
    with alone(workplace, "toy"):  # a run of this home is at it
        assert not recover_lost(workplace, "toy")
    assert len(recover_lost(workplace, "toy").rerun) == 1
    assert not recover_lost(workplace, "toy")
    assert len(recover_lost(workplace, "toy", 0.0).rerun) == 1
    assert not runs(journal)


@pytest.mark.parametrize("after", ["inf", "nan", "1e300", "-1"])
def test_a_silence_that_is_no_time_is_refused(after: str) -> None:
    demo = Path(__file__).parents[2] / "workflows" / "demo.yaml"
    done = CliRunner().invoke(app, ["recover", str(demo), "--after", after])
    assert done.exit_code == 2
    assert "--after" in done.stderr
