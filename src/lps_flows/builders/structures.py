"""Flatten the structures that jobs computed into one collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from maggma.stores import JSONStore

from lps_flows.builders.increment import IncrementalBuilder, chunks, remove
from lps_flows.foundation import unmarked
from lps_flows.jobs.large_parts import load_job
from lps_flows.jobs.outputs import newest_heads
from lps_flows.jobs.structures import STRUCTURE_OUTPUTS, structures_of
from lps_flows.schemas.built import STRUCTURE_INDEXES
from lps_flows.schemas.damage import readable


class StructureBuilder(IncrementalBuilder):
    """One document per structure that any job computed.

    Reads every job output that is a `StructureDocument` or a `StructureSet`; empty
    outputs and references that replaced jobs leave behind are neither. Structures
    whose job has gone from the store go, too.

    Parameters as `IncrementalBuilder`, without settings; the source is jobflow's store,
    docs and data.
    """

    key = "structure_id"
    indexes = STRUCTURE_INDEXES

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the job documents that are new or changed."""
        self.ensure_indexes()
        self._date_older_documents()
        latest: dict[str, tuple[str, int]] = {}
        heads = newest_heads(self.source, STRUCTURE_OUTPUTS, self.campaign)
        for uuid, head in heads.items():
            output = head["output"]
            version = f"{head['index']}|{head['completed_at']}|{output['method']}"
            latest[uuid] = (version, output.get("n_structures", 1))
        sizes = Counter(
            (record["job_uuid"], record["version"])
            for record in self.target.query(
                self.scope(), properties=["job_uuid", "version"]
            )
        )
        known = {uuid for uuid, _ in sizes}
        # the count finds a set whose writing was interrupted
        pending = sorted(
            uuid
            for uuid, (version, size) in latest.items()
            if sizes[uuid, version] != size
        )
        # what is read again may have shrunk: its old structures go first
        gone = (known - set(latest)) | (known & set(pending))
        remove(self.target, "job_uuid", gone)
        self.total = len(pending)
        jobs = readable(partial(load_job, self.source), map(heads.__getitem__, pending))
        # a job that is none is gone since
        for job in filter(None, jobs):
            yield {"job": job, "version": latest[job["uuid"]][0]}

    def _date_older_documents(self) -> None:
        """Give documents of the first version, which kept texts, the date they say."""
        if isinstance(self.target, JSONStore):
            return  # JSON files know texts alone
        for few in chunks(
            self.target.query({**self.scope(), "last_updated": {"$type": "string"}}),
            1000,
        ):
            self.target.update(
                [
                    {
                        **unmarked(old),
                        "last_updated": datetime.fromisoformat(old["last_updated"]),
                    }
                    for old in few
                ],
                key=[self.key],
            )

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the structure documents of one job."""
        return [
            {**record, "version": item["version"]}
            for record in structures_of(item["job"])
        ]
