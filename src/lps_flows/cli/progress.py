"""How a running campaign looks: a live table, or plain lines in a pipe."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lps_flows.cli.application import out

if TYPE_CHECKING:
    from lps_flows.runner import Progress as CampaignProgress

_PLAIN_INTERVAL = 15.0


def stage_table(state: CampaignProgress) -> Table:
    """Return progress per stage as a table."""
    table = Table("stage", "done", "running", "ready", "waiting", "failed")
    for stage in (*state.stages, state.total):
        table.add_row(
            stage.stage,
            f"{stage.completed}/{stage.total}",
            *(
                str(n) if n else ""
                for n in (stage.running, stage.ready, stage.waiting, stage.failed)
            ),
        )
    return table


class Display:
    """Show the state of a campaign while it runs."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._last_line = ""
        self._last_time = -_PLAIN_INTERVAL
        self._bar = Progress(
            TextColumn("{task.completed}/{task.total} fireworks"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=out,
        )
        self._task = self._bar.add_task("", total=None)
        self._live = Live(self._bar, console=out, auto_refresh=out.is_terminal)

    def __enter__(self) -> Self:
        if out.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if out.is_terminal:
            self._live.stop()

    def show(self, state: CampaignProgress) -> None:
        """Show a new state; called from the runner's watching thread."""
        total = state.total
        now = ", ".join(state.running[:3])
        if out.is_terminal:
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
        if now:
            line += f"; running {now}"
        due = time.monotonic() - self._last_time >= _PLAIN_INTERVAL
        if line != self._last_line and (due or not now):
            elapsed = time.monotonic() - self._started
            out.print(f"[{elapsed:6.0f} s] {line}", markup=False)
            self._last_line, self._last_time = line, time.monotonic()
