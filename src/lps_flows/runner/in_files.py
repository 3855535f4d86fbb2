"""Run a campaign where no server can: in this process, into files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jobflow import Flow, Job, run_locally
from maggma.stores import JSONStore

from lps_flows.runner.home import free_name
from lps_flows.runner.progress import Failure, last_error
from lps_flows.runner.recorded import (
    Comparable,
    record_in_files,
    rename_record_in_files,
)
from lps_flows.runner.workplace import Workplace

_FAILED = " failed with exception:\n"

Responses = Mapping[str, Mapping[int, Any]]


@dataclass(frozen=True)
class FilesResult:
    """How a run in files ended.

    Attributes
    ----------
    responses
        jobflow's, by the uuid and index of the job.
    failures
        Jobs that failed; what needs them did not run.
    complete
        Whether every job ran to its end.
    set_aside
        Under which name the documents of an earlier run are kept, if there was one.
    """

    responses: Responses
    failures: tuple[Failure, ...]
    complete: bool
    set_aside: str | None = None


def run_in_files(
    workplace: Workplace,
    flow: Flow | Job,
    campaign: str,
    settings: Comparable | None = None,
) -> FilesResult:
    """Run a flow in this process without a server, from its start.

    For machines where no server can run: nothing goes on after an interruption. The
    documents of an earlier run of this name are kept under another.

    Parameters
    ----------
    workplace, flow, campaign, settings
        As in :func:`submit`.
    """
    folder = workplace.home.launches(campaign)
    aside = _set_aside(workplace, campaign)
    if settings is not None:
        record_in_files(workplace, campaign, settings)
    flow = flow if isinstance(flow, Flow) else Flow([flow])
    flow.update_metadata({"campaign": campaign}, dynamic=True)
    with _told_of_failures() as traces:
        responses = run_locally(
            flow,
            store=workplace.job_store,
            create_folders=True,
            root_dir=str(folder),
            log=False,
        )
    left = [
        job
        for job in _jobs_of(flow, responses)
        if job.index not in responses.get(job.uuid, {})
    ]
    failed = tuple(
        Failure(
            -1,
            job.name,
            str(job.metadata.get("stage", "other")),
            last_error(traces[job.name].pop(0)),
            str(folder),
        )
        for job in left
        if traces.get(job.name)
    )
    return FilesResult(responses, failed, not left, aside)


def _set_aside(workplace: Workplace, campaign: str) -> str | None:
    """Keep the documents of an earlier run under another name; return that.

    Beside those of this run they would count as calculations of their own.
    """
    docs = workplace.job_store.docs_store
    of_campaign = {"metadata.campaign": campaign}
    if not isinstance(docs, JSONStore) or docs.query_one(of_campaign) is None:
        return None
    aside = free_name(campaign, docs.distinct("metadata.campaign"))
    docs._collection.update_many(  # noqa: SLF001
        of_campaign, {"$set": {"metadata.campaign": aside}}
    )
    docs.update_json_file()
    rename_record_in_files(workplace, campaign, aside)
    return aside


def _jobs_of(flow: Flow, responses: Responses) -> Iterator[Job]:
    """Yield the jobs of a flow, and those that they asked for when they ran."""
    for job, _ in flow.iterflow():
        yield job
        if (response := responses.get(job.uuid, {}).get(job.index)) is not None:
            for more in (response.replace, response.detour, response.addition):
                yield from () if more is None else _jobs_of(more, responses)


@contextmanager
def _told_of_failures() -> Iterator[dict[str, list[str]]]:
    """Yield the stack traces of jobs that fail, by name: jobflow only logs them."""
    traces: dict[str, list[str]] = {}

    def keep(record: logging.LogRecord) -> bool:
        name, failed, trace = record.getMessage().partition(_FAILED)
        if failed:
            traces.setdefault(name, []).append(trace)
        return before <= record.levelno

    logger = logging.getLogger("jobflow.managers.local")
    before, level = logger.getEffectiveLevel(), logger.level
    logger.addFilter(keep)
    logger.setLevel(logging.INFO)
    try:
        yield traces
    finally:
        logger.removeFilter(keep)
        logger.setLevel(level)
