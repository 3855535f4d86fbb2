"""Running a campaign of toy jobs where there is no server."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from jobflow import Flow
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.runner import Home, Workplace, open_workplace, recorded, run_in_files
from lps_flows.settings import CampaignSettings, load_campaign
from tests.toy_jobs import detour, fragile, number, runs, total, toy_flow

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def failing(journal: Path) -> Flow:
    """Jobs of which one fails, one that another asks for, and one that needs one."""
    made = detour(2, str(journal), fail=1, switch="no such file")
    after = number(made.output, str(journal), "after")
    lone = fragile("lone", str(journal), "no such file")
    lone.update_metadata({"stage": "alone"})
    return Flow([made, after, lone, total([lone.output], str(journal), "needs it")])


def counted(workplace: Workplace) -> Counter[str]:
    """Count the documents of each campaign."""
    stored = workplace.job_store.query({}, properties=["metadata.campaign"])
    return Counter(document["metadata"]["campaign"] for document in stored)


def test_what_failed_is_said_and_the_rest_runs(tmp_path: Path, journal: Path) -> None:
    with open_workplace(Home(tmp_path), files=True) as workplace:
        found = run_in_files(workplace, failing(journal), "toy")
        good = run_in_files(workplace, toy_flow(journal), "good")
    assert not found.complete
    told = {(failure.stage, failure.reason) for failure in found.failures}
    end = "needs no such file which is not there"
    assert ("alone", f"FileNotFoundError: lone {end}") in told
    assert {reason.split()[1] for _, reason in told} == {"lone", "side-1"}
    assert {"after", "side-0"} <= set(runs(journal))
    assert "needs it" not in runs(journal)
    assert good.complete
    assert not good.failures


def test_a_second_run_starts_again_and_keeps_the_first_aside(
    tmp_path: Path, journal: Path
) -> None:
    settings, kept = load_campaign(DEMO), []
    for _ in range(3):
        with open_workplace(Home(tmp_path), files=True) as workplace:
            run_in_files(workplace, toy_flow(journal), "other")
            flow = toy_flow(journal)
            result = run_in_files(workplace, flow, "toy", settings)
            kept.append(result.set_aside)
            assert workplace.job_store.get_output(flow.output.uuid) == 9
            assert counted(workplace)["toy"] == len(result.responses) + 1
    assert kept == [None, "toy.1", "toy.2"]
    with open_workplace(Home(tmp_path), files=True) as workplace:
        names = {
            f"{name}{end}" for name in ("toy", "other") for end in ("", ".1", ".2")
        }
        assert set(counted(workplace)) == names
        for name in ("toy", "toy.1", "toy.2"):
            assert recorded(workplace, name).settings_hash == settings.settings_hash


def test_the_command_fails_with_its_jobs_and_names_them(
    tmp_path: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LPS_FLOWS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(CampaignSettings, "maker", lambda _: None)
    monkeypatch.setattr(CampaignSettings, "flow", lambda _: failing(journal))
    done = CliRunner().invoke(app, ["run", str(DEMO), "--files", "--json"])
    assert done.exit_code == 1, done.output
    said = json.loads(done.stdout)
    assert not said["complete"]
    assert [failure["name"] for failure in said["failures"]] == ["fragile", "fragile"]
    assert "lone needs no such file" in done.stderr
    assert "--retry-failed" not in done.stderr
    again = CliRunner().invoke(app, ["run", str(DEMO), "--files"])
    assert "kept as campaign demo.1" in " ".join(again.stderr.split())
