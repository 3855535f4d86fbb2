"""The loop that runs a campaign's fireworks, in this process or as a child of it.

The fireworks are run by FireWorks' own ``launch_rocket``; around it are what a person
at a terminal expects: an interrupted job goes back to the queue instead of being
counted as failed, a database that is away for a while is waited for, and what jobs
print goes to a file in their run directory.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from fireworks import FWorker, LaunchPad
from fireworks.core.rocket_launcher import launch_rocket
from fireworks.utilities.fw_utilities import create_datestamp_dir
from jobflow.managers.fireworks import JobFiretask
from pymongo.errors import PyMongoError

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.away import LOCK_S, PATIENCE_S, call_back, is_away, tells_of_away
from lps_flows.runner.job_output import output_to
from lps_flows.runner.memory import keep_freed_memory
from lps_flows.runner.progress import last_error
from lps_flows.runner.recovery import BUSY_HANDOVER_S, recover, reservations

_LOGGER = logging.getLogger(__name__)
_MOST_RETRIES = 5


# what no job is to blame for, and every further one would meet
_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
}


class RunFolderError(LpsFlowsError):
    """Run directories cannot be made or written.

    Parameters
    ----------
    number
        The system's number of the error, as `errno` names them.
    folder
        Where they are made.
    """

    def __init__(self, number: int, folder: Path) -> None:
        problem, remedy = _NO_ROOM.get(number), "Make room and run again"
        if problem is None:
            problem = f"no run directory can be made ({os.strerror(number)})"
            remedy = "Mend its permissions, and run again"
        super().__init__(
            problem,
            field="launches",
            value=str(folder),
            remedy=f"{remedy}; nothing that was finished is lost",
        )
        self.number = number


class CampaignWorker(FWorker):
    """A FireWorks worker that runs every kind of job, of one campaign only."""

    def __init__(self, name: str, campaign: str) -> None:
        super().__init__(name=name)
        self.campaign = campaign

    @property
    def query(self) -> dict[str, Any]:
        """Query on fireworks: the campaign's, whatever worker they ask for."""
        return {"spec.campaign": self.campaign}


class Stop:
    """A request to stop, made by SIGINT, SIGTERM or SIGHUP or by calling :meth:`set`.

    A signal that comes while a job computes interrupts it. While FireWorks writes to
    its database it is only noted: the bookkeeping takes milliseconds and should not
    be cut in two.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Ask the loop to stop before its next job."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until a stop is requested."""
        self._event.wait(seconds)

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            numbers = [signal.SIGINT, signal.SIGTERM]
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else: nohup
                numbers.append(signal.SIGHUP)
            for number in numbers:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, frame: FrameType | None) -> None:
        self._event.set()
        if _in_a_job(frame):
            raise KeyboardInterrupt


