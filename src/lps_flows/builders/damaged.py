"""Pass over what other programs wrote, refuse what no job of ours can have written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from jobflow import JobStore
from monty.json import MSONable
from pydantic import ValidationError

from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.base import Document

AnyDocument = TypeVar("AnyDocument", bound=Document)

_SAID_BY_EVERY_JOB = {"uuid", "index", "completed_at", "output.@class", "output.method"}
_HEAD = (*sorted(_SAID_BY_EVERY_JOB), "output.@module", "output.n_structures")
_PACKAGE = __name__.partition(".")[0]


class DamagedDocumentError(LpsFlowsError):
    """A job document in the store does not have the layout of its class."""


def damaged(uuid: str, what: str, error: Exception) -> DamagedDocumentError:
    """Return the error for a document that cannot be read.

    Parameters
    ----------
    uuid
        Its job.
    what
        What it should be.
    error
        What went wrong; its text may be long and is left out.
    """
    return DamagedDocumentError(
        f"this document is not {what} ({type(error).__name__})",
        field="uuid",
        value=uuid,
        remedy="Something else than lps-flows has changed it, or another version "
        "wrote it. Rerun its job, or remove it from the store",
    )


def newest_heads(
    job_store: JobStore, kinds: Sequence[str], campaign: str | None
) -> dict[str, dict[str, Any]]:
    """Return the heads of the jobs whose output is a document of ours, by uuid.

    Of a job with several documents it is the newest. A store may be shared: what
    another program wrote under the name of one of our classes is passed over.

    Parameters
    ----------
    job_store
        Connected store of job outputs.
    kinds
        Class names of the outputs.
    campaign
        Only the jobs of this campaign; all when None.

    Raises
    ------
    DamagedDocumentError
        When a document does not say what every job says.
    """
    jobs: dict[str, Any] = {"output.@class": {"$in": list(kinds)}}
    if campaign is not None:
        jobs["metadata.campaign"] = campaign
    newest: dict[str, dict[str, Any]] = {}
    for head in job_store.query(jobs, properties=list(_HEAD), sort={"index": 1}):
        output = head["output"]
        # MongoDB finds a class in a list of documents, too
        if not isinstance(output, Mapping) or not _ours(output):
            continue
        said = {*head, *(f"output.{name}" for name in output)}
        lacking = _SAID_BY_EVERY_JOB - said
        if lacking:
            uuid = str(head.get("uuid", head.get("_id")))
            raise damaged(uuid, "a job's", KeyError(*sorted(lacking)))
        newest[head["uuid"]] = head
    return newest


def _ours(output: Mapping[str, Any]) -> bool:
    module = str(output.get("@module", _PACKAGE))
    return module.partition(".")[0] == _PACKAGE


def checked_output(job: Mapping[str, Any], model: type[AnyDocument]) -> AnyDocument:
    """Return the output of a job as the document it should be.

    Parameters
    ----------
    job
        Job document from the store, with ``uuid`` and ``output``.
    model
        Class of the output.

    Raises
    ------
    DamagedDocumentError
        When the output has another layout.
    """
    plain = {k: v for k, v in job["output"].items() if not k.startswith("@")}
    try:
        document = model.model_validate(plain)
        for value in vars(document).values():
            if isinstance(value, MSONable):
                value.as_dict()  # a structure may show its damage only here
        return document
    except (ValidationError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise damaged(job["uuid"], f"a {model.__name__}", error) from error
