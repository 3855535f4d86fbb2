"""Faults, each played once on a server and a home of its own.

The tests assert on what these return; benchmarks/faults.py plays them many times and
prints the table.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import PyMongoError

from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    environment,
    open_workplace,
    progress,
    run,
    submit,
)
from lps_flows.runner.submission import find_submission
from tests.faults.run_toy import CAMPAIGN
from tests.stock import ROOT, lpad, rlaunch
from tests.toy_jobs import runs, toy_flow

LEAVES = 6
SECONDS = 0.4
LOST_AFTER_S = 4
FIREWORKS = LEAVES + 6
EXPECTED = 1 + 2 + sum(range(LEAVES))


@dataclass(frozen=True)
class Outcome:
    """What a fault cost.

    Attributes
    ----------
    complete
        Whether the campaign came to its end with the right result.
    lost
        Documents missing at the end.
    duplicated
        Jobs that ran again although they had been completed, and documents beyond
        those of an undisturbed run.
    rerun
        Jobs that ran again because they were interrupted.
    recovery_s
        From the end of the fault to the first firework completed after it.
    """

    complete: bool
    lost: int
    duplicated: int
    rerun: int
    recovery_s: float


class Stage:
    """A folder, a server and a toy campaign, with someone watching."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.journal = folder / "journal"
        self.server = PrivateMongod(self.home.path)
        self.server.start()
        self.workplace: Workplace = open_workplace(self.home)
        self.processes: list[subprocess.Popen] = []

    def close(self) -> None:
        for process in self.processes:
            kill(process)
        self.workplace.close()
        self.server.stop()

    def completed(self) -> int:
        with contextlib.suppress(PyMongoError):
            return progress(
                self.workplace.require_launchpad(), CAMPAIGN
            ).total.completed
        return -1

    def flow(self):
        return toy_flow(self.journal, LEAVES, SECONDS)

    def start_run(self, workers: int = 1) -> subprocess.Popen:
        arguments = [self.home.path, self.journal, LEAVES, SECONDS, workers]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.run_toy", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def start_stock(self, n: int) -> list[subprocess.Popen]:
        submit(self.workplace, self.flow, CAMPAIGN, "hash")
        variables = environment(self.home)
        started = [rlaunch(self.folder / f"rlaunch-{k}", variables) for k in range(n)]
        self.processes += started
        return started

    def find_lost_runs(self) -> None:
        """Do what docs/cluster.md says, with a shorter time."""
        arguments = ["--time", str(LOST_AFTER_S), "--rerun", "--refresh"]
        lpad(environment(self.home), "detect_lostruns", *arguments)

    def finish(self, workers: list[subprocess.Popen], timeout_s: float = 120) -> None:
        """Wait for the end of processes, whatever their status."""
        for worker in workers:
            worker.communicate(timeout=timeout_s)

    def wait_for(self, what: Callable[[], bool], timeout_s: float = 120) -> float:
        started = time.monotonic()
        while not what():
            if time.monotonic() - started > timeout_s:
                raise TimeoutError
            time.sleep(0.02)
        return time.monotonic() - started

    def wait_for_stage(self, stage: str) -> None:
        """Wait until a job of the stage runs."""
        launchpad = self.workplace.require_launchpad()
        running = {"spec.stage": stage, "state": "RUNNING"}
        self.wait_for(lambda: find_submission(self.workplace, CAMPAIGN) is not None)
        self.wait_for(lambda: launchpad.fireworks.find_one(running) is not None)
        time.sleep(SECONDS / 4)

    def stored(self) -> set[tuple[str, int]]:
        query = {"metadata.campaign": CAMPAIGN}
        documents = self.workplace.job_store.query(query, ["uuid", "index"])
        return {(d["uuid"], d["index"]) for d in documents}

    def outcome(self, done_before: set[str], recovery_s: float) -> Outcome:
        """Compare the end with an undisturbed run.

        An undisturbed run leaves one document per firework; one that replaced itself
        leaves its at index 1.
        """
        documents = self.stored()
        counts = runs(self.journal)
        again = {name: n - 1 for name, n in counts.items() if n > 1}
        final = self.workplace.job_store.query_one({"name": "end"})
        state = progress(self.workplace.require_launchpad(), CAMPAIGN)
        return Outcome(
            complete=state.complete and (final or {}).get("output") == EXPECTED,
            lost=max(0, FIREWORKS - len(documents)),
            duplicated=sum(again.get(name, 0) for name in done_before)
            + max(0, len(documents) - FIREWORKS),
            rerun=sum(again.values()),
            recovery_s=recovery_s,
        )

    def done(self) -> set[str]:
        """Return the names of the jobs that the LaunchPad knows to be completed."""
        launchpad = self.workplace.require_launchpad()
        return set(launchpad.fireworks.distinct("name", {"state": "COMPLETED"}))


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    made = Stage(folder)
    try:
        yield made
    finally:
        made.close()


