"""The outcome of one of doctor's checks."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """Outcome of one check.

    Attributes
    ----------
    detail
        What was found; never a password or a connection string.
    required
        Whether a run is impossible without it.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    required: bool = False
