"""What a campaign left in the job store, read back as typed documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobflow import JobStore


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
    for found in job_store.query(criteria, properties=wanted, load=load):
        known = newest.get(found["uuid"])
        if known is None or found["index"] > known["index"]:
            newest[found["uuid"]] = found
    results = [
        JobOutput(
            uuid=uuid,
            name=found.get("name", ""),
            stage=(found.get("metadata") or {}).get("stage", "other"),
            completed_at=found.get("completed_at"),
            output=plain(found["output"]),
        )
        for uuid, found in newest.items()
    ]
    return sorted(results, key=lambda result: (result.completed_at or "", result.uuid))


def plain(value: Any) -> Any:
    """Return plain data without the ``@module`` marks of our own documents.

    A structure keeps its marks: pydantic reads it back by them.
    """
    if isinstance(value, dict):
        if str(value.get("@module", "")).startswith("pymatgen"):
            return value
        return {key: plain(item) for key, item in value.items() if not _is_mark(key)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _is_mark(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("@")


def finished_jobs(job_store: JobStore, campaign: str) -> Iterator[tuple[str, str]]:
    """Yield (stage, ISO time) of every job of a campaign that has ended."""
    for found in job_store.query(
        {"metadata.campaign": campaign}, properties=["metadata", "completed_at"]
    ):
        stage = (found.get("metadata") or {}).get("stage", "other")
        yield stage, found.get("completed_at") or ""
