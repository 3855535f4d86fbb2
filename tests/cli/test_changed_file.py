"""Every verb that reads a campaign shows the settings it was submitted with."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.runner import Workplace, submit
from lps_flows.runner.workplace import UnreachableError
from lps_flows.settings import CampaignSettings, load_campaign
from tests.builders.toy_campaign import METHOD, fill, read
from tests.runner.test_recorded import put_old_campaign
from tests.toy_jobs import toy_flow

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"
DIFFERENCE = "analysis.candidates.max_e_above_hull: 30.0 there, 77.0 here"


@pytest.fixture
def cli(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The verbs, on the workplace of the test; a toy campaign's documents are in it."""

    @contextmanager
    def opened(**_: Any) -> Any:
        yield workplace

    monkeypatch.setattr("lps_flows.runner.open_workplace", opened)
    fill(workplace.job_store, campaign="demo")
    return CliRunner()


@pytest.fixture
def demo() -> CampaignSettings:
    return load_campaign(DEMO)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    content = yaml.safe_load(DEMO.read_text())
    content["analysis"] = {"candidates": {"max_e_above_hull": 77.0}}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `serve` would show, in the place of a server that runs for ever."""
    shown: list[Any] = []

    class _Ends:
        address = "http://127.0.0.1:1/"

        def serve_forever(self) -> None:
            raise KeyboardInterrupt

    def server(live: Any, *_: Any, **__: Any) -> Any:
        shown.append(live)
        return nullcontext(_Ends())

    monkeypatch.setattr("lps_flows.report.live_server", server)
    return shown


@pytest.mark.usefixtures("default_engine")
@pytest.mark.parametrize("old", [False, True], ids=["recorded", "of version 0.1"])
def test_verbs_show_what_was_submitted_and_say_what_differs(
    cli: CliRunner,
    workplace: Workplace,
    demo: CampaignSettings,
    changed: Path,
    served: list[Any],
    tmp_path: Path,
    old: bool,
) -> None:
    if old:
        put_old_campaign(workplace)
    else:
        submit(workplace, toy_flow("/dev/null"), "demo", demo.settings_hash, demo)
    page = tmp_path / "page.html"
    for arguments in (
        ["status", str(changed)],
        ["status", str(changed), "--json"],
        ["recover", str(changed)],
        ["build", str(changed)],
        ["figures", str(changed), "--out", str(tmp_path / "figures")],
        ["export", str(changed), "--method", METHOD, "--out", str(tmp_path / "out")],
        ["report", str(changed), "--out", str(page)],
        ["serve", str(changed), "--port", "0"],
    ):
        result = cli.invoke(app, arguments, catch_exceptions=False)
        assert DIFFERENCE in result.output, arguments
    (candidate, *_) = read(workplace.job_store, "candidates")
    thresholds = {c["name"]: c["threshold"] for c in candidate["criteria"]}
    assert thresholds["distance above the hull (meV/atom)"] == 30.0
    assert "max_e_above_hull: 30.0" in page.read_text(encoding="utf-8")
    (live,) = served
    assert live.settings["analysis"]["candidates"]["max_e_above_hull"] == 30.0
    refused = cli.invoke(app, ["run", str(changed)])
    assert refused.exit_code == 1
    assert DIFFERENCE in refused.output


@pytest.mark.usefixtures("default_engine")
def test_what_was_submitted_goes_on_whatever_is_refused_today(
    cli: CliRunner,
    workplace: Workplace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "lps_flows.runner.configuration.choose",
        lambda _: SimpleNamespace(source="configured"),
    )
    content = yaml.safe_load(DEMO.read_text())
    content["analysis"] = {"phonons": {"temperatures": [300.0]}}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    refused = cli.invoke(app, ["submit", str(file)])
    assert refused.exit_code == 1
    assert "analysis.phonons.temperatures = [300.0]" in refused.output
    before = load_campaign(file, fitted=True)
    submit(workplace, toy_flow("/dev/null"), "demo", before.settings_hash, before)
    again = cli.invoke(app, ["submit", str(file)], catch_exceptions=False)
    assert "was submitted before" in again.output
    drawn = cli.invoke(app, ["graph", str(file)], catch_exceptions=False)
    assert drawn.exit_code == 0
    # with the key put right, what is read is what was submitted
    content["analysis"]["phonons"]["temperatures"] = [300.0, 600.0]
    file.write_text(yaml.safe_dump(content))
    shown = cli.invoke(app, ["status", str(file)], catch_exceptions=False)
    assert "temperatures: [300.0] there, [300.0, 600.0] here" in shown.output
    content["analysis"]["phonons"]["temperatures"] = [300.0]
    content["name"] = "other"
    file.write_text(yaml.safe_dump(content))
    assert cli.invoke(app, ["submit", str(file)]).exit_code == 1

    def away(**_: Any) -> Any:
        raise UnreachableError("away", field="host", value="x", remedy="Wait")

    # where nobody can tell, what is wrong with the file is said
    monkeypatch.setattr("lps_flows.runner.open_workplace", away)
    refused = cli.invoke(app, ["submit", str(file)])
    assert "analysis.phonons.temperatures = [300.0]" in refused.output


def test_an_unchanged_file_is_read_without_a_word(
    cli: CliRunner, workplace: Workplace, demo: CampaignSettings
) -> None:
    submit(workplace, toy_flow("/dev/null"), "demo", demo.settings_hash, demo)
    result = cli.invoke(app, ["status", str(DEMO), "--json"])
    assert result.stderr == ""
    assert json.loads(result.stdout)["campaign"] == "demo"


def test_an_old_campaign_is_read_and_what_is_not_known_is_said(
    cli: CliRunner, workplace: Workplace
) -> None:
    put_old_campaign(workplace)
    for verb in ("status", "build"):
        result = cli.invoke(app, [verb, str(DEMO)], catch_exceptions=False)
        assert result.exit_code == 0
        assert "only part of its settings" in result.stderr
        assert "there," not in result.stderr
