"""The command line: help, JSON, mistakes, and what a person reads."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo.errors import ServerSelectionTimeoutError
from rich.console import Console
from typer.testing import CliRunner

from lps_flows import __version__
from lps_flows.cli import app
from lps_flows.cli.progress import working
from lps_flows.foundation import LpsFlowsError
from lps_flows.runner import Check

WORKFLOWS = Path(__file__).parents[2] / "workflows"
DEMO = WORKFLOWS / "demo.yaml"
VERBS = [
    ["run"],
    ["submit"],
    ["status"],
    ["recover"],
    ["graph"],
    ["crystals"],
    ["doctor"],
    ["build"],
    ["figures"],
    ["export"],
    ["diffusivity"],
    ["report"],
    ["serve"],
    ["archive"],
    ["restore"],
    ["campaigns"],
    ["delete"],
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


START = "from lps_flows.cli import app; app()"


def test_help_is_printed_where_ascii_is_all_there_is() -> None:
    for verb in ([], ["export"], ["run"], ["report"]):
        done = subprocess.run(
            [sys.executable, "-c", START, *verb, "--help"],
            check=False,
            env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            encoding="ascii",
        )
        assert done.returncode == 0, done.stderr
        assert "Usage" in done.stdout


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


@pytest.mark.usefixtures("default_engine")
def test_graph_draws_stages_and_counts(cli: CliRunner) -> None:
    result = cli.invoke(app, ["graph", str(DEMO)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("flowchart")
    nodes = re.findall(r'^ +(s\d+)\["<b>(.+?)</b>(.*)"\]$', result.output, re.MULTILINE)
    names = {stage: name for name, stage, _ in nodes}
    assert {"crystals", "dataset", "training", "sampling", "conductivity"} <= set(names)
    assert len(nodes) < 12
    counts = {stage: lines for _, stage, lines in nodes}
    n_crystals = len(yaml.safe_load(DEMO.read_text())["crystals"])
    assert f"{n_crystals} relax (chgnet)" in counts["crystals"]
    assert f"{names['dataset']} --> {names['training']}" in result.output
    assert f"{names['selection']} -.-> {names['conductivity']}" in result.output
    assert "external" not in result.output


@pytest.mark.usefixtures("default_engine")
def test_graph_draws_every_job_on_request(cli: CliRunner) -> None:
    result = cli.invoke(app, ["graph", "--jobs", str(DEMO)])
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


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_keeps_the_stack_trace(
    cli: CliRunner, tmp_path: Path, place: int
) -> None:
    arguments = ["run", str(tmp_path / "nowhere.yaml"), "--dry-run"]
    arguments.insert(place, "--debug")
    result = cli.invoke(app, arguments)
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "CampaignFileError"


def test_debug_reaches_the_verbs_below(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise LpsFlowsError("no", field="server", value=1, remedy="Do something else")

    monkeypatch.setattr("lps_flows.runner.PrivateMongod.status", refuse)
    plain = cli.invoke(app, ["db", "status"])
    assert plain.exit_code == 1
    assert isinstance(plain.exception, SystemExit)
    assert "Do something else" in plain.output
    traced = cli.invoke(app, ["--debug", "db", "status"])
    assert isinstance(traced.exception, LpsFlowsError)


@pytest.mark.parametrize(
    "options", [["--files", "--workers", "2"], ["--cost-model", "mine.yaml"]]
)
def test_options_that_would_do_nothing_are_wrong_usage(
    cli: CliRunner, options: list[str]
) -> None:
    result = cli.invoke(app, ["run", str(WORKFLOWS / "demo.yaml"), *options])
    assert result.exit_code == 2
    assert options[-2] in result.output


VERBS_WITH_A_FILE = [
    ["run"],
    ["run", "--dry-run"],
    ["submit"],
    ["status"],
    ["graph"],
    ["build"],
    ["figures", "--out", "figures"],
    ["export", "--out", "reference"],
    ["report"],
    ["serve"],
]


@pytest.mark.parametrize("verb", VERBS_WITH_A_FILE, ids=" ".join)
def test_wrong_input_ends_every_verb_before_anything_starts(
    cli: CliRunner, tmp_path: Path, verb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "campaign.yaml"
    content = yaml.safe_load(DEMO.read_text())
    content["engine"]["fmax"] = -1
    content["crystals"].append("Li9PS9")
    file.write_text(yaml.safe_dump(content))
    for name, words in {
        str(file): ["engine.fmax = -1", "greater than 0", "docs/settings.md"],
        "nowhere.yaml": ["nowhere.yaml", "workflows/demo.yaml"],
        str(tmp_path): [str(tmp_path), "workflows/demo.yaml"],
    }.items():
        result = cli.invoke(app, [verb[0], name, *verb[1:]])
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        for word in words:
            assert word in result.output
    assert not (tmp_path / "home").exists()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied", "results/demo"),
        OSError(28, "No space left on device", "results/demo"),
        ServerSelectionTimeoutError("127.0.0.1:27017: refused, Timeout: 30s"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_machine_refuses_is_one_message(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr("lps_flows.plan.plan_campaign", refuse)
    result = cli.invoke(app, ["run", "--dry-run", str(DEMO)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output.startswith("Error: ")
    traced = cli.invoke(app, ["run", "--dry-run", str(DEMO), "--debug"])
    assert traced.exception is error


def test_a_mistake_of_ours_keeps_its_stack_trace(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("lps_flows.plan.plan_campaign", break_down)
    result = cli.invoke(app, ["run", "--dry-run", str(DEMO)])
    assert isinstance(result.exception, ZeroDivisionError)


def test_interrupted_says_how_to_go_on(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("lps_flows.plan.plan_campaign", interrupt)
    monkeypatch.setattr(sys, "argv", ["lps-flows", "run", "my file.yaml"])
    result = cli.invoke(app, ["run", "--dry-run", str(DEMO)])
    assert result.exit_code == 130
    assert "go on with: lps-flows run 'my file.yaml'" in result.output


def test_dry_run_as_json(cli: CliRunner) -> None:
    result = cli.invoke(app, ["run", "--dry-run", "--json", str(DEMO)])
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["campaign"] == "demo"
    first = plan["calculations"][0]
    assert (first["stage"], first["kind"], first["number"]) == ("crystals", "relax", 16)
    assert first["core_hours"] > 0


def test_dry_run_names_what_goes_into_dynamics(cli: CliRunner) -> None:
    for preset in ("paper.yaml", "standard.yaml"):
        arguments = ["run", "--dry-run", "--json", str(WORKFLOWS / preset)]
        plan = json.loads(cli.invoke(app, arguments).stdout)
        taken = {planned["label"]: planned for planned in plan["dynamics"]}
        assert taken["gc-Li42P16S61"]["x"] == pytest.approx(0.724, abs=1e-3)
        assert taken["gc-Li38P24S79"]["x"] == pytest.approx(0.613, abs=1e-3)
        assert taken["gc-Li38P24S79"]["n_atoms"] == 141
        assert taken["beta-Li3PS4"]["reason"] == "reference"
        assert taken[None]["reason"] == "candidate"


def shell(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from lps_flows.cli import app; app()", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_moves_and_nothing_is_coloured_in_a_pipe() -> None:
    done = shell("run", "--dry-run", str(DEMO), FORCE_COLOR="1", TTY_COMPATIBLE="1")
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "core-hours" in done.stdout


def test_on_a_terminal_a_bar_shows_how_far_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.StringIO()
    terminal = Console(file=text, force_terminal=True, width=100)
    monkeypatch.setattr("lps_flows.cli.progress.err", terminal)
    with working("reading") as step:
        step("structures", 3, 12)
    assert "structures: 3 of 12" in text.getvalue()
    assert "left" in text.getvalue()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("lps-flows st", {"status"}),
        ("lps-flows db st", {"start", "stop", "status"}),
        (
            "lps-flows export --format ",
            {"extxyz", "labels", "xsf", "entries", "optimade", "trajectories"}
            | {"potential", "aenet", "metatomic"},
        ),
    ],
)
def test_completion_in_the_shell(words: str, offered: set[str]) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lps-flows")],
        env={
            **os.environ,
            "_LPS_FLOWS_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == offered


def test_version(cli: CliRunner) -> None:
    result = cli.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"lps-flows {__version__}\n"


def test_wrong_usage_is_exit_code_2(cli: CliRunner) -> None:
    assert cli.invoke(app, ["run"]).exit_code == 2
    assert cli.invoke(app, ["fly"]).exit_code == 2


def test_status_of_a_server_that_is_not_running(cli: CliRunner) -> None:
    result = cli.invoke(app, ["db", "status", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["running"] is False


def test_square_brackets_in_remedies_are_shown(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Check("engine", ok=False, detail="[Errno 2]", remedy="pip install 'x[y]'")]
    monkeypatch.setattr("lps_flows.runner.check_everything", lambda: found)
    result = cli.invoke(app, ["doctor"])
    assert "[Errno 2]" in result.output
    assert "x[y]" in result.output


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    """Nothing is printed, and nothing else takes the place of what was closed."""
    command = [sys.executable, "-c", "from lps_flows.cli import app; app()", "crystals"]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert ("gamma-Li3PS4" in done.stdout) is (not closed.startswith(">"))


@pytest.mark.parametrize("written", ["trajectories", "potential", "aenet", "metatomic"])
def test_a_method_that_an_export_does_not_choose_by_is_refused(
    cli: CliRunner, tmp_path: Path, written: str
) -> None:
    asked = ["export", str(DEMO), "--format", written, "--method", "chgnet-0.4.2"]
    result = cli.invoke(app, [*asked, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "method = 'chgnet-0.4.2'" in result.output
    assert not (tmp_path / "out").exists()
