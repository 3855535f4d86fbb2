"""Many L-BFGS minimisations in step, so that one call evaluates them all.

Each restart is scipy's own L-BFGS-B (with its line search) in a thread of its own; the
thread waits whenever it asks for a value, and when all have asked, one batched
evaluation answers them. A record of the answers on disk lets an interrupted training
go through the same steps again without computing, and end with the same weights.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy

logger = logging.getLogger(__name__)

Answer = tuple[float, np.ndarray, np.ndarray]
"""Loss, its gradient, and a few further numbers to keep for the history."""
Evaluate = Callable[[list[int], np.ndarray], list[Answer]]


@dataclass
class Run:
    """One restart: where it stands and how it went.

    `best` are the parameters at the iteration with the lowest score, `history` the
    further numbers at every iteration; `n_evaluations` counts line-search trials too,
    and `failed` says whether a line search did.
    """

    best: np.ndarray
    score: float = np.inf
    best_iteration: int = 0
    history: list[np.ndarray] = field(default_factory=list)
    n_evaluations: int = 0
    message: str = ""
    failed: bool = False


class _StoppedError(Exception):
    """Ends the threads when the main one gives up."""


class Record:
    """The answers of all rounds, on disk.

    Parameters
    ----------
    path
        The file; it is started anew when its header is another one's.
    header
        What identifies the training: a hash of data and settings.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.rounds: list[list[tuple[int, Answer]]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        data = path.read_bytes() if path.exists() else b""
        if data[: len(header)] != header:
            path.write_bytes(header)
            at = len(header)
        else:
            at = len(header)
            while at + 24 <= len(data):
                n, size, extra = np.frombuffer(data[at : at + 24], np.int64).tolist()
                length = n * (2 + size + extra) * 8
                if at + 24 + length > len(data):
                    break
                table = np.frombuffer(data[at + 24 : at + 24 + length]).reshape(n, -1)
                self.rounds.append(
                    [
                        (
                            int(row[0]),
                            (float(row[1]), row[2 : 2 + size], row[2 + size :]),
                        )
                        for row in table
                    ]
                )
                at += 24 + length
        self._file = path.open("r+b")
        self._file.truncate(at)
        self._file.seek(at)

    def add(self, answers: list[tuple[int, Answer]]) -> None:
        """Append one round."""
        size, extra = len(answers[0][1][1]), len(answers[0][1][2])
        table = [np.concatenate([[k, f], g, more]) for k, (f, g, more) in answers]
        head = np.array([len(table), size, extra], np.int64)
        self._file.write(head.tobytes() + np.array(table).tobytes())
        self._file.flush()

    def close(self, remove: bool) -> None:
        """Close the file, and remove it when the training is complete."""
        self._file.close()
        if remove:
            self.path.unlink()


class LockStep:
    """Run restarts in step.

    Parameters
    ----------
    evaluate
        Evaluates the members listed at the points (m, n_parameters); the first of the
        further numbers is the score whose lowest value picks the best iteration.
    iterations, memory, patience
        See `TrainingSettings`.
    record
        Where to keep the answers, or none.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        *,
        iterations: int,
        memory: int,
        patience: int | None = None,
        record: Record | None = None,
        on_round: Callable[[list[Run]], None] | None = None,
    ) -> None:
        self._evaluate, self._record, self._on_round = evaluate, record, on_round
        self._iterations, self._memory = iterations, memory
        self._patience = patience
        self._turn = threading.Condition()
        self._asked: dict[int, np.ndarray] = {}
        self._answers: dict[int, Answer] = {}
        self._active: set[int] = set()
        self._stop = False
        self._error: BaseException | None = None

    def run(self, starts: np.ndarray) -> list[Run]:
        """Minimise from each row of `starts` (n_restarts, n_parameters)."""
        runs = [Run(best=x.copy()) for x in starts]
        self._active = set(range(len(runs)))
        threads = [
            threading.Thread(target=self._restart, args=(k, runs[k], starts[k]))
            for k in range(len(runs))
        ]
        for thread in threads:
            thread.start()
        try:
            while self._serve():
                if self._on_round is not None:
                    self._on_round(runs)
        finally:
            with self._turn:
                self._stop = True
                self._turn.notify_all()
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error
        return runs

    def _serve(self) -> bool:
        """Wait until all active restarts have asked, then answer them."""
        with self._turn:
            self._turn.wait_for(lambda: len(self._asked) == len(self._active))
            if not self._active or self._error is not None:
                return False
            members = sorted(self._asked)
            points = np.array([self._asked[k] for k in members])
        answers: list[tuple[int, Answer]] | None = None
        if self._record is not None and self._record.rounds:
            answers = self._record.rounds.pop(0)
            if [k for k, _ in answers] != members:
                logger.warning("the record of the interrupted training does not fit")
                self._record.rounds.clear()
                answers = None
        if answers is None:
            answers = list(zip(members, self._evaluate(members, points), strict=True))
            if self._record is not None:
                self._record.add(answers)
        with self._turn:
            self._asked.clear()
            self._answers.update(answers)
            self._turn.notify_all()
        return True

    def _ask(self, k: int, x: np.ndarray) -> Answer:
        with self._turn:
            self._asked[k] = x.copy()
            self._turn.notify_all()
            self._turn.wait_for(lambda: k in self._answers or self._stop)
            if self._stop:
                raise _StoppedError
            return self._answers.pop(k)

    def _restart(self, k: int, run: Run, start: np.ndarray) -> None:
        last: list[np.ndarray] = []

        def value(x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient, more = self._ask(k, x)
            run.n_evaluations += 1
            last[:] = [more]
            if run.n_evaluations == 1:
                note(x)
            return loss, np.array(gradient)

        def note(x: np.ndarray) -> None:
            run.history.append(last[0])
            if last[0][0] < run.score:
                run.score, run.best = float(last[0][0]), x.copy()
                run.best_iteration = len(run.history) - 1

        def callback(intermediate_result: Any) -> None:
            note(intermediate_result.x)
            since = len(run.history) - 1 - run.best_iteration
            if self._patience is not None and since >= self._patience:
                raise StopIteration

        try:
            end = scipy.optimize.minimize(
                value,
                start,
                jac=True,
                method="L-BFGS-B",
                callback=callback,
                options={
                    "maxcor": self._memory,
                    "maxiter": self._iterations,
                    "maxfun": 20 * self._iterations + 20,
                    "ftol": 1e-15,
                    "gtol": 1e-12,
                },
            )
            run.message, run.failed = str(end.message), end.status == 2
            if run.failed:
                logger.warning(
                    "restart %d stopped after %d iterations: %s",
                    k,
                    end.nit,
                    end.message,
                )
        except _StoppedError:
            run.message = "interrupted"
        except BaseException as error:
            self._error = error  # raised by the main thread
        finally:
            with self._turn:
                self._active.discard(k)
                self._turn.notify_all()
