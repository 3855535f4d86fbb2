"""Full disks, missing engines, other versions, failed detours, big documents."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fireworks import FWorker
from jobflow import Flow

from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    failures,
    progress,
    run,
    submit,
)
from lps_flows.runner.configuration import worker_settings
from lps_flows.runner.home import HomeError
from lps_flows.runner.worker import RunFolderError
from lps_flows.schemas.layout import READABLE_VERSIONS
from tests.stock import ROOT, lpad, rlaunch, stock
from tests.toy_jobs import (
    FRAME_FS,
    blob,
    detour,
    fill_disk,
    long_chunk,
    needs_engine,
    number,
    refused,
    runs,
    toy_flow,
    vanish,
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(workplace: Workplace, small_disk: Path, tmp_path: Path) -> None:
    # what was computed before the disk was full is kept, and the run goes on later
    workplace.home = Home(small_disk)
    journal = tmp_path / "journal"
    first = number(1, str(journal), "first")
    greedy = fill_disk(first.output, str(journal), 2_000_000)
    flow = Flow([first, greedy])
    with pytest.raises(RunFolderError, match="disk is full"):
        run(workplace, flow, "toy", "hash")
    state = progress(workplace.require_launchpad(), "toy").total
    assert (state.completed, state.ready, state.failed) == (1, 1, 0)
    workplace.home = Home(tmp_path / "large")
    assert run(workplace, flow, "toy", "hash").complete
    assert runs(journal) == {"first": 1, "fill_disk": 2}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_fails_no_job(workplace: Workplace, tmp_path: Path, error: int) -> None:
    """A quota is a disk, too: every further job would have met it."""
    journal, room = tmp_path / "journal", tmp_path / "room"
    flow = Flow([refused(error, str(journal), str(room)) for _ in range(3)])
    with pytest.raises(RunFolderError, match="Make room") as refusal:
        run(workplace, flow, "toy", "hash")
    assert refusal.value.number == error
    assert runs(journal) == {"refused": 1}
    assert progress(workplace.require_launchpad(), "toy").total.ready == 3
    room.touch()
    assert run(workplace, flow, "toy", "hash").complete


_FAILING_CHILD = """
import runpy, sys
from pathlib import Path
from lps_flows.runner import worker, workplace
def fail(_):
    print("a word for which the log has no room")
    raise worker.RunFolderError(int(sys.argv[3]), Path())
