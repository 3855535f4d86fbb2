"""What may change around a campaign: processes, places, ports, limits, the clock."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jobflow import Flow

from lps_flows.runner import Home, PrivateMongod, Workplace, open_workplace, run
from tests.conftest import require_mongod
from tests.faults.run_toy import CAMPAIGN
from tests.faults.scenarios import EXPECTED, FIREWORKS, LEAVES, Stage, stage
from tests.stock import ROOT
from tests.toy_jobs import greedy, number, runs, toy_flow


@pytest.fixture(autouse=True)
def _mongod() -> None:
    require_mongod()


def check_end(home: Home, journal: Path, twice: int = 0) -> None:
    """Go on to the end, and find everything there, once."""
    with open_workplace(home) as place:
        flow = toy_flow(journal, LEAVES, 0.0)
        assert run(place, lambda: flow, CAMPAIGN, "hash").complete
        documents = list(place.job_store.query({}, ["uuid", "index"]))
        assert len(documents) == FIREWORKS
        assert place.job_store.query_one({"name": "end"})["output"] == EXPECTED
    assert sum(times - 1 for times in runs(journal).values()) <= twice


def interrupted_run(play: Stage) -> None:
    """Run to the middle of a campaign, and stop as Ctrl-C does."""
    process = play.start_run()
    play.wait_for_stage("many")
    process.terminate()
    process.wait(60)


@pytest.mark.slow
def test_two_processes_on_one_campaign(tmp_path: Path) -> None:
    with stage(tmp_path) as play:
        both = [play.start_run() for _ in range(2)]
        ended = [process.wait(120) for process in both]
        assert sorted(ended) == [0, 1]  # the second was told and left
        check_end(play.home, play.journal)


@pytest.mark.slow
def test_a_moved_home(tmp_path: Path) -> None:
    with stage(tmp_path) as play:
        interrupted_run(play)
        play.workplace.close()
        play.server.stop()
        moved = tmp_path / "elsewhere" / "home"
        moved.parent.mkdir()
        shutil.move(play.home.path, moved)
        home = Home(moved)
        try:
            check_end(home, play.journal, twice=1)
            settings = (home.config / "FW_config.yaml").read_text()
            assert str(moved) in settings
        finally:
            PrivateMongod(moved).stop()
            shutil.move(moved, play.home.path)


@pytest.mark.slow
def test_another_port(tmp_path: Path) -> None:
    with stage(tmp_path) as play:
        interrupted_run(play)
        play.server.stop()
        before = play.server.port
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", before))
            other.listen()
            check_end(play.home, play.journal, twice=1)
            assert play.server.port != before


@pytest.mark.slow
def test_a_pid_file_of_someone_else(tmp_path: Path) -> None:
    with stage(tmp_path) as play, subprocess.Popen(["sleep", "600"]) as bystander:
        interrupted_run(play)
        play.server.stop()
        (play.server.folder / "pid").write_text(f"{bystander.pid}\n")
        assert play.server.stop() is False
        check_end(play.home, play.journal, twice=1)
        play.server.stop()
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "runs"), [("-Sn 64", True), ("-n 64", False), ("-n 24", False)]
)
def test_few_file_descriptors(tmp_path: Path, limit: str, runs: bool) -> None:
    """It takes what it may have, or says that it is too few; with more it goes on."""
    with stage(tmp_path) as play:
        play.workplace.close()
        play.server.stop()
        arguments = [play.home.path, play.journal, LEAVES, 0.1, 1]
        command = [sys.executable, "-m", "tests.faults.run_toy", *map(str, arguments)]
        done = subprocess.run(
            ["/bin/sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) is runs
        assert runs or "Too many open files" in done.stderr
        assert runs or "ulimit -n" in done.stderr
        play.server.stop()
        check_end(play.home, play.journal, twice=1)


def test_a_job_that_wants_more_memory_than_there_is(
    workplace: Workplace, tmp_path: Path
) -> None:
    journal = str(tmp_path / "journal")
    others = [number(k, journal, f"n{k}") for k in range(2)]
    result = run(workplace, Flow([greedy(journal), *others]), "toy", "hash")
    (failure,) = result.failures
    assert failure.name == "greedy"
    assert "MemoryError" in failure.reason
    assert result.progress.total.completed == 2


@pytest.mark.slow
@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps(
    tmp_path: Path, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forward or back while a run goes: the worker's against the server's."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no compiler for the stand-in clock")
    library, shift = tmp_path / "clock.so", tmp_path / "shift"
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    shift.write_text("0")
    with stage(tmp_path / "stage") as play:
        monkeypatch.setenv("CLOCK_SHIFT", str(shift))
        monkeypatch.setenv("LD_PRELOAD", str(library))
        process = play.start_run()
        play.wait_for_stage("many")
        shift.write_text(str(days * 86400))
        told = subprocess.run(["date", "+%s"], capture_output=True, check=True)
        assert abs(int(told.stdout) - time.time() - days * 86400) < 60
        assert process.wait(120) == 0
        monkeypatch.delenv("LD_PRELOAD")
        check_end(play.home, play.journal)
