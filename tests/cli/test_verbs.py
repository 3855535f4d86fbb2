"""The command line: help, JSON, mistakes, and what a person reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lps_flows.cli import app

WORKFLOWS = Path(__file__).parents[2] / "workflows"
DEMO = WORKFLOWS / "demo.yaml"
VERBS = [
    ["run"],
    ["submit"],
    ["status"],
    ["graph"],
    ["crystals"],
    ["doctor"],
    ["build"],
    ["figures"],
    ["export"],
    ["report"],
    ["serve"],
    ["db", "install"],
    ["db", "start"],
    ["db", "stop"],
    ["db", "status"],
    ["db", "env"],
]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("LPS_FLOWS_HOME", str(tmp_path / "home"))
    return CliRunner()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(cli: CliRunner, verb: list[str]) -> None:
    result = cli.invoke(app, [*verb, "--help"])
    assert result.exit_code == 0
    assert f"lps-flows {' '.join(verb)}" in " ".join(result.output.split())


def test_crystals_as_json(cli: CliRunner) -> None:
    result = cli.invoke(app, ["crystals", "--json"])
    assert result.exit_code == 0
    entries = {entry["key"]: entry for entry in json.loads(result.output)}
    assert entries["beta-Li3PS4"]["citations"]
    assert {"Li2S", "P2S5", "LiPS3", "LT-Li7PS6", "Li48P16S61"} <= set(entries)


def test_crystals_as_a_table(cli: CliRunner) -> None:
    result = cli.invoke(app, ["crystals"])
    assert result.exit_code == 0
    assert "gamma-Li3PS4" in result.output
    assert "0.750" in result.output


def test_dry_run_counts_and_starts_nothing(cli: CliRunner, tmp_path: Path) -> None:
    result = cli.invoke(app, ["run", "--dry-run", str(WORKFLOWS / "paper.yaml")])
    assert result.exit_code == 0, result.output
    for word in ("crystals", "dataset", "sampling", "conductivity", "relax", "md"):
        assert word in result.output
    assert not (tmp_path / "home").exists()


def test_graph_is_mermaid(cli: CliRunner) -> None:
    result = cli.invoke(app, ["graph", str(DEMO)])
    assert result.exit_code == 0
    assert result.output.startswith("flowchart")
    assert "train potential" in result.output


def test_a_wrong_key_is_one_message_and_exit_code_1(
    cli: CliRunner, tmp_path: Path
) -> None:
    content = yaml.safe_load(DEMO.read_text())
    content["engine"]["nmae"] = "chgnet"
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    result = cli.invoke(app, ["run", str(file)])
    assert result.exit_code == 1
    assert "engine.nmae" in result.output
    assert "Traceback" not in result.output


def test_an_engine_that_is_not_there_is_named(cli: CliRunner, tmp_path: Path) -> None:
    content = yaml.safe_load(DEMO.read_text())
    content["engine"] = {"name": "abinit"}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    result = cli.invoke(app, ["run", str(file)])
    assert result.exit_code == 1
    assert "abinit" in result.output
    assert "chgnet" in result.output


def test_debug_keeps_the_stack_trace(cli: CliRunner, tmp_path: Path) -> None:
    result = cli.invoke(app, ["--debug", "run", str(tmp_path / "nowhere.yaml")])
    assert result.exit_code == 1
    assert result.exception is not None
    assert type(result.exception).__name__ == "CampaignFileError"


def test_wrong_usage_is_exit_code_2(cli: CliRunner) -> None:
    assert cli.invoke(app, ["run"]).exit_code == 2
    assert cli.invoke(app, ["fly"]).exit_code == 2


def test_status_of_a_server_that_is_not_running(cli: CliRunner) -> None:
    result = cli.invoke(app, ["db", "status", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["running"] is False