def _in_a_job(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is JobFiretask.run_task.__code__:
            return True
        frame = frame.f_back
    return False


def work(
    launchpad: LaunchPad,
    worker: CampaignWorker,
    folder: Path,
    stop: Stop,
    *,
    revive: Callable[[], object] | None = None,
    patience_s: float = PATIENCE_S,
    handover_s: float = BUSY_HANDOVER_S,
) -> int:
    """Run the campaign's fireworks until none is left that could run.

    From then on this process keeps the memory that it frees.

    Parameters
    ----------
    worker
        Under whose name to run; it must be this process' alone.
    revive
        Called while the database does not answer, e.g. to start a private server.
    patience_s
        How long to wait for a database that does not answer, in seconds.
    handover_s
        As in :func:`recover`; short where no other worker is alive.

    Returns
    -------
    int
        How many fireworks were run.

    Raises
    ------
    PyMongoError
        If the database stays away longer than `patience_s`.
    """
    keep_freed_memory()
    own = {"fworker.name": worker.name}
    mend = partial(
        recover, launchpad, worker.campaign, own, handover_s=handover_s, proven=True
    )
    ran, away_since, locked_since = 0, None, None
    retries: dict[int, int] = {}
    seen: dict[tuple[int, datetime], float] = {}
    came_from = Path.cwd()
    try:
        while not stop:
            try:
                if away_since is not None:
                    launchpad.connection.admin.command("ping")
                    mend()
                    _LOGGER.warning("the database is back, going on")
                    away_since = None
                state = _next(launchpad, worker)
                if state == "nothing":
                    break
                if state != "locked":
                    locked_since = None
                else:
                    locked_since = locked_since or time.monotonic()
                    if time.monotonic() - locked_since > LOCK_S:
                        break
                if state != "now":
                    if _abandoned(launchpad, worker, seen, handover_s):
                        mend()
                    stop.wait(0.5)
                    continue
                next_one = launchpad.fw_id_assigner.find_one({})["next_launch_id"]
                ran += _launch(launchpad, worker, folder)
                _give_back(launchpad, worker, next_one, retries, interrupted=bool(stop))
                _give_back_unread(launchpad, worker, retries)
            except PyMongoError as error:
                if not is_away(error):
                    raise
                away_since = away_since or time.monotonic()
                _LOGGER.warning("the database is away (%s)", type(error).__name__)
                if time.monotonic() - away_since > patience_s:
                    raise
                call_back(revive)
                stop.wait(1.0)
    finally:
        os.chdir(came_from)
    return ran


def _next(launchpad: LaunchPad, worker: CampaignWorker) -> str:
    """Return "now", "later" (others run, more may come), "locked" or "nothing".

    FireWorks writes that a job has ended before the jobs that take its place, both
    under the workflow's lock; in between nothing seems to be left.
    """
    locked = {"metadata.campaign": worker.campaign, "locked": True}
    found = _ready_or_running(launchpad, worker)
    if found is None and launchpad.workflows.find_one(locked, {"_id": 1}):
        return "locked"
    # once more: what was written before the lock was found to be open
    return found or _ready_or_running(launchpad, worker) or "nothing"


def _ready_or_running(launchpad: LaunchPad, worker: CampaignWorker) -> str | None:
    for state, answer in (
        ("READY", "now"),
        ("RUNNING", "later"),
        ("RESERVED", "later"),
    ):
        query = {**worker.query, "state": state}
        if launchpad.fireworks.find_one(query, {"_id": 1}) is not None:
            return answer
    return None


def _abandoned(
    launchpad: LaunchPad,
    worker: CampaignWorker,
    seen: dict[tuple[int, datetime], float],
    handover_s: float,
) -> bool:
    """Whether something counts as under way that no worker is at.

    What runs in this worker's name cannot be running: it is here. A reservation
    without a launch, of which `seen` keeps when this worker first saw it, is another
    worker's that is busy reading it, unless the server went away right after it:
    FireWorks takes that for a damaged firework and goes on to the next.
    """
    running = {"fworker.name": worker.name, "state": "RUNNING"}
    if launchpad.launches.find_one(running, {"_id": 1}) is not None:
        return True
    there, now = reservations(launchpad, worker.query), time.monotonic()
    for one in seen.keys() - there:
        del seen[one]
    return any(now - seen.setdefault(one, now) > handover_s for one in there)


def _launch(launchpad: LaunchPad, worker: CampaignWorker, folder: Path) -> bool:
    """Run one firework in a directory of its own; return whether one was run."""
    try:
        where = Path(create_datestamp_dir(str(folder), _LOGGER, prefix="launcher_"))
        os.chdir(where)
    except OSError as error:
        raise RunFolderError(error.errno or errno.EIO, folder) from error
    with output_to(where) as errors:
        ran = launch_rocket(launchpad, worker, strm_lvl="ERROR", err_file=errors)
    os.chdir(folder)
    with contextlib.suppress(OSError):
        for name in ("FW_job.out", "FW_job.error"):
            if not (where / name).stat().st_size:
                (where / name).unlink()
        where.rmdir()  # only if nothing was left in it
    return bool(ran)


def _give_back(
    launchpad: LaunchPad,
    worker: CampaignWorker,
    since: int,
    retries: dict[int, int],
    *,
    interrupted: bool,
) -> None:
    """Put the last job back on the queue if it is not to blame for its failure.

    Parameters
    ----------
    since
        Id of the first launch that can be the last job's: another worker may have been
        faster, and what this one ran before may be another's since.
    """
    launch = launchpad.launches.find_one(
        {"fworker.name": worker.name, "launch_id": {"$gte": since}},
        {"fw_id": 1, "launch_id": 1, "action.stored_data._exception": 1},
        sort=[("launch_id", -1)],
    )
    if launch is None:
        return
    fw_id = launch["fw_id"]
    failed = launchpad.fireworks.find_one(
        {"fw_id": fw_id, "state": "FIZZLED"}, {"launches": 1}
    )
    if failed is None or failed["launches"][-1:] != [launch["launch_id"]]:
        return
    stored = (launch.get("action") or {}).get("stored_data", {})
    reason = last_error(stored.get("_exception", {}).get("_stacktrace", ""))
    for number in _NO_ROOM:
        if _kind(reason) == "OSError" and os.strerror(number) in reason:
            launchpad.rerun_fw(fw_id)
            raise RunFolderError(number, Path.cwd())
    if _server_to_blame(fw_id, reason, retries) or (
        interrupted and _kind(reason) == "KeyboardInterrupt"
    ):
        launchpad.rerun_fw(fw_id)


def _give_back_unread(
    launchpad: LaunchPad, worker: CampaignWorker, retries: dict[int, int]
) -> None:
    """Put back what FireWorks failed unlaunched since the server did not answer."""
    details = "spec._exception_details._stacktrace"
    unread = {**worker.query, "state": "FIZZLED", "launches": []}
    unread[details] = {"$exists": True}
    for firework in list(launchpad.fireworks.find(unread, {"fw_id": 1, details: 1})):
        stack = firework["spec"]["_exception_details"]["_stacktrace"]
        if _server_to_blame(firework["fw_id"], last_error(stack), retries):
            launchpad.rerun_fw(firework["fw_id"])


def _server_to_blame(fw_id: int, reason: str, retries: dict[int, int]) -> bool:
    """Whether a failure deserves another try because the server was away."""
    to_blame = tells_of_away(reason) and retries.get(fw_id, 0) < _MOST_RETRIES
    if to_blame:
        retries[fw_id] = retries.get(fw_id, 0) + 1
    return to_blame


def _kind(reason: str) -> str:
    return reason.split(":", maxsplit=1)[0].rpartition(".")[2]
