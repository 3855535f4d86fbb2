"""What verbs say of fireworks that failed, or that someone took out of the queue."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Column, Table

from lps_flows.cli.application import err

if TYPE_CHECKING:
    from lps_flows.runner import Failure, Progress

# lpad's commands for fireworks that were stopped, by their state
_BACK_IN_THE_QUEUE = {"DEFUSED": "reignite_fws", "PAUSED": "resume_fws"}
# of one reason
_MOST_NUMBERS = 5

DELETED = "Its fireworks had been deleted (lpad reset or delete_wflows)"
"""Why a campaign on a LaunchPad begins anew."""


def print_set_aside(campaign: str, aside: str | None, why: str) -> None:
    """Say that a campaign of this name began anew, where there had been one."""
    if aside:
        err.print(
            f"{why}, so {campaign} began anew; documents of the earlier one are kept "
            f"as campaign {aside}."
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


def print_failures(
    failed: Sequence[Failure], again: str = "the same command with --retry-failed"
) -> None:
    """Show the fireworks that failed, with their reasons; those of one reason as one.

    Parameters
    ----------
    again
        What runs them again.
    """
    if not failed:
        return
    reason = Column("reason", overflow="fold")
    table = Table("firework", "stage", "job", reason, title="Failed")
    of_one_reason: dict[tuple[str, str], list[Failure]] = {}
    for entry in failed:
        of_one_reason.setdefault((entry.stage, entry.reason), []).append(entry)
    for (stage, why), entries in of_one_reason.items():
        known = [str(entry.fw_id) for entry in entries if entry.fw_id >= 0]
        if len(known) > _MOST_NUMBERS:  # `status --json` has them all
            known[_MOST_NUMBERS:] = ["…"]
        first, more = entries[0].name, len(entries) - 1
        name = f"{first} and {more} more" if more else first
        table.add_row(", ".join(known), stage, name, why)
    err.print(table)
    err.print(f"After mending the cause: {again}.")
