"""What jobs left in the store: read, with foreign documents passed over.

What no job of ours can have written is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from jobflow import JobStore
from monty.json import MSONable
from pydantic import ValidationError

from lps_flows.foundation import LpsFlowsError, unmarked
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import NO_CAMPAIGN, StructureHead, StructureRecord
from lps_flows.schemas.structure import StructureDocument, StructureFacts

AnyDocument = TypeVar("AnyDocument", bound=Document)

STRUCTURE_OUTPUTS = ("StructureDocument", "StructureSet")
"""Classes of the outputs that hold structures with energies."""

# Volumes per atom (Å^3) between which a structure can have been computed at all.
_SMALLEST, _LARGEST = 0.5, 1e5
_SAID_BY_EVERY_JOB = {"uuid", "index", "completed_at", "output.@class", "output.method"}
_HEAD = (*sorted(_SAID_BY_EVERY_JOB), "output.@module", "output.n_structures")
_HEAD_FIELDS = {*StructureFacts.model_fields, "structure_id", "campaign"}
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
    try:
        document = model.from_store(job["output"])
        for value in vars(document).values():
            if isinstance(value, MSONable):
                value.as_dict()  # a structure may show its damage only here
        return document
    except (ValidationError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise damaged(job["uuid"], f"a {model.__name__}", error) from error


def structures_of(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the structures a job computed, as the ``structures`` collection has them.

    Parameters
    ----------
    job
        Job document with a `StructureDocument` or a `StructureSet` as its output,
        loaded from the additional store.

    Raises
    ------
    DamagedDocumentError
        When a structure is none that a job can have written.
    """
    output = job["output"]
    metadata = job.get("metadata") or {}
    entries = (
        {f"-{i}": entry for i, entry in enumerate(output["entries"])}
        if output["@class"] == "StructureSet"
        else {"": output}
    )
    created = {
        suffix: _checked(entry, job["uuid"] + suffix).created_at
        for suffix, entry in entries.items()
    }
    return [
        {
            **unmarked(entry),
            # a date, though sets in the additional store are JSON and hold texts
            "created_at": created[suffix],
            "structure_id": job["uuid"] + suffix,
            "campaign": metadata.get("campaign") or NO_CAMPAIGN,
            "stage": metadata.get("stage"),
            "job_uuid": job["uuid"],
            "job_index": job["index"],
        }
        for suffix, entry in entries.items()
    ]


def relaxed_structures(
    job_store: JobStore, campaign: str, method: str
) -> list[StructureRecord]:
    """Return every structure that a campaign has relaxed by a method.

    Parameters
    ----------
    job_store
        Connected store of job outputs.
    campaign, method
        Whose structures, and by which reference method.
    """
    return [
        StructureRecord.from_store(entry)
        for uuid, head in newest_heads(job_store, STRUCTURE_OUTPUTS, campaign).items()
        if head["output"]["method"] == method
        for entry in _relaxed_by(job_store, uuid, head["index"])
    ]


def relaxed_heads(
    job_store: JobStore,
    campaign: str,
    read_sets: dict[tuple[str, int], list[StructureHead]] | None = None,
) -> list[StructureHead]:
    """Return every structure that a campaign has relaxed, without its atoms.

    Parameters
    ----------
    job_store
        Connected store of job outputs.
    campaign
        Name of the campaign.
    read_sets
        What sets of structures held that were read before, by uuid and index; they
        never change, and to read them takes time. New ones are added.
    """
    read = {} if read_sets is None else read_sets
    newest = newest_heads(job_store, STRUCTURE_OUTPUTS, campaign)
    heads = []
    for uuid, head in newest.items():
        if head["output"]["@class"] != "StructureSet":
            continue
        key = uuid, head["index"]
        if key not in read:
            read[key] = [
                StructureHead(**{name: entry[name] for name in _HEAD_FIELDS})
                for entry in _relaxed_by(job_store, *key)
            ]
        heads += read[key]
    single = {"metadata.campaign": campaign, "output.@class": "StructureDocument"}
    facts = [f"output.{name}" for name in StructureFacts.model_fields]
    for job in job_store.query(
        {**single, "output.relaxed": True}, properties=["uuid", "index", *facts]
    ):
        uuid = job["uuid"]
        if uuid in newest and newest[uuid]["index"] == job["index"]:
            ids = {"structure_id": uuid, "campaign": campaign}
            try:
                heads.append(StructureHead(**unmarked(job["output"]), **ids))
            except ValidationError as error:
                raise damaged(uuid, "a structure", error) from error
    return heads


def _relaxed_by(job_store: JobStore, uuid: str, index: int) -> list[dict[str, Any]]:
    job = job_store.query_one({"uuid": uuid, "index": index}, load=True)
    entries = [] if job is None else structures_of(job)
    return [entry for entry in entries if entry["relaxed"]]


def _checked(entry: Any, structure_id: str) -> StructureDocument:
    """Refuse what no job can have written, before other builders stumble over it."""
    try:
        document = StructureDocument.from_store(entry)
        _check_numbers(document)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise damaged(structure_id, "a structure", error) from error
    return document


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
