"""Documents of jobs with their large parts, which lie in the additional store."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from gridfs.errors import GridFSError

from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.damage import DamagedDocumentError

WHOLE = ("uuid", "index", "name", "metadata", "hosts", "completed_at", "output")
"""All fields that a job of ours says."""


class NoDataStoreError(LpsFlowsError):
    """The store of the jobs lacks the additional one that holds their large parts."""


class LostPartError(DamagedDocumentError):
    """A large part of a document, or all of it, is gone from the store."""


class Queried(Protocol):
    """What job documents are asked of: a job store, or something quicker to open."""

    def query(
        self,
        criteria: dict[str, Any],
        properties: list[str],
        *,
        load: bool = False,
    ) -> Iterable[dict[str, Any]]:
        """Yield documents with the named parts; `load` adds the large ones."""


@contextmanager
def loading(job_store: Queried, uuid: str) -> Iterator[None]:
    """Name the job whose large parts cannot be read from the additional store.

    Raises
    ------
    LostPartError
        When one of them, or the job itself, is gone.
    NoDataStoreError
        When the store has no additional store.
    """
    try:
        yield
    # as jobflow, GridFS and what unpacks its files tell it
    except (KeyError, ValueError, GridFSError, zlib.error) as error:
        if "data" not in getattr(job_store, "additional_stores", {"data": None}):
            raise NoDataStoreError(
                "the store of the jobs has no additional store for their large parts",
                field="JOB_STORE.additional_stores",
                value="data",
                remedy="Give the JobStore that the jobs wrote to, with its additional "
                "store named data",
            ) from error
        raise LostPartError(
            f"a part of this document is gone from the store ({error})",
            field="uuid",
            value=uuid,
            remedy="Put it back from a backup, rerun the job, or remove its document, "
            "too",
        ) from error


def load_job(
    job_store: Queried, head: Mapping[str, Any], properties: Sequence[str] = WHOLE
) -> dict[str, Any] | None:
    """Return the document of a job with its large parts; None when it is gone since.

    Parameters
    ----------
    head
        Its uuid and index, whatever else is there.
    properties
        Fields to read; all that jobs of ours say by default.

    Raises
    ------
    LostPartError, NoDataStoreError
        As `loading`.
    """
    one = {"uuid": head["uuid"], "index": head["index"]}
    with loading(job_store, head["uuid"]):
        return next(
            iter(job_store.query(one, properties=[*properties], load=True)), None
        )
