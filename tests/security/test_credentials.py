"""Passwords stay where they were written."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import yaml
from bson import json_util

from lps_flows.runner import Home, PrivateMongod, Workplace, doctor, open_workplace, run
from lps_flows.runner import workplace as workplace_module
from lps_flows.runner.configuration import (
    ConfigurationError,
    choose,
    launchpad_settings,
    store_settings,
)
from lps_flows.runner.progress import last_error
from lps_flows.runner.workplace import UnreachableError
from tests.toy_jobs import toy_flow

SECRET = "correct-horse"


@pytest.fixture
def home_with_password(
    mongod: PrivateMongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Home:
    """A user's own configuration, whose server refuses the password."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workplace_module, "_PATIENCE_S", 3.0)
    folder = tmp_path / "mine"
    folder.mkdir()
    store = store_settings(mongod)
    for each in (store["docs_store"], store["additional_stores"]["data"]):
        each.update(username="me", password=SECRET)
    files = {
        "my_launchpad.yaml": {
            **launchpad_settings(mongod),
            "username": "me",
            "password": SECRET,
        },
        "FW_config.yaml": {"LAUNCHPAD_LOC": str(folder / "my_launchpad.yaml")},
        "jobflow.yaml": {"JOB_STORE": store},
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content))
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(folder / "jobflow.yaml"))
    monkeypatch.setenv("FW_CONFIG_FILE", str(folder / "FW_config.yaml"))
    return Home(tmp_path / "home")


def test_errors_and_logs(
    home_with_password: Home,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with (
        caplog.at_level(logging.DEBUG, logger="lps_flows"),
        pytest.raises(UnreachableError) as caught,
    ):
        open_workplace(home_with_password)
    said = capsys.readouterr()
    everything = f"{caught.value!r} {caught.value} {caplog.text} {said.out} {said.err}"
    assert "OperationFailure" in everything
    assert SECRET not in everything


def test_doctor(home_with_password: Home) -> None:
    checks = doctor.check_everything(home_with_password)
    assert any(check.required and not check.ok for check in checks)
    files = doctor.check_fireworks_files(choose(home_with_password))
    assert any("others can read it" in check.detail for check in files)
    assert SECRET not in str(checks) + str(files)


@pytest.mark.parametrize(
    ("host", "uri_mode"),
    [(f"mongodb://me:{SECRET}@db.example.org/?tls=true", True), ("localhost", False)],
)
def test_the_shown_address(host: str, uri_mode: bool) -> None:
    class LaunchPad:
        port = 27017

    launchpad = LaunchPad()
    launchpad.host, launchpad.uri_mode = host, uri_mode
    shown = workplace_module._host(launchpad)
    assert SECRET not in shown
    assert "db.example.org" in shown or "localhost" in shown


def test_stored_fireworks_and_documents(workplace: Workplace, tmp_path: Path) -> None:
    workplace.job_store.docs_store.password = SECRET
    run(workplace, toy_flow(tmp_path / "journal"), "toy", "hash")
    launchpad = workplace.require_launchpad()
    stored = [
        list(collection.find({}))
        for collection in (
            launchpad.fireworks,
            launchpad.launches,
            launchpad.workflows,
            launchpad.db["campaigns"],
        )
    ]
    stored.append(list(workplace.job_store.query({}, load=True)))
    text = json.dumps(stored, default=json_util.default)
    assert len(text) > 10_000
    assert SECRET not in text
    assert "docs_store" not in text  # specs name no store at all


@pytest.mark.parametrize(
    "host",
    [f"mongodb://me:{SECRET}:27017@@db", f"mongodb://me:{SECRET}@db:{SECRET}/"],
)
def test_addresses_that_cannot_be_read(
    home_with_password: Home, tmp_path: Path, host: str
) -> None:
    """The driver quotes what it cannot parse; we do not."""
    file = tmp_path / "mine" / "my_launchpad.yaml"
    file.write_text(yaml.safe_dump({"host": host, "name": "a", "uri_mode": True}))
    with pytest.raises(ConfigurationError) as caught:
        open_workplace(home_with_password)
    assert SECRET not in f"{caught.value!r} {caught.value}"
    assert SECRET not in str(doctor.check_everything(home_with_password))


def test_reasons_of_failures() -> None:
    trace = f"  File x\nValueError: no route to mongodb://me:{SECRET}@db.org/x\n"
    assert last_error(trace) == "ValueError: no route to mongodb://***@db.org/x"
