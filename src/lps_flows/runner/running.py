"""Run a campaign to its end: submit, recover, work, watch."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from filelock import FileLock, Timeout
from fireworks import LaunchPad
from fireworks.fw_config import RUN_EXPIRATION_SECS
from jobflow import SETTINGS, Flow, Job
from pymongo.errors import PyMongoError

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.away import wait_out
from lps_flows.runner.home import checked_name
from lps_flows.runner.progress import Failure, Progress, failures, progress
from lps_flows.runner.recorded import Comparable
from lps_flows.runner.recovery import (
    BUSY_HANDOVER_S,
    HANDOVER_S,
    Recovered,
    recover,
    silent_for,
)
from lps_flows.runner.submission import Submission, submit
from lps_flows.runner.worker import CampaignWorker, RunFolderError, Stop, work
from lps_flows.runner.workplace import Workplace, place_of

NO_FOLDER_STATUS = 100
"""Exit status of a child that can write no run directory, less the error's number."""

_DYING_S = 15.0
_MOST_DEATHS = 3


class AlreadyRunningError(LpsFlowsError):
    """Another process runs this campaign from the same home."""


class WorkerDiedError(LpsFlowsError):
    """Child processes of a run kept ending by a signal or an error of their own."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes
    ----------
    recovered
        What was mended of an earlier run that had been killed.
    """

    progress: Progress
    failures: tuple[Failure, ...]
    recovered: Recovered
    submission: Submission
    interrupted: bool

    @property
    def complete(self) -> bool:
        """Whether everything is done."""
        return self.progress.complete


def run(
    workplace: Workplace,
    flow: Flow | Job | Callable[[], Flow | Job],
    campaign: str,
    settings_hash: str,
    *,
    settings: Comparable | None = None,
    workers: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
    interval_s: float = 1.0,
    retry_failed: bool = False,
) -> RunResult:
    """Submit a campaign if needed and run it until nothing is left that could run.

    An earlier run that was killed is mended first, and gone on with; so is what workers
    left that gave no sign of life for RUN_EXPIRATION_SECS (FW_config.yaml). SIGINT,
    SIGTERM and SIGHUP (a closed terminal) interrupt the running job, put it back on the
    queue, and end the run.

    Parameters
    ----------
    workplace
        The servers to use, of :func:`open_workplace`. Where there are only files use
        :func:`run_in_files`.
    flow, campaign, settings_hash, settings
        As in :func:`submit`.
    workers
        How many fireworks to run at once: one in this process, or this many child
        processes.
    on_progress
        Called about every `interval_s` seconds from another thread, and once at the
        end, with the state of the campaign.
    interval_s
        Time between two calls, in seconds.

    Raises
    ------
    AlreadyRunningError
        If another process runs the campaign from this home.
    ChangedCampaignError, OtherVersionError, SubmissionError
        As :func:`submit`.
    WorkerDiedError
        If child processes keep dying.
    RunFolderError
        If run directories cannot be made or the disk is full.
    """
    launchpad = workplace.require_launchpad()
    revive = workplace.server.start if workplace.server else None
    with alone(workplace, campaign):
        submission = wait_out(
            lambda: submit(workplace, flow, campaign, settings_hash, settings), revive
        )
        recovered = wait_out(
            lambda: recover(
                launchpad,
                campaign,
                lost_launches(workplace, campaign),
                handover_s=_handover_s(workplace),
                proven=True,
            ),
            revive,
        )
        if retry_failed:
            for failure in failures(launchpad, campaign):
                launchpad.rerun_fw(failure.fw_id)
        with Stop() as stop, _watched(launchpad, campaign, on_progress, interval_s):
            if workers == 1:
                _work_here(workplace, campaign, stop)
            elif _can_run(launchpad, campaign):
                _work_in_children(workplace, campaign, workers, stop)
    final = wait_out(lambda: progress(launchpad, campaign), revive)
    if on_progress is not None:
        on_progress(final)
    failed = wait_out(lambda: failures(launchpad, campaign), revive)
    return RunResult(final, tuple(failed), recovered, submission, bool(stop))


def worker_name(workplace: Workplace, campaign: str, index: int = 0) -> str:
    """Return the name under which worker `index` of a run goes on the LaunchPad.

    It holds the place: only a process there can know whether the worker lives.
    """
    return f"{_prefix(workplace, campaign)}{index}"


def _prefix(workplace: Workplace, campaign: str) -> str:
    return f"lps-flows run {campaign} ({place_of(workplace)}) #"


@contextlib.contextmanager
def alone(workplace: Workplace, campaign: str) -> Iterator[None]:
    """Hold the campaign's lock; children of a killed run get time to end."""
    lock = FileLock(workplace.home.lock(f"run-{checked_name(campaign)}"))
    children = sorted(workplace.home.folder("locks").glob(f"run-{campaign}#*.lock"))
    try:
        with contextlib.ExitStack() as held:
            held.enter_context(lock.acquire(timeout=0))
            for child in children:
                with FileLock(child).acquire(timeout=_DYING_S):
                    pass
            yield
    except Timeout:
        raise AlreadyRunningError(
            "another process is running this campaign",
            field="campaign",
            value=campaign,
            remedy="Wait for it, or follow it with `lps-flows status`",
        ) from None


