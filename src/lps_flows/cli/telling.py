"""What verbs say of fireworks that failed, or that someone took out of the queue."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Column, Table

from lps_flows.cli.application import err

if TYPE_CHECKING:
    from lps_flows.runner import Failure, Progress, Submission

# lpad's commands for fireworks that were stopped, by their state
_BACK_IN_THE_QUEUE = {"DEFUSED": "reignite_fws", "PAUSED": "resume_fws"}


def print_set_aside(submission: Submission) -> None:
    """Say that a campaign of this name had been deleted, where one was."""
    if submission.set_aside:
        err.print(
            f"The fireworks of {submission.campaign} had been deleted (lpad reset or "
            "delete_wflows), so it begins anew; documents of the deleted one are kept "
            f"as campaign {submission.set_aside}."
        )


def print_stopped(state: Progress) -> None:
    """Say what was taken out of the queue, and how it gets back."""
    query = shlex.quote(json.dumps({"spec.campaign": state.campaign}))
    for name, number in sorted(state.stopped.items()):
        back = _BACK_IN_THE_QUEUE.get(name)
        remedy = (
            f"`lpad {back} -s {name} -q {query}` puts them back (`lps-flows db env` "
            "sets lpad up for the private server)."
            if back
            else "Give the campaign another name to run it anew."
        )
        err.print(
            f"{number} fireworks are {name}: someone took them out of the queue. "
            + remedy
        )


def print_failures(failed: Sequence[Failure]) -> None:
    """Show the fireworks that failed, with their reasons."""
    if not failed:
        return
    reason = Column("reason", overflow="fold")
    table = Table("firework", "stage", "job", reason, title="Failed")
    for entry in failed:
        table.add_row(str(entry.fw_id), entry.stage, entry.name, entry.reason)
    err.print(table)
    err.print("After mending the cause: the same command with --retry-failed.")
