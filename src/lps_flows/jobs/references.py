"""Outputs of other jobs, handed over so that every runner can resolve them.

A worker need not see the store of its campaign: jobflow-remote resolves references
before a job is sent to it. So a job takes what it needs as references, and where it
must know whose output it was given, together with that: `both`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobflow import CURRENT_JOB, Job, OutputReference, job
from jobflow.core.reference import ResolvedReference

from lps_flows.engines.trained import is_uuid


def both(given: Any) -> Any:
    """Hand an output over together with whose it is; what is no reference passes.

    A uuid alone stands for a job of another flow, see `by_uuid`.

    The job gets what ``JobConfig(resolve_references="both")`` gives it. That is done
    where the job runs, and jobflow-remote 1.0.1 has put the value in place before.
    """
    if isinstance(given, str) and is_uuid(given):
        return by_uuid(given)
    if not isinstance(given, OutputReference):
        return given
    return ResolvedReference(given.uuid, given.attributes, given)


def by_uuid(uuid: str) -> ResolvedReference:
    """Name the output of a job of another flow, of which `recall` makes a reference."""
    return ResolvedReference(uuid, (), None)


def value_of(given: Any) -> Any:
    """Return what was handed over, however it was.

    Parameters
    ----------
    given
        By `both`, as a value, or by a job's uuid, which is read from the store of the
        running job.
    """
    while isinstance(given, ResolvedReference):
        given = given.value
    if isinstance(given, str):
        given = OutputReference(given)
    if isinstance(given, OutputReference):
        return given.resolve(CURRENT_JOB.store)
    return given


def uuid_of(given: ResolvedReference | str) -> str:
    """Return the uuid of the job whose output was handed over by `both`."""
    return given if isinstance(given, str) else given.uuid


@job
def recalled(known: Mapping[str, str | ResolvedReference]) -> dict[str, Any]:
    """Refer to outputs of jobs of before, by name.

    What replaces a job may refer to jobs of its own alone; this is one.
    """
    return {
        name: OutputReference(given) if isinstance(given, str) else _reference(given)
        for name, given in known.items()
    }


def recall(**given: Any) -> tuple[list[Job], dict[str, Any]]:
    """Hand on what a job was given, or knows the uuid of, to what replaces it.

    Returns
    -------
    tuple of list of Job and dict
        The job that has to be among those that replace the running one, if any, and
        what it gives, as `both` does; what is no reference comes back as it is.
    """
    known = {
        name: ResolvedReference(it.uuid, it.attributes, None)
        for name, it in given.items()
        if isinstance(it, ResolvedReference)
        and not isinstance(it.value, OutputReference)
    }
    if not known:
        return [], given
    recalling: Any = recalled(known)
    again = {
        name: ResolvedReference(it.uuid, it.attributes, recalling.output[name])
        for name, it in known.items()
    }
    return [recalling], {**given, **again}


def in_place(last: Job) -> Job:
    """Let the last of the jobs that replace this one give this one's output.

    A flow with an output of its own would do so by one more job, under another uuid
    than that of the document.
    """
    current = CURRENT_JOB.job
    last.set_uuid(current.uuid)
    last.index = current.index + 1
    last.name, last.metadata = own_name(current.name), current.metadata
    return last


def own_name(name: str) -> str:
    """Return a name without what jobflow appends again to jobs that this one makes."""
    running = CURRENT_JOB.job
    for update in reversed([] if running is None else running.name_updates):
        cut = str.removeprefix if update["prepend"] else str.removesuffix
        name = cut(name, update["append_str"])
    return name


def _reference(known: ResolvedReference) -> OutputReference:
    attributes = tuple((kind, name) for kind, name in known.attributes)
    return OutputReference(known.uuid, attributes)
