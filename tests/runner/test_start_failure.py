"""A mongod that does not start says why, and so do we."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_flows.runner import PrivateMongod
from lps_flows.runner.loopback import ServerError
from lps_flows.runner.mongod_binary import find_mongod


def program(folder: Path, script: str) -> Path:
    """Write a stand-in for mongod that runs a shell script."""
    file = folder / "mongod"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def refusal(server: PrivateMongod) -> str:
    with pytest.raises(ServerError) as caught:
        server.start()
    return str(caught.value)


@pytest.mark.parametrize(
    ("said", "why", "remedy"),
    [
        (
            "Error: unrecognised option '--x'\ntry 'mongod --help' for more",
            "unrecognised option '--x'",
            "LPS_FLOWS_MONGOD",
        ),
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open",
            "libcurl.so.4",
            "libcurl4",
        ),
        ("BadValue: no such thing", "BadValue: no such thing", "Look into"),
        ("", "does not say why", "Look into"),
    ],
)
def test_what_it_prints(tmp_path: Path, said: str, why: str, remedy: str) -> None:
    lines = said.replace("\n", "' '")
    shouting = program(tmp_path, f"printf '%s\\n' \"{lines}\" >&2; exit 2")
    told = refusal(PrivateMongod(tmp_path / "home", program=shouting))
    assert "exit status 2" in told
    assert why in told
    assert remedy in told


def test_a_release_without_the_option_of_free_monitoring(tmp_path: Path) -> None:
    """Releases since 7.0 refuse it; those before do nothing of the kind unasked."""
    refuse = (
        'for word in "$@"; do case "$word" in --enableFreeMonitoring*) exit 2;; esac; '
        f'done; exec {find_mongod()} "$@"'
    )
    server = PrivateMongod(tmp_path / "home", program=program(tmp_path, refuse))
    server.start()
    assert server.stop()


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("WiredTiger.turtle", "fatal turtle file read error"),
        ("_mdb_catalog.wt", "smaller than allocation size"),
    ],
)
def test_damaged_database_files(
    fresh_mongod: PrivateMongod, file: str, why: str
) -> None:
    fresh_mongod.stop()
    (fresh_mongod.folder / "db" / file).write_bytes(b"no longer what it was")
    told = refusal(fresh_mongod)
    assert why in told
    assert "damaged" in told
    assert "--repair" in told
    assert "libcurl4" not in told
    assert "mongod.log" in told