def kill(process: subprocess.Popen) -> None:
    """SIGKILL a process with all its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def kill_run(folder: Path, where: str, workers: int = 1) -> Outcome:
    """SIGKILL `lps-flows run` while a job of a stage runs, and run again."""
    with stage(folder) as play:
        process = play.start_run(workers)
        play.wait_for_stage(where)
        kill(process)
        done, before = play.done(), play.completed()
        started, first = time.monotonic(), []

        def watch(state) -> None:
            if state.total.completed > before and not first:
                first.append(time.monotonic() - started)

        run(
            play.workplace,
            play.flow,
            CAMPAIGN,
            "hash",
            on_progress=watch,
            interval_s=0.05,
        )
        return play.outcome(done, first[0])


def kill_stock(folder: Path, where: str) -> Outcome:
    """SIGKILL one of two stock workers; `lpad detect_lostruns` brings its job back."""
    with stage(folder) as play:
        workers = play.start_stock(2)
        play.wait_for_stage(where)
        kill(workers[0])
        done = play.done()
        # the other one goes on, and waits for what the dead one was running
        launchpad = play.workplace.require_launchpad()
        waiting = {"state": "READY"}
        play.wait_for(lambda: launchpad.fireworks.find_one(waiting) is None)
        time.sleep(LOST_AFTER_S + 1)
        started, before = time.monotonic(), play.completed()
        play.find_lost_runs()
        if workers[1].poll() is not None:  # nothing was left to wait for
            workers[1:] = play.start_stock(1)
        # it may have been the other one that ran the job
        play.wait_for(lambda: play.completed() > before or before == FIREWORKS)
        recovery = time.monotonic() - started
        play.finish(workers[1:])
        return play.outcome(done, recovery)


def lose_server(folder: Path, away_s: float, *, crash: bool, stock: bool) -> Outcome:
    """Stop or SIGKILL mongod while two workers run; start it again after `away_s`."""

    def lose(server: PrivateMongod) -> None:
        if crash:
            os.kill(server.pid or 0, signal.SIGKILL)
        else:
            server.stop()
        time.sleep(away_s)
        server.start()

    return _without_server(folder, lose, stock=stock)


def freeze_server(folder: Path, frozen_s: float, *, stock: bool) -> Outcome:
    """Stop mongod's process where it is, as a slow disk or a suspended laptop does."""

    def freeze(server: PrivateMongod) -> None:
        pid = server.pid or 0
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(frozen_s)
        finally:
            os.kill(pid, signal.SIGCONT)

    return _without_server(folder, freeze, stock=stock)


def _without_server(
    folder: Path, lose: Callable[[PrivateMongod], None], *, stock: bool
) -> Outcome:
    with stage(folder) as play:
        workers = play.start_stock(2) if stock else [play.start_run(2)]
        play.wait_for_stage("many")
        acknowledged = play.stored()
        done = play.done()
        lose(play.server)
        started, before = time.monotonic(), play.completed()
        missing = acknowledged - play.stored()
        play.wait_for(
            lambda: (
                play.completed() > before or all(w.poll() is not None for w in workers)
            )
        )
        recovery = time.monotonic() - started
        time.sleep(LOST_AFTER_S + 1)
        if stock:  # whatever they could not write down is found and done again
            play.find_lost_runs()
        try:
            play.finish(workers, timeout_s=60)
        except subprocess.TimeoutExpired:
            # a stock worker waits for ever for what only our recovery mends
            for worker in workers:
                kill(worker)
            time.sleep(LOST_AFTER_S + 1)
            play.find_lost_runs()
        # what failed since the server did not answer is taken up unasked
        run(play.workplace, play.flow, CAMPAIGN, "hash")
        found = play.outcome(done, recovery)
        return Outcome(
            found.complete,
            found.lost + len(missing),
            found.duplicated,
            found.rerun,
            found.recovery_s,
        )


def many_workers(folder: Path, n: int, *, stock: bool) -> Outcome:
    """Run `n` workers at once on one campaign."""
    with stage(folder) as play:
        started = time.monotonic()
        play.finish(play.start_stock(n) if stock else [play.start_run(n)])
        return play.outcome(set(runs(play.journal)), time.monotonic() - started)
