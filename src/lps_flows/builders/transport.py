"""Collect the conductivities that jobs computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lps_flows.builders.increment import JobOutputBuilder
from lps_flows.jobs.outputs import checked_output, newest_heads
from lps_flows.schemas.built import NO_CAMPAIGN
from lps_flows.schemas.selection import SelectionDocument
from lps_flows.schemas.transport import (
    TRANSPORT_INDEXES,
    TransportDocument,
    TransportRecord,
)


class TransportBuilder(JobOutputBuilder):
    """One document per conductivity in the job store, with the structure it is of.

    Parameters as `IncrementalBuilder`, without settings.
    """

    key = "transport_id"
    indexes = TRANSPORT_INDEXES
    output = "TransportDocument"

    def context(self) -> Callable[[str], str | None]:
        """Return the structure's id by the conductivity's, from the selections."""
        structures: dict[str, str] = {}
        for head in newest_heads(self.source, ["SelectionDocument"], None).values():
            newest = {"uuid": head["uuid"], "index": head["index"]}
            job = self.source.query_one(newest, properties=["uuid", "output"])
            if job is None:  # gone since
                continue
            for chosen in checked_output(job, SelectionDocument).selected:
                structures[chosen.transport_uuid] = chosen.structure_uuid
        return structures.get

    def document(
        self, job: Mapping[str, Any], context: str | None, source: str
    ) -> TransportRecord:
        """Return the record of one conductivity; the context is its structure."""
        return TransportRecord(
            **dict(checked_output(job, TransportDocument)),
            transport_id=job["uuid"],
            campaign=(job.get("metadata") or {}).get("campaign") or NO_CAMPAIGN,
            structure_id=context,
            source_digest=source,
        )
