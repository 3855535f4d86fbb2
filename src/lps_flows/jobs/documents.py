"""Every document of a kind that a campaign's jobs left, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobflow import JobStore

from lps_flows.foundation import unmarked


@dataclass(frozen=True)
class JobOutput:
    """The newest output of one job.

    Attributes
    ----------
    uuid
        Id of the job.
    name
        Its name.
    stage
        Stage of the campaign it belongs to.
    completed_at
        When it ended (ISO 8601), if the store says so.
    output
        The output as plain data.
    """

    uuid: str
    name: str
    stage: str
    completed_at: str | None
    output: dict[str, Any]


def outputs(
    job_store: JobStore,
    campaign: str,
    document: str,
    *,
    fields: Sequence[str] | None = None,
    load: bool = False,
) -> list[JobOutput]:
    """Return the newest output of every job that returned a kind of document.

    Parameters
    ----------
    job_store
        Connected store of job outputs.
    campaign
        Name of the campaign.
    document
        Class name of the document, for example ``StructureDocument``.
    fields
        Top-level fields of the output to read; all of them when None. Structures are
        large: leave them out where energies are enough.
    load
        Whether to read what lies in the additional store, too.

    Returns
    -------
    list of JobOutput
        In the order in which the jobs ended.
    """
    wanted = ["name", "metadata", "completed_at", "output.@class"]
    wanted += ["output"] if fields is None else [f"output.{name}" for name in fields]
    newest: dict[str, dict[str, Any]] = {}
    criteria = {"metadata.campaign": campaign, "output.@class": document}
    if fields is None:
        # MongoDB refuses a projection on a path and on its parent together
        wanted.remove("output.@class")
    for job in job_store.query(criteria, properties=wanted, load=load):
        known = newest.get(job["uuid"])
        if known is None or job["index"] > known["index"]:
            newest[job["uuid"]] = job
    jobs = [
        JobOutput(
            uuid=uuid,
            name=job.get("name", ""),
            stage=(job.get("metadata") or {}).get("stage", "other"),
            completed_at=job.get("completed_at"),
            output=unmarked(job["output"]),
        )
        for uuid, job in newest.items()
    ]
    return sorted(jobs, key=lambda job: (job.completed_at or "", job.uuid))


def finished_jobs(job_store: JobStore, campaign: str) -> Iterator[tuple[str, str]]:
    """Yield (stage, ISO time) of every job of a campaign that has ended."""
    for job in job_store.query(
        {"metadata.campaign": campaign}, properties=["metadata", "completed_at"]
    ):
        stage = (job.get("metadata") or {}).get("stage", "other")
        yield stage, job.get("completed_at") or ""
