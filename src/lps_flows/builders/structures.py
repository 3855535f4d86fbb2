"""Flatten the structures that jobs computed into one collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from jobflow import JobStore
from maggma.core import Store

from lps_flows.builders.damaged import damaged, newest_heads
from lps_flows.builders.increment import IncrementalBuilder, remove
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.built import NO_CAMPAIGN, STRUCTURE_INDEXES

_OUTPUTS = ("StructureDocument", "StructureSet")

# Volumes per atom (Å^3) between which a structure can have been computed at all.
_SMALLEST, _LARGEST = 0.5, 1e5


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
        latest: dict[str, tuple[int, str, int]] = {}
        heads = newest_heads(self.job_store, _OUTPUTS, self.campaign)
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

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the structure documents of one job.

        Parameters
        ----------
        item
            Job document and version.
        """
        job = item["job"]
        output = job["output"]
        metadata = job.get("metadata") or {}
        entries = (
            {f"-{i}": entry for i, entry in enumerate(output["entries"])}
            if output["@class"] == "StructureSet"
            else {"": output}
        )
        for suffix, entry in entries.items():
            _check(entry, job["uuid"] + suffix)
        return [
            {
                **{k: v for k, v in entry.items() if not k.startswith("@")},
                "structure_id": job["uuid"] + suffix,
                "campaign": metadata.get("campaign") or NO_CAMPAIGN,
                "stage": metadata.get("stage"),
                "job_uuid": job["uuid"],
                "job_index": job["index"],
                "version": item["version"],
            }
            for suffix, entry in entries.items()
        ]


def _check(entry: Any, structure_id: str) -> None:
    """Refuse what no job can have written, before other builders stumble over it."""
    try:
        plain = {k: v for k, v in entry.items() if not k.startswith("@")}
        document = StructureDocument.model_validate(plain)
        _check_numbers(document)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise damaged(structure_id, "a structure", error) from error


def _check_numbers(document: StructureDocument) -> None:
    structure = document.structure
    numbers = (structure.cart_coords, structure.lattice.matrix, document.energy)
    if not all(np.isfinite(each).all() for each in numbers):
        msg = "not finite"
        raise ValueError(msg)
    per_atom = structure.volume / len(structure)
    if not _SMALLEST < per_atom < _LARGEST:
        msg = f"{per_atom} Å^3 per atom"
        raise ValueError(msg)
