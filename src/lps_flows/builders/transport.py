"""Collect the conductivities that jobs computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobflow import JobStore
from maggma.core import Store

from lps_flows.builders.increment import IncrementalBuilder, digest
from lps_flows.jobs.outputs import checked_output, newest_heads
from lps_flows.schemas.built import NO_CAMPAIGN
from lps_flows.schemas.selection import SelectionDocument
from lps_flows.schemas.transport import (
    TRANSPORT_INDEXES,
    TransportDocument,
    TransportRecord,
)


def transport_record(
    job: Mapping[str, Any], structure_id: str | None, source: str
) -> TransportRecord:
    """Return the record of one job whose output is a `TransportDocument`.

    Parameters
    ----------
    job
        Job document.
    structure_id
        Document of the structure, where a selection names it.
    source
        Digest to write on it.
    """
    return TransportRecord(
        **dict(checked_output(job, TransportDocument)),
        transport_id=job["uuid"],
        campaign=(job.get("metadata") or {}).get("campaign") or NO_CAMPAIGN,
        structure_id=structure_id,
        source_digest=source,
    )


class TransportBuilder(IncrementalBuilder):
    """One document per conductivity in the job store.

    Parameters
    ----------
    job_store
        jobflow's store.
    transport
        Target, with the key ``transport_id``.
    campaign
        Only this campaign; all by default.
    chunk_size
        Documents in memory at a time.
    """

    key = "transport_id"
    indexes = TRANSPORT_INDEXES

    def __init__(
        self,
        job_store: JobStore,
        transport: Store,
        *,
        campaign: str | None = None,
        chunk_size: int = 50,
    ) -> None:
        self.job_store = job_store
        self.transport = transport
        self.campaign = campaign
        super().__init__(
            sources=[job_store], targets=[transport], chunk_size=chunk_size
        )

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the conductivities that are new or changed."""
        self.ensure_indexes()
        heads = newest_heads(self.job_store, ["TransportDocument"], self.campaign)
        structures = self._structures()
        wanted = {
            uuid: digest(head["index"], head["completed_at"], structures.get(uuid))
            for uuid, head in heads.items()
        }
        for uuid in self.out_of_date(wanted):
            newest = {"uuid": uuid, "index": heads[uuid]["index"]}
            yield {
                "job": self.job_store.query_one(newest),
                "structure_id": structures.get(uuid),
                "source": wanted[uuid],
            }

    def _structures(self) -> dict[str, str]:
        """Return the structure's id by the conductivity's, from the selections."""
        found: dict[str, str] = {}
        for head in newest_heads(self.job_store, ["SelectionDocument"], None).values():
            newest = {"uuid": head["uuid"], "index": head["index"]}
            job = self.job_store.query_one(newest, properties=["uuid", "output"])
            if job is None:  # gone since
                continue
            for chosen in checked_output(job, SelectionDocument).selected:
                found[chosen.transport_uuid] = chosen.structure_uuid
        return found

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the record of one conductivity.

        Parameters
        ----------
        item
            Job, structure and digest.
        """
        record = transport_record(item["job"], item["structure_id"], item["source"])
        return [{**record.model_dump(), "structure": record.structure.as_dict()}]