workplace.open_workplace = fail
runpy.run_module("lps_flows.runner.child", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EACCES, "no run directory can be made"),
    ],
)
def test_child_processes_tell_what_is_wrong_with_the_disk(
    workplace: Workplace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    told: str,
) -> None:
    """Fewer workers, the advice where some die without a word, would not help."""

    def start(*_: object) -> subprocess.Popen[bytes]:
        arguments = [str(tmp_path / "other"), "0", str(error)]
        with Path("/dev/full").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _FAILING_CHILD, *arguments], stdout=log
            )

    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setattr("lps_flows.runner.running._start_child", start)
    flow = toy_flow(tmp_path / "journal")
    with pytest.raises(RunFolderError, match=told):
        run(workplace, flow, "toy", "hash", workers=2)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_home(workplace: Workplace, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    workplace.home = Home(closed / "home")
    with pytest.raises(HomeError, match="Permission denied"):
        run(workplace, toy_flow(tmp_path / "journal"), "toy", "hash")


def test_read_only_home(workplace: Workplace, small_disk: Path, tmp_path: Path) -> None:
    """What also root cannot write: refused before a job runs, and later all is well."""
    journal = tmp_path / "journal"
    workplace.home = Home(small_disk)
    workplace.home.folder("locks")
    remount(small_disk, "ro")
    with pytest.raises(HomeError, match="Read-only"):
        run(workplace, toy_flow(journal), "toy", "hash")
    assert runs(journal) == {}
    remount(small_disk, "rw")
    assert run(workplace, toy_flow(journal), "toy", "hash").complete


def test_run_directory_taken_away(workplace: Workplace, tmp_path: Path) -> None:
    """A job whose directory vanishes fails alone, and the rest goes on."""
    journal = tmp_path / "journal"
    taken = vanish(str(journal))
    others = [number(k, str(journal), f"n{k}") for k in range(2)]
    result = run(workplace, Flow([taken, *others]), "toy", "hash")
    assert result.progress.total.completed == 2
    (failure,) = result.failures
    assert failure.reason.startswith("FileNotFoundError")


def test_a_worker_without_the_engine(workplace: Workplace, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    others = [number(k, str(journal), f"n{k}") for k in range(3)]
    result = run(workplace, Flow([needs_engine(), *others]), "toy", "hash")
    (failure,) = result.failures
    assert failure.reason.startswith("ModuleNotFoundError: No module named")
    assert result.progress.total.completed == 3


def test_jobs_of_another_version(workplace: Workplace, tmp_path: Path) -> None:
    """A class this version does not know is a failure with a reason; the rest runs."""
    journal = tmp_path / "journal"
    known, unknown = number(1, str(journal), "a"), number(2, str(journal), "b")
    unknown.name = "unknown"
    flow = Flow([known, unknown])
    submit(workplace, flow, "toy", "hash")
    launchpad = workplace.require_launchpad()
    function = "spec._tasks.0.job.function"
    changed = {"@module": "lps_flows.jobs.later", "@callable": "later"}
    launchpad.fireworks.update_one({"name": "unknown"}, {"$set": {function: changed}})
    result = run(workplace, flow, "toy", "hash")
    (failure,) = result.failures
    assert failure.name == "unknown"
    assert "lps_flows.jobs.later" in failure.reason
    assert result.progress.total.completed == 1


def test_workers_of_another_version_leave_it_alone(
    workplace: Workplace, tmp_path: Path
) -> None:
    submit(workplace, toy_flow(tmp_path / "journal"), "toy", "hash")
    launchpad = workplace.require_launchpad()
    ours = worker_settings()
    theirs = dict(ours)
    for version in READABLE_VERSIONS:
        theirs["query"] = theirs["query"].replace(version, "2.0")
    assert launchpad.run_exists(FWorker.from_dict(ours))
    assert not launchpad.run_exists(FWorker.from_dict(theirs))


def test_failure_inside_a_detour(
    workplace: Workplace, mongod: PrivateMongod, tmp_path: Path
) -> None:
    journal, switch = tmp_path / "journal", tmp_path / "switch"
    flow = Flow([detour(3, str(journal), fail=1, switch=str(switch))])
    variables = stock(workplace, mongod)
    submit(workplace, flow, "toy", "hash")
    rlaunch(tmp_path / "one", variables).communicate(timeout=120)
    launchpad = workplace.require_launchpad()
    assert progress(launchpad, "toy").total.completed == 3
    (failure,) = failures(launchpad, "toy")
    assert failure.reason.startswith("FileNotFoundError: side-1 needs")
    switch.touch()
    lpad(variables, "rerun_fws", "-s", "FIZZLED")
    rlaunch(tmp_path / "two", variables).communicate(timeout=120)
    assert progress(launchpad, "toy").complete
    assert runs(journal) == {"detour": 1, "side-0": 1, "side-1": 2, "side-2": 1}


def test_a_document_over_16_mb(workplace: Workplace) -> None:
    job = blob(20_000_000)
    assert run(workplace, Flow([job]), "toy", "hash").complete
    stored = workplace.job_store.query_one({"uuid": job.uuid})
    assert set(stored["output"]["data"]) >= {"blob_uuid", "store"}
    loaded = workplace.job_store.get_output(job.uuid, load=True)
    assert len(loaded["data"]) == 20_000_000


def test_a_firework_over_16_mb_of_results_is_refused_cleanly(
    workplace: Workplace, tmp_path: Path
) -> None:
    """Without `data` a document that large fails alone."""
    job = blob(20_000_000)
    job._kwargs.pop("data", None)
    other = number(1, str(tmp_path / "journal"), "other")
    result = run(workplace, Flow([job, other]), "toy", "hash")
    assert result.progress.total.completed == 1
    (failure,) = result.failures
    assert "BSONObj size" in failure.reason


@pytest.mark.slow
def test_a_long_trajectory_within_2_gb(
    workplace: Workplace, mongod: PrivateMongod
) -> None:
    """50,000 frames of 119 atoms, in chunks as MD jobs leave them, are analysed."""
    chunks = [long_chunk(number, 5_000) for number in range(10)]
    assert run(workplace, Flow(chunks), "toy", "hash").complete
    database = workplace.job_store.docs_store.database
    home = str(mongod.folder.parent)
    arguments = [home, database, *(chunk.uuid for chunk in chunks)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.analyse", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    n_frames, diffusivity, peak_mb = map(float, done.stdout.split()[-3:])
    assert n_frames == 50_000
    # steps of 0.05 Å in 6 fs, and 1 Å^2/fs is 0.1 cm^2/s
    assert diffusivity == pytest.approx(0.1 * 0.05**2 / (2 * FRAME_FS), rel=0.2)
    assert peak_mb < 2000
