"""Collect the conductivities that jobs computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lps_flows.builders.increment import JobOutputBuilder
from lps_flows.jobs.outputs import (
    JobOutput,
    campaign_of,
    checked_output,
    newest_heads,
    outputs,
)
from lps_flows.schemas.damage import readable
from lps_flows.schemas.selection import SelectionDocument
from lps_flows.schemas.transport import (
    TRANSPORT_INDEXES,
    TransportDocument,
    TransportRecord,
)

if TYPE_CHECKING:
    from jobflow import JobStore


class TransportBuilder(JobOutputBuilder):
    """One document per conductivity in the job store, with the structure it is of.

    Parameters as `IncrementalBuilder`, without settings.
    """

    key = "transport_id"
    indexes = TRANSPORT_INDEXES
    output = "TransportDocument"

    def context(self) -> Callable[[str], str | None]:
        """Return the structure's id by the conductivity's, from the selections."""
        return structures_moved(self.source, self.campaign).get

    def document(
        self, job: Mapping[str, Any], context: str | None, source: str
    ) -> TransportRecord:
        """Return the record of one conductivity; the context is its structure."""
        return TransportRecord(
            **dict(checked_output(job, TransportDocument)),
            transport_id=job["uuid"],
            campaign=campaign_of(job),
            structure_id=context,
            source_digest=source,
        )


def structures_moved(job_store: JobStore, campaign: str | None) -> dict[str, str]:
    """Return the structure whose atoms moved, by the job of its conductivity."""
    heads = newest_heads(job_store, ["SelectionDocument"], campaign)
    newest = ({k: head[k] for k in ("uuid", "index")} for head in heads.values())
    jobs = (job_store.query_one(one, ["uuid", "output"]) for one in newest)
    read = partial(checked_output, model=SelectionDocument)
    return {
        chosen.transport_uuid: chosen.structure_uuid
        # a job that is none is gone since
        for selection in readable(read, filter(None, jobs))
        for chosen in selection.selected
    }


def read_transport(job_store: JobStore, campaign: str) -> list[TransportRecord]:
    """Return the conductivities of a campaign, whether the builders have run or not."""
    moved = structures_moved(job_store, campaign)

    def read(job: JobOutput) -> TransportRecord:
        stored = {"uuid": job.uuid, "output": job.output}
        return TransportRecord(
            **dict(checked_output(stored, TransportDocument)),
            transport_id=job.uuid,
            campaign=campaign,
            structure_id=moved.get(job.uuid),
            source_digest="",
        )

    jobs = outputs(job_store, campaign, "TransportDocument", load=True)
    return list(readable(read, jobs))
