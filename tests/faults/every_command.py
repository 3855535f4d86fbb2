"""Stop a worker, or take its server away, at one chosen command of all it sends.

A worker runs in a forked process and counts the commands that it sends to MongoDB.
At the chosen one it is killed, or the server is away for it and for some that follow.
So every state that an interruption can leave on the LaunchPad is visited, not only
those that a kill at a random moment happens to hit.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import bson
from fireworks import FWorker, LaunchPad
from fireworks.core.launchpad import WFLock
from fireworks.core.rocket_launcher import rapidfire
from jobflow import SETTINGS
from pymongo.errors import AutoReconnect
from pymongo.synchronous.pool import Connection

from lps_flows.runner import Home, PrivateMongod, Workplace, progress, run, submit
from lps_flows.runner.configuration import launchpad_settings, worker_settings
from lps_flows.runner.quiet import quieten
from lps_flows.runner.recovery import recover
from lps_flows.runner.running import worker_name
from lps_flows.runner.worker import CampaignWorker, Stop, work
from lps_flows.runner.workplace import prepare
from tests.conftest import make_job_store
from tests.toy_jobs import toy_flow

CAMPAIGN = "toy"
LEAVES = 1
FIREWORKS = LEAVES + 6
EXPECTED = 1 + 2 + sum(range(LEAVES))
# The driver repeats a command once by itself, so one refusal goes unnoticed.
BRIEFLY, FOR_GOOD = 4, 10**9

Kind = Literal["stock", "ours"]
Fault = Literal["killed", "away briefly", "away for good"]


@dataclass(frozen=True)
class Play:
    """How one interruption ended.

    Attributes
    ----------
    command
        What the worker was about to send when it was interrupted.
    by_lpad
        Whether ``lpad detect_lostruns --rerun --refresh``, ``lpad rerun_fws`` and a
        stock worker were enough; None where they were not asked.
    complete
        Whether the campaign ended with the right result after our recovery.
    lost
        Documents missing at the end.
    duplicated
        Fireworks that were completed twice, and documents beyond an undisturbed
        run's. A job that takes failed inputs for missing ones and so completed before
        its parent was run again has to run again itself, and does not count.
    """

    command: str
    by_lpad: bool | None
    complete: bool
    lost: int
    duplicated: int


def count_commands(server: PrivateMongod, folder: Path, kind: Kind) -> int:
    """Return how many commands an undisturbed worker sends."""
    with _place(server, folder) as place:
        submit(place, lambda: _flow(folder), CAMPAIGN, "hash")
        count = int(_interrupted(server, place, folder, kind, "killed", 10**9)[0])
    if not count:
        msg = f"the worker sent nothing: {(folder / 'errors').read_text()}"
        raise RuntimeError(msg)
    return count


def play(
    server: PrivateMongod, folder: Path, kind: Kind, fault: Fault, at: int
) -> Play:
    """Interrupt a worker at its command number `at`, and mend what it left."""
    folder.mkdir()
    with _place(server, folder) as place, _impatient_locks():
        launchpad = place.require_launchpad()
        submit(place, lambda: _flow(folder), CAMPAIGN, "hash")
        command = _interrupted(server, place, folder, kind, fault, at)[1]
        by_lpad = None
        if kind == "stock":
            by_lpad = _mended_by_lpad(launchpad, place, folder)
            if not by_lpad:
                recover(launchpad, CAMPAIGN, {}, proven=True)
        run(place, lambda: _flow(folder), CAMPAIGN, "hash", retry_failed=True)
        return _outcome(place, command, by_lpad)


def _mended_by_lpad(launchpad: LaunchPad, place: Workplace, folder: Path) -> bool:
    # a firework that belongs to no workflow takes lpad and the stock worker down
    with contextlib.suppress(RuntimeError, ValueError):
        launchpad.detect_lostruns(expiration_secs=0, rerun=True, refresh=True)
    with contextlib.suppress(RuntimeError, ValueError):
        for fw_id in launchpad.get_fw_ids({"state": "FIZZLED"}):  # lpad rerun_fws
            launchpad.rerun_fw(fw_id)
    with contextlib.suppress(RuntimeError, ValueError):
        _stock(launchpad, place, folder)
    return progress(launchpad, CAMPAIGN).complete


def _outcome(place: Workplace, command: str, by_lpad: bool | None) -> Play:
    launchpad = place.require_launchpad()
    completed = Counter(
        d["fw_id"] for d in launchpad.launches.find({"state": "COMPLETED"})
    )
    failed = set(launchpad.launches.distinct("fw_id", {"state": "FIZZLED"}))
    parents = launchpad.workflows.find_one({})["parent_links"]
    again = sum(
        times - 1
        for fw_id, times in completed.items()
        if failed.isdisjoint(parents.get(str(fw_id), []))
    )
    documents = list(place.job_store.query({}, ["uuid", "index"]))
    final = place.job_store.query_one({"name": "end"}) or {}
    return Play(
        command=command,
        by_lpad=by_lpad,
        complete=progress(launchpad, CAMPAIGN).complete
        and final.get("output") == EXPECTED,
        lost=max(0, FIREWORKS - len(documents)),
        duplicated=again + max(0, len(documents) - FIREWORKS),
    )


def _flow(folder: Path) -> Any:
    return toy_flow(folder / "journal", LEAVES)


@contextlib.contextmanager
def _place(server: PrivateMongod, folder: Path) -> Iterator[Workplace]:
    """A workplace on databases of its own, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    place = _connect(server, Home(folder / "home"), name)
    prepare(place)
    quieten()
    try:
        yield place
    finally:
        place.close()
        with server.client() as client:
            for database in (name, f"{name}_launchpad"):
                client.drop_database(database)


