"""Flatten the structures that jobs computed into one collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import JSONStore

from lps_flows.builders.increment import IncrementalBuilder, chunks, remove
from lps_flows.jobs.outputs import STRUCTURE_OUTPUTS, newest_heads, structures_of
from lps_flows.schemas.built import STRUCTURE_INDEXES


class StructureBuilder(IncrementalBuilder):
    """One document per structure that any job computed.

    Reads every job output that is a `StructureDocument` or a `StructureSet`; empty
    outputs and references that replaced jobs leave behind are neither. Structures
    whose job has gone from the store go, too.

    Parameters
    ----------
    job_store
        jobflow's store, docs and data.
    structures
        Store of the ``structures`` collection, with the key ``structure_id``.
    campaign
        Only the jobs of this campaign; all by default.
    chunk_size
        Jobs in memory at a time.
    """

    key = "structure_id"
    indexes = STRUCTURE_INDEXES

    def __init__(
        self,
        job_store: JobStore,
        structures: Store,
        *,
        campaign: str | None = None,
        chunk_size: int = 50,
    ) -> None:
        self.job_store = job_store
        self.structures = structures
        self.campaign = campaign
        super().__init__(
            sources=[job_store], targets=[structures], chunk_size=chunk_size
        )

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the job documents that are new or changed."""
        self.ensure_indexes()
        self._date_older_documents()
        latest: dict[str, tuple[int, str, int]] = {}
        heads = newest_heads(self.job_store, STRUCTURE_OUTPUTS, self.campaign)
        for uuid, head in heads.items():
            output = head["output"]
            version = f"{head['index']}|{head['completed_at']}|{output['method']}"
            latest[uuid] = (head["index"], version, output.get("n_structures", 1))
        found = Counter(
            (record["job_uuid"], record["version"])
            for record in self.structures.query(
                self.scope(), properties=["job_uuid", "version"]
            )
        )
        known = {uuid for uuid, _ in found}
        # the count finds a set whose writing was interrupted
        pending = sorted(
            uuid
            for uuid, (_, version, size) in latest.items()
            if found[uuid, version] != size
        )
        # what is read again may have shrunk: its old structures go first
        gone = (known - set(latest)) | (known & set(pending))
        remove(self.structures, "job_uuid", gone)
        self.total = len(pending)
        for uuid in pending:
            index, version, _ = latest[uuid]
            job = self.job_store.query_one({"uuid": uuid, "index": index}, load=True)
            if job is not None:
                yield {"job": job, "version": version}

    def _date_older_documents(self) -> None:
        """Give documents of the first version, which kept texts, the date they say."""
        if isinstance(self.structures, JSONStore):
            return  # JSON files know texts alone
        for few in chunks(
            self.structures.query({**self.scope(), "created_at": {"$type": "string"}}),
            1000,
        ):
            self.structures.update(
                [
                    {
                        **{name: value for name, value in old.items() if name != "_id"},
                        "created_at": datetime.fromisoformat(old["created_at"]),
                    }
                    for old in few
                ],
                key=[self.key],
            )

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the structure documents of one job.

        Parameters
        ----------
        item
            Job document and version.
        """
        return [
            {**record, "version": item["version"]}
            for record in structures_of(item["job"])
        ]
