"""What jobs left in the store: read, with foreign documents passed over.

What no job of ours can have written is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, create_model

from lps_flows.foundation import unmarked
from lps_flows.jobs.large_parts import (
    WHOLE,
    LostPartError,
    Queried,
    load_job,
    loading,
)
from lps_flows.schemas.damage import (
    DamagedDocumentError,
    damaged,
    leave_out,
    readable,
)
from lps_flows.schemas.layout import NO_CAMPAIGN, stored_names

if TYPE_CHECKING:
    from jobflow import JobStore

    from lps_flows.schemas.base import Document

AnyDocument = TypeVar("AnyDocument", bound="Document")

_SAID_BY_EVERY_JOB = {"uuid", "index", "completed_at", "output.@class", "output.method"}
_HEAD = (*sorted(_SAID_BY_EVERY_JOB), "output.@module", "output.n_structures")
_OF_OURS = ("uuid", "index", "output.@class", "output.@module")
_AT_ONCE = 50  # jobs that are loaded in one query
_PACKAGE = __name__.partition(".")[0]


def of_campaign(campaign: str | None) -> dict[str, Any]:
    """Return the filter of the jobs of a campaign; of all jobs when None.

    Parameters
    ----------
    campaign
        ``"none"`` are the jobs outside any.
    """
    if campaign is None:
        return {}
    # null is what lacks the field, too
    named = {"$in": [None, NO_CAMPAIGN]} if campaign == NO_CAMPAIGN else campaign
    return {"metadata.campaign": named}


def campaign_of(job: Mapping[str, Any]) -> str:
    """Return the campaign of a job's document, ``"none"`` outside any."""
    return str((job.get("metadata") or {}).get("campaign") or NO_CAMPAIGN)


def holds(job_store: JobStore | None, campaign: str | None) -> bool:
    """Tell whether a store holds a job of a campaign; of any when None."""
    if job_store is None:
        return False
    return job_store.query_one(of_campaign(campaign), ["uuid"]) is not None


def load_newest(
    job_store: Queried,
    criteria: dict[str, Any],
    properties: Sequence[str] = WHOLE,
) -> Iterator[dict[str, Any]]:
    """Yield the newest document of every job of a filter, with its large parts.

    One whose parts are gone is left out, or raises.
    """
    heads = newest_of(job_store.query(criteria, properties=[*_OF_OURS]))
    read = partial(load_job, job_store, properties=properties)
    for first in range(0, len(heads), _AT_ONCE):
        few = heads[first : first + _AT_ONCE]
        newest = {head["uuid"]: head["index"] for head in few}
        asked = {"uuid": {"$in": [*newest]}}
        try:
            with loading(job_store, few[0]["uuid"]):
                found = list(
                    job_store.query(asked, properties=[*properties], load=True)
                )
        except LostPartError:  # of one of them: which?
            # a job that is none is gone since
            yield from filter(None, readable(read, few))
        else:
            yield from (job for job in found if job["index"] == newest[job["uuid"]])