def _connect(server: PrivateMongod, home: Home, name: str) -> Workplace:
    settings = {**launchpad_settings(server), "name": f"{name}_launchpad"}
    launchpad = LaunchPad.from_dict(settings)
    return Workplace(home, "private", make_job_store(server, name), launchpad)


@contextlib.contextmanager
def _impatient_locks() -> Iterator[None]:
    """Let FireWorks take over a stale lock after half a second instead of minutes."""
    before = WFLock.__init__.__defaults__
    WFLock.__init__.__defaults__ = (0.5, True)
    try:
        yield
    finally:
        WFLock.__init__.__defaults__ = before


def _interrupted(
    server: PrivateMongod,
    place: Workplace,
    folder: Path,
    kind: Kind,
    fault: Fault,
    at: int,
) -> tuple[str, str]:
    """Run a worker in a child process; return its count and its last command."""
    report = folder / "report"
    name = place.job_store.docs_store.database
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            report.write_text("0 nothing")
            sys.stderr = (folder / "errors").open("w")  # FireWorks prints its own
            own = _connect(server, place.home, name)
            _break_at(at, fault, report)
            if kind == "stock":
                _stock(own.require_launchpad(), own, folder)
            else:
                _ours(own)
        os._exit(0)
    os.waitpid(child, 0)
    count, _, command = report.read_text().partition(" ")
    return count, command


def _break_at(at: int, fault: Fault, report: Path) -> None:
    """Intervene in this process' own traffic."""
    refused = {"killed": 0, "away briefly": BRIEFLY, "away for good": FOR_GOOD}[fault]
    count = 0

    def pass_on(verb: str, target: object) -> None:
        nonlocal count
        if threading.current_thread() is not threading.main_thread():
            return
        count += 1
        if count <= at:
            report.write_text(f"{count} {verb} {target}")
        if count == at and fault == "killed":
            os._exit(9)
        if at <= count < at + refused:
            raise AutoReconnect("connection closed")

    _before(Connection, "command", lambda _database, spec: pass_on(*_named(spec)))
    # cursors and bulk writes send their messages by themselves
    _before(Connection, "send_message", lambda message, _: pass_on(*_read(message)))


def _before(owner: type, name: str, look: Callable[[Any, Any], None]) -> None:
    original = getattr(owner, name)

    def method(self: Any, first: Any, second: Any, *rest: Any, **more: Any) -> Any:
        look(first, second)
        return original(self, first, second, *rest, **more)

    setattr(owner, name, method)


def _named(spec: Mapping[str, Any]) -> tuple[str, object]:
    verb = next(iter(spec))
    return verb, spec[verb]


def _read(message: bytes) -> tuple[str, object]:
    """Return verb and collection of an OP_MSG: 16 + 4 + 1 bytes, then BSON."""
    length = int.from_bytes(message[21:25], "little")
    return _named(bson.decode(message[21 : 21 + length]))


def _stock(launchpad: LaunchPad, place: Workplace, folder: Path) -> None:
    """Work as `rlaunch rapidfire` does, but stop where it would wait."""
    SETTINGS.JOB_STORE = place.job_store
    with contextlib.chdir(folder):  # and back: rapidfire stays in a launch's folder
        rapidfire(
            launchpad,
            FWorker.from_dict(worker_settings()),
            m_dir=str(folder),
            max_loops=2,
            sleep_time=0.05,
            strm_lvl="CRITICAL",
        )


def _ours(place: Workplace) -> None:
    """Work as `lps-flows run` does."""
    SETTINGS.JOB_STORE = place.job_store
    work(
        place.require_launchpad(),
        CampaignWorker(worker_name(place, CAMPAIGN), CAMPAIGN),
        place.home.launches(CAMPAIGN),
        Stop(),
        patience_s=5.0,
    )
