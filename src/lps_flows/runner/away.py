"""Errors that say that the database server is away, and will be back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from lps_flows.foundation import LpsFlowsError

PATIENCE_S = 600.0
"""How long a server that is away is waited for (s)."""
LOCK_S = 60
"""Age at which the lock of a workflow belongs to a worker that was killed (s)."""

_LOGGER = logging.getLogger(__name__)
_Result = TypeVar("_Result")

# A frozen or restarted server breaks off what runs, forgets cursors, and confirms late.
_KINDS = (ConnectionFailure, CursorNotFound, ExecutionTimeout, WTimeoutError)
# InterruptedAtShutdown, ShutdownInProgress, PrimarySteppedDown, NotWritablePrimary,
# InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
_CODES = {11600, 91, 189, 10107, 11602, 13435, 13436}


def is_away(error: BaseException) -> bool:
    """Whether an error means that the server is away."""
    return isinstance(error, _KINDS) or (
        isinstance(error, OperationFailure) and error.code in _CODES
    )


def tells_of_away(reason: str) -> bool:
    """Whether the reason of a failed firework means that the server was away.

    Parameters
    ----------
    reason
        Type and message, of :func:`lps_flows.runner.progress.last_error`.

    Examples
    --------
    >>> tells_of_away("pymongo.errors._OperationCancelled: operation cancelled")
    True
    >>> tells_of_away("ValueError: no route to the server")
    False
    """
    kind = reason.split(":", maxsplit=1)[0].rpartition(".")[2]
    if kind in _NAMES:
        return True
    quoted = (f"'code': {code}" in reason for code in _CODES)
    return kind.endswith(("OperationFailure", "BulkWriteError")) and any(quoted)


def wait_out(
    action: Callable[[], _Result],
    revive: Callable[[], object] | None = None,
    patience_s: float = PATIENCE_S,
) -> _Result:
    """Do what can be done twice until the server answers; return its result.

    Parameters
    ----------
    revive
        Called while the server does not answer, e.g. to start a private one.
    patience_s
        How long to try, in seconds.

    Raises
    ------
    PyMongoError
        If the server stays away longer, or for any other reason.
    """
    ended = time.monotonic() + patience_s
    while True:
        try:
            return action()
        except PyMongoError as error:
            if not is_away(error) or time.monotonic() > ended:
                raise
            call_back(revive)
            time.sleep(1.0)


def call_back(revive: Callable[[], object] | None) -> None:
    """Start the server again, if that is ours to do; frozen, it comes by itself."""
    try:
        if revive is not None:
            revive()
    except (LpsFlowsError, PyMongoError) as error:
        _LOGGER.warning("the database cannot be started (%s)", error)


def _names(kind: type[BaseException]) -> Iterator[str]:
    yield kind.__name__
    for below in kind.__subclasses__():
        yield from _names(below)


_NAMES = frozenset(name for kind in _KINDS for name in _names(kind))