def newest_of(jobs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest document of every job whose output is one of ours."""
    newest: dict[str, dict[str, Any]] = {}
    for job in readable(_whole, filter(_of_ours, jobs)):
        known = newest.get(job["uuid"])
        if known is None or job["index"] > known["index"]:
            newest[job["uuid"]] = job
    return list(newest.values())


def newest_heads(
    job_store: JobStore, kinds: Sequence[str], campaign: str | None
) -> dict[str, dict[str, Any]]:
    """Return the heads of the jobs whose output is a document of ours, by uuid.

    Of a job with several documents it is the newest. A store may be shared: what
    another program wrote under the name of one of our classes is passed over.

    Raises
    ------
    DamagedDocumentError
        When a document does not say what every job says.
    """
    jobs = {"output.@class": {"$in": list(kinds)}, **of_campaign(campaign)}
    newest: dict[str, dict[str, Any]] = {}
    for head in job_store.query(jobs, properties=list(_HEAD), sort={"index": 1}):
        output = head["output"]
        if not _of_ours(head):
            continue
        stored = {*head, *(f"output.{name}" for name in output)}
        lacking = _SAID_BY_EVERY_JOB - stored
        if lacking:
            uuid = str(head.get("uuid", head.get("_id")))
            leave_out(damaged(uuid, "a job's", KeyError(*sorted(lacking))))
            continue
        newest[str(head["uuid"])] = head
    return newest


def _of_ours(job: Mapping[str, Any]) -> bool:
    output = job.get("output")
    # MongoDB finds a class in a list of documents, too
    if not isinstance(output, Mapping):
        return False
    module = str(output.get("@module", _PACKAGE))
    return module.partition(".")[0] == _PACKAGE


def checked_output(job: Mapping[str, Any], model: type[AnyDocument]) -> AnyDocument:
    """Return the output of a job as the document it should be.

    Raises
    ------
    DamagedDocumentError
        When the output has another layout.
    """
    try:
        return model.from_store(job["output"])
    except (DamagedDocumentError, KeyError, TypeError) as error:
        raise damaged(str(job.get("uuid")), f"a {model.__name__}", error) from error


@dataclass(frozen=True)
class JobOutput:
    """The newest output of one job.

    Attributes
    ----------
    completed_at
        When it ended (ISO 8601), if the store says so.
    """

    uuid: str
    name: str
    stage: str
    completed_at: str | None
    output: dict[str, Any]

    @property
    def explores(self) -> bool:
        """Whether it made structures for a round of active learning, not results."""
        return self.stage == "active learning"


def outputs(
    job_store: Queried,
    campaign: str | None,
    document: str,
    *,
    fields: Sequence[str] | None = None,
    load: bool = False,
) -> list[JobOutput]:
    """Return the newest output of every job that returned a kind of document.

    Parameters
    ----------
    campaign
        As `of_campaign` takes it.
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
    wanted = ["uuid", "index", "name", "metadata", "completed_at", "output.@class"]
    wanted += ["output"] if fields is None else [f"output.{name}" for name in fields]
    criteria = {**of_campaign(campaign), "output.@class": document}
    if fields is None:
        # MongoDB refuses a projection on a path and on its parent together
        wanted.remove("output.@class")
    newest: Iterable[dict[str, Any]]
    if load:
        newest = load_newest(job_store, criteria, wanted)
    else:
        newest = newest_of(job_store.query(criteria, properties=wanted))
    jobs = [
        JobOutput(
            uuid=job["uuid"],
            name=str(job.get("name", "")),
            stage=_stage(job),
            completed_at=_ended(job) or None,
            output=unmarked(job["output"]),
        )
        for job in newest
    ]
    return sorted(jobs, key=lambda job: (job.completed_at or "", job.uuid))


def _whole(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job document that says which job it is of."""
    kinds: dict[str, type] = {"uuid": str, "index": int}
    wrong = [name for name in kinds if not isinstance(job.get(name), kinds[name])]
    if wrong:
        uuid = str(job.get("uuid", job.get("_id")))
        raise damaged(uuid, "a job's", KeyError(*wrong))
    return job


def _stage(job: Mapping[str, Any]) -> str:
    metadata = job.get("metadata")
    stage = metadata.get("stage") if isinstance(metadata, Mapping) else None
    return stage if isinstance(stage, str) else "other"


def _ended(job: Mapping[str, Any]) -> str:
    when = job.get("completed_at")
    return when if isinstance(when, str) else ""


@cache
def _part_of(model: type[Document], fields: tuple[str, ...]) -> type[BaseModel]:
    known = {name: model.model_fields[name] for name in fields}
    parts: Any = {name: (info.annotation, info) for name, info in known.items()}
    return create_model(f"Part of {model.__name__}", **parts)


def checked_parts(
    job_store: JobStore,
    campaign: str | None,
    model: type[Document],
    *,
    fields: tuple[str, ...] | None = None,
    load: bool = False,
) -> list[JobOutput]:
    """Return `outputs` of a kind of document whose fields are what they should be."""
    kind = model if fields is None else _part_of(model, fields)
    names = None if fields is None else stored_names(fields)

    def check(job: JobOutput) -> JobOutput:
        try:
            output = model.renamed(job.output)
            kind.model_validate(output)
        except ValueError as error:
            raise damaged(job.uuid, f"a {model.__name__}", error) from error
        return replace(job, output=output)

    stored = outputs(job_store, campaign, model.__name__, fields=names, load=load)
    return list(readable(check, stored))


def finished_jobs(job_store: JobStore, campaign: str) -> Iterator[tuple[str, str]]:
    """Yield (stage, ISO time) of every job of a campaign that has ended."""
    for job in job_store.query(
        of_campaign(campaign), properties=["metadata", "completed_at"]
    ):
        yield _stage(job), _ended(job)
