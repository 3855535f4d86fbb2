"""The base of every error a user can cause."""

from __future__ import annotations

from typing import Any


class LpsFlowsError(Exception):
    """An error a user can cause, with what to do about it.

    Rooms subclass it, one class per kind of mistake, so that callers can catch the
    kind and the command line can print the message without a stack trace.

    Parameters
    ----------
    problem
        What is wrong, in one clause.
    field
        The setting, argument or document key that is wrong.
    value
        The offending value.
    remedy
        What the user should do.
    """

    def __init__(
        self,
        problem: str,
        *,
        field: str | None = None,
        value: Any = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.field, self.value, self.remedy = (
            problem,
            field,
            value,
            remedy,
        )
        where = "" if field is None else f"{field} = {value!r}: "
        what_to_do = "" if remedy is None else f" {remedy.rstrip('.')}."
        super().__init__(printable(f"{where}{problem.rstrip('.')}.{what_to_do}"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the full set of parts (workers send errors between processes)."""
        return _rebuild, (type(self), self.problem, self.field, self.value, self.remedy)


def printable(text: str) -> str:
    """Escape what would steer a terminal: names come from files of other people."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _rebuild(
    kind: type[LpsFlowsError],
    problem: str,
    field: str | None,
    value: Any,
    remedy: str | None,
) -> LpsFlowsError:
    error = kind.__new__(kind)
    LpsFlowsError.__init__(error, problem, field=field, value=value, remedy=remedy)
    return error