def of_earlier_runs(workplace: Workplace, campaign: str) -> dict[str, Any]:
    """Return a query on launches of earlier runs; we hold their locks, so they died."""
    return {"fworker.name": {"$regex": f"^{re.escape(_prefix(workplace, campaign))}"}}


def lost_launches(
    workplace: Workplace, campaign: str, silence_s: float = RUN_EXPIRATION_SECS
) -> dict[str, Any]:
    """Return a query on launches whose worker is dead; to be called :func:`alone`.

    Parameters
    ----------
    silence_s
        Time without a sign of life after which a worker elsewhere counts as dead, in
        seconds.
    """
    return {"$or": [of_earlier_runs(workplace, campaign), silent_for(silence_s)]}


def recover_lost(
    workplace: Workplace, campaign: str, silence_s: float = RUN_EXPIRATION_SECS
) -> Recovered:
    """Mend what dead workers left of a campaign, while others may be at it.

    Parameters
    ----------
    silence_s
        As in :func:`lost_launches`.
    """
    with contextlib.ExitStack() as held:
        dead = silent_for(silence_s)
        # else a run of this home is at it: it knows its own workers
        with contextlib.suppress(AlreadyRunningError):
            held.enter_context(alone(workplace, campaign))
            dead = lost_launches(workplace, campaign, silence_s)
        launchpad = workplace.require_launchpad()
        return recover(launchpad, campaign, dead, handover_s=BUSY_HANDOVER_S)


def _handover_s(workplace: Workplace) -> float:
    """Return what a reservation is given: a server of a group has other workers."""
    return HANDOVER_S if workplace.source == "private" else BUSY_HANDOVER_S


def _can_run(launchpad: LaunchPad, campaign: str) -> bool:
    states = {"$in": ["READY", "RUNNING", "RESERVED"]}
    query = {"spec.campaign": campaign, "state": states}
    return launchpad.fireworks.find_one(query, {"_id": 1}) is not None


def _work_here(workplace: Workplace, campaign: str, stop: Stop) -> None:
    worker = CampaignWorker(worker_name(workplace, campaign), campaign)
    before = SETTINGS.JOB_STORE
    SETTINGS.JOB_STORE = workplace.job_store
    try:
        work(
            workplace.require_launchpad(),
            worker,
            workplace.home.launches(campaign),
            stop,
            revive=workplace.server.start if workplace.server else None,
            handover_s=_handover_s(workplace),
        )
    finally:
        SETTINGS.JOB_STORE = before


def _start_child(
    workplace: Workplace, campaign: str, index: int
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "lps_flows.runner.child"]
    command += [str(workplace.home.path), campaign, str(index)]
    log = workplace.home.folder("logs") / f"{campaign}-{index}.log"
    with log.open("a") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,  # closes when this process dies
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **workplace.environment},
            start_new_session=True,  # signals come from us, not from the terminal
        )


def _work_in_children(
    workplace: Workplace, campaign: str, workers: int, stop: Stop
) -> None:
    launchpad = workplace.require_launchpad()
    revive = workplace.server.start if workplace.server else None
    children = {n: _start_child(workplace, campaign, n) for n in range(workers)}
    deaths = 0
    while children:
        if stop:
            _end(children.values())
        for index, child in list(children.items()):
            if child.poll() is None:
                continue
            del children[index]
            if child.returncode:
                dead = {"fworker.name": worker_name(workplace, campaign, index)}
                mend = partial(recover, launchpad, campaign, dead, proven=True)
                wait_out(partial(mend, handover_s=BUSY_HANDOVER_S), revive)
            if child.returncode >= NO_FOLDER_STATUS:
                _end(children.values())
                folder = workplace.home.launches(campaign)
                raise RunFolderError(child.returncode - NO_FOLDER_STATUS, folder)
            if child.returncode and not stop:
                deaths += 1
                if deaths > _MOST_DEATHS:
                    _end(children.values())
                    raise WorkerDiedError(
                        f"{deaths} workers died, the last with status "
                        f"{child.returncode}",
                        field="workers",
                        value=workers,
                        remedy=f"See {workplace.home.path / 'logs'}; if memory ran "
                        "out use fewer workers. Run again to go on",
                    )
                children[index] = _start_child(workplace, campaign, index)
        time.sleep(0.1)


def _end(children: Collection[subprocess.Popen[bytes]]) -> None:
    """Let children put back their jobs and end."""
    for child in children:
        child.terminate()
    for child in children:
        child.wait()


@contextlib.contextmanager
def _watched(
    launchpad: LaunchPad,
    campaign: str,
    on_progress: Callable[[Progress], None] | None,
    interval_s: float,
) -> Iterator[None]:
    """Report the progress from a thread of its own while jobs run."""
    if on_progress is None:
        yield
        return
    done = threading.Event()

    def watch() -> None:
        while not done.wait(interval_s):
            with contextlib.suppress(PyMongoError):  # away for a while
                on_progress(progress(launchpad, campaign))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
