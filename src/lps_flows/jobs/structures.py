"""The structures that a campaign's jobs computed, one by one or in sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jobflow import JobStore
from pydantic import ValidationError

from lps_flows.analysis.resampling import energy_errors
from lps_flows.foundation import ForeignClassError
from lps_flows.jobs.large_parts import load_job
from lps_flows.jobs.outputs import campaign_of, checked_parts, newest_heads, outputs
from lps_flows.jobs.references import value_of
from lps_flows.schemas.built import StructureHead, StructureRecord
from lps_flows.schemas.damage import DamagedDocumentError, damaged, leave_out
from lps_flows.schemas.evolution import STILL_FALLING, EvolutionDocument, fell
from lps_flows.schemas.phase_diagram import EnergyErrors
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.structure import StructureDocument, StructureFacts

STRUCTURE_OUTPUTS = ("StructureDocument", "StructureSet")
"""Classes of the outputs that hold structures with energies."""

# Volumes per atom (Å^3) between which a structure can have been computed at all.
_SMALLEST, _LARGEST = 0.5, 1e5
_HEAD_FIELDS = {*StructureFacts.model_fields, "structure_id", "campaign"}


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
    try:
        entries = (
            {f"-{i}": entry for i, entry in enumerate(output["entries"])}
            if output["@class"] == "StructureSet"
            else {"": output}
        )
        stage, campaign = (job.get("metadata") or {}).get("stage"), campaign_of(job)
        flow = (job.get("hosts") or [None])[-1]
    except (AttributeError, KeyError, TypeError) as error:
        raise damaged(str(job["uuid"]), "a job with structures", error) from error
    checked = {
        suffix: _checked(entry, job["uuid"] + suffix)
        for suffix, entry in entries.items()
    }
    return [
        {
            **checked[suffix].model_dump(exclude={"structure"}),
            "structure": entry["structure"],
            "structure_id": job["uuid"] + suffix,
            "campaign": campaign,
            "flow_uuid": flow,
            "stage": stage,
            "job_uuid": job["uuid"],
            "job_index": job["index"],
        }
        for suffix, entry in entries.items()
    ]


def structure_of(sampling: SamplingDocument, uuid: str) -> StructureDocument:
    """Return a structure of a sampling that was handed to the running job.

    One sampled by a version that kept no references is read from the job's store.
    """
    found = value_of(sampling.structures.get(uuid, uuid))
    # inside another document monty leaves it as it was sent
    return StructureDocument.from_store(found) if isinstance(found, dict) else found


def relaxed_structures(
    job_store: JobStore, campaign: str, method: str
) -> list[StructureRecord]:
    """Return every structure that a campaign has relaxed by a method."""
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
    read_sets
        What sets of structures held that were read before, by uuid and index; they
        never change, and to read them takes time. New ones are added.
    """
    read = {} if read_sets is None else read_sets
    heads = []
    for uuid, head in newest_heads(job_store, ["StructureSet"], campaign).items():
        key = uuid, head["index"]
        if key not in read:
            try:
                read[key] = [
                    StructureHead(**{name: entry[name] for name in _HEAD_FIELDS})
                    for entry in _relaxed_by(job_store, *key)
                ]
            except (DamagedDocumentError, ForeignClassError) as error:
                leave_out(error)  # named again at the next look
                continue
        heads += read[key]
    for job in outputs(
        job_store,
        campaign,
        "StructureDocument",
        fields=StructureFacts.stored_names(),
    ):
        ids = {"structure_id": job.uuid, "campaign": campaign}
        if job.output.get("relaxed"):
            try:
                heads.append(StructureHead(**job.output, **ids))
            except ValidationError as error:
                leave_out(damaged(job.uuid, "a structure", error))
    return heads


def searched_errors(job_store: JobStore, campaign: str, method: str) -> EnergyErrors:
    """Return what a campaign's searches tell of the errors of its energies."""
    sampled = [
        SamplingDocument.from_store(job.output)
        for job in checked_parts(job_store, campaign, SamplingDocument)
        if job.output["method"] == method
    ]
    fields: tuple[str, ...] = ("formula", "stopped", "last_fall")
    kind = EvolutionDocument
    searches = checked_parts(job_store, campaign, kind, fields=fields)
    if any("last_fall" not in search.output for search in searches):
        fields = (*fields, "generations")
        searches = checked_parts(job_store, campaign, kind, fields=fields, load=True)
    falling = [
        search.output["formula"]
        for search in searches
        if not search.explores
        and (
            search.output["stopped"] is None
            or (fell(search.output) or 0.0) > STILL_FALLING
        )
    ]
    return energy_errors(sampled, falling)


def _relaxed_by(job_store: JobStore, uuid: str, index: int) -> list[dict[str, Any]]:
    job = load_job(job_store, {"uuid": uuid, "index": index})
    entries = [] if job is None else structures_of(job)
    return [entry for entry in entries if entry["relaxed"]]


def _checked(entry: Any, structure_id: str) -> StructureDocument:
    """Refuse what no job can have written, before other builders stumble over it."""
    try:
        document = StructureDocument.from_store(entry)
        _check_numbers(document)
    except (DamagedDocumentError, ValueError) as error:
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
