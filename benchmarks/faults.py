"""Play every fault several times and print what it cost.

    python -m benchmarks.faults --tries 3

Run from the repository root. Columns: how often played, how often the campaign came
to its end, documents lost, completed jobs that ran twice, interrupted jobs that ran
again, and the seconds from the end of the fault to the next completed firework.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.faults.scenarios import (
    Outcome,
    freeze_server,
    kill_run,
    kill_stock,
    lose_server,
    many_workers,
)

FAULTS: dict[str, Callable[[Path], Outcome]] = {
    **{
        f"run killed, stage {stage!r}, {n} worker(s)": (
            lambda folder, stage=stage, n=n: kill_run(folder, stage, n)
        )
        for stage in ("first", "many", "end")
        for n in (1, 2)
    },
    **{
        f"one of two rlaunch killed, stage {stage!r}": (
            lambda folder, stage=stage: kill_stock(folder, stage)
        )
        for stage in ("first", "many", "end")
    },
    "mongod stopped 20 s, two rlaunch": lambda folder: lose_server(
        folder, 20, crash=False, stock=True
    ),
    "mongod stopped 20 s, run --workers 2": lambda folder: lose_server(
        folder, 20, crash=False, stock=False
    ),
    "mongod killed, two rlaunch": lambda folder: lose_server(
        folder, 2, crash=True, stock=True
    ),
    "mongod killed, run --workers 2": lambda folder: lose_server(
        folder, 2, crash=True, stock=False
    ),
    "mongod frozen 60 s, two rlaunch": lambda folder: freeze_server(
        folder, 60, stock=True
    ),
    "mongod frozen 60 s, run --workers 2": lambda folder: freeze_server(
        folder, 60, stock=False
    ),
    "four rlaunch at once": lambda folder: many_workers(folder, 4, stock=True),
    "run --workers 4": lambda folder: many_workers(folder, 4, stock=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a fault's name")
    given = parser.parse_args()
    print("| fault | tries | completed | lost | duplicated | rerun | recovery (s) |")
    print("|---|---|---|---|---|---|---|")
    for name, play in FAULTS.items():
        if given.only not in name:
            continue
        outcomes = []
        for _ in range(given.tries):
            with tempfile.TemporaryDirectory(prefix="lps-flows-fault-") as folder:
                outcomes.append(play(Path(folder)))
        times = sorted(outcome.recovery_s for outcome in outcomes)
        print(
            f"| {name} | {len(outcomes)} | {sum(o.complete for o in outcomes)} "
            f"| {sum(o.lost for o in outcomes)} "
            f"| {sum(o.duplicated for o in outcomes)} "
            f"| {sum(o.rerun for o in outcomes)} "
            f"| {times[0]:.1f}-{times[-1]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
