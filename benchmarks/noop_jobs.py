"""A job that does nothing, importable by the workers of launchpad.py."""

from __future__ import annotations

from jobflow import job


@job
def nothing(number: int, previous: int | None = None) -> int:
    """Return `number`, after the job that gave `previous`."""
    return number if previous is None else max(number, previous)
