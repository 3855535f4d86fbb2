"""How work that takes a while looks: on a terminal it moves, in a pipe it is quiet.

Everything here goes to the error stream, so that results can be piped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from lps_flows.cli.application import err
from lps_flows.foundation import printable

if TYPE_CHECKING:
    from lps_flows.runner import Price
    from lps_flows.runner import Progress as CampaignProgress

_PLAIN_INTERVAL_S = 60.0
# the pace of the last half hour tells the time left
_PACE_S = 1800.0

Step = Callable[[str, int, int | None], None]
"""Takes what is being done, how much of it is done, and how much there is."""


def stage_table(
    state: CampaignProgress, prices: Mapping[str, Price] | None = None
) -> Table:
    """Return progress per stage as a table, with what it cost where that is given."""
    shown = ("running", "ready", "waiting", "failed", "stopped")
    priced = ("evaluations", "foretold", "core-hours", "foretold") if prices else ()
    table = Table("stage", "done", *shown, *priced)
    for stage in (*state.stages, state.total):
        numbers = [getattr(stage, name) for name in shown]
        done = f"{stage.completed}/{stage.total}"
        cells = [str(n) if n else "" for n in numbers]
        price = prices and prices.get(stage.stage)
        if price:
            cells += [
                f"{price.evaluations:,}",
                _number(price.foretold_evaluations, ",.0f"),
                _number(price.core_hours, ",.2f"),
                _number(price.foretold_core_hours, ",.2f"),
            ]
        table.add_row(stage.stage, done, *cells)
    return table


def _number(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)


@contextmanager
def working(title: str) -> Iterator[Step]:
    """Show a bar with the time left while something is done; quiet in a pipe."""
    if not err.is_terminal:
        yield lambda *_: None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        speed_estimate_period=_PACE_S,
    ) as bar:
        task = bar.add_task(title, total=None)
        shown = title

        def step(what: str, done: int, total: int | None) -> None:
            nonlocal shown
            if what != shown:  # another pace
                bar.reset(task, total=total)
                shown = what
            count = f"{done}" if total is None else f"{done} of {total}"
            text = f"{what}: {count}"
            bar.update(task, description=text, completed=done, total=total)

        yield step


class Display:
    """Show the state of a campaign while it runs."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._last_line = ""
        self._last_time = float("-inf")
        self._bar = Progress(
            TextColumn("{task.completed}/{task.total} fireworks"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=err,
            speed_estimate_period=_PACE_S,
        )
        self._task = self._bar.add_task("", total=None)
        self._live = Live(self._bar, console=err, auto_refresh=err.is_terminal)

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if err.is_terminal:
            self._live.stop()

    def show(self, state: CampaignProgress) -> None:
        """Show a new state; called from the runner's watching thread."""
        total = state.total
        now = printable(", ".join(state.running[:3]))
        if err.is_terminal:
            self._bar.update(
                self._task,
                completed=total.completed,
                total=total.total,
                description=now,
            )
            self._live.update(Group(stage_table(state), self._bar))
            return
        line = f"{total.completed}/{total.total} done"
        if total.failed:
            line += f", {total.failed} failed"
        if total.stopped:
            line += f", {total.stopped} stopped"
        if now:
            line += f"; running {now}"
        due = time.monotonic() - self._last_time >= _PLAIN_INTERVAL_S
        if line != self._last_line and (due or not now):
            elapsed = time.monotonic() - self._started
            err.print(f"[{elapsed:6.0f} s] {line}")
            self._last_line, self._last_time = line, time.monotonic()
