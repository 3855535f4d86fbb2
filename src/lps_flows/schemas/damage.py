"""Documents that are not what they should be: named, and left out where asked.

What computes stops at the first of them. What shows (a page, a table) and what collects
(the builders) goes on without them inside `left_out`, and says which they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from pydantic import ValidationError

from lps_flows.foundation import ForeignClassError, LpsFlowsError

_Stored = TypeVar("_Stored")
_Read = TypeVar("_Read")

_LONGEST_REASON = 200


class DamagedDocumentError(LpsFlowsError):
    """A document in the store does not have the layout of its class."""


def damaged(
    name: str, what: str, error: Exception, *, field: str = "uuid"
) -> DamagedDocumentError:
    """Return the error for a document, named by its id, that cannot be read."""
    why = type(error).__name__
    if isinstance(error, DamagedDocumentError):
        why = error.problem
    elif isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:_LONGEST_REASON]
    return DamagedDocumentError(
        f"this document is not {what} ({why})",
        field=field,
        value=name,
        remedy="Something else than lps-flows has changed it, or another version "
        "wrote it. Rerun its job, or remove it from the store",
    )


_collected: ContextVar[dict[str, LpsFlowsError] | None] = ContextVar(
    "_collected", default=None
)


@contextmanager
def left_out() -> Iterator[dict[str, LpsFlowsError]]:
    """Go on without damaged documents; their errors are collected by what they say."""
    errors: dict[str, LpsFlowsError] = {}
    token = _collected.set(errors)
    try:
        yield errors
    finally:
        _collected.reset(token)


def leave_out(error: LpsFlowsError) -> None:
    """Collect the error of a document inside `left_out`, raise it elsewhere."""
    errors = _collected.get()
    if errors is None:
        raise error
    errors[str(error)] = error


def readable(
    read: Callable[[_Stored], _Read], stored: Iterable[_Stored]
) -> Iterator[_Read]:
    """Yield what is read of documents; the damaged ones are left out, or raise."""
    for one in stored:
        try:
            document = read(one)
        except (DamagedDocumentError, ForeignClassError) as error:
            leave_out(error)
        else:
            yield document
