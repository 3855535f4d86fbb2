"""What belongs to a campaign, in which collections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from maggma.stores import GridFSStore, MongoStore
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from lps_flows.builders import KEYS
from lps_flows.builders.increment import chunks
from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.run_folders import JOB, run_files
from lps_flows.runner.workplace import Workplace

_AT_ONCE = 500

Query = dict[str, Any]


class StoreKindError(LpsFlowsError):
    """The documents or arrays are in a kind of store whose parts cannot be named."""


class NoCampaignError(LpsFlowsError):
    """There is nothing of a campaign of this name."""


def no_campaign(campaign: str) -> NoCampaignError:
    """Return the error for a name that the server does not know."""
    return NoCampaignError(
        "the server holds nothing of this campaign",
        field="campaign",
        value=campaign,
        remedy="`lps-flows campaigns` lists what it holds",
    )


def collections(workplace: Workplace) -> dict[str, Collection[dict[str, Any]]]:
    """Return every collection in which something of a campaign lies, by name.

    Raises
    ------
    StoreKindError
        If the job store is not MongoDB with GridFS.
    UnreachableError
        If there is no LaunchPad.
    """
    launchpad = workplace.require_launchpad()
    docs = workplace.job_store.docs_store
    data = getattr(workplace.job_store, "additional_stores", {}).get("data")
    if not (isinstance(docs, MongoStore) and isinstance(data, GridFSStore)):
        raise StoreKindError(
            "campaigns are kept, moved and deleted in MongoDB with GridFS only",
            field="JOB_STORE",
            value=f"{type(docs).__name__}, {type(data).__name__}",
            remedy="Compare with workflows/fireworks/jobflow.yaml",
        )
    results: dict[str, Any] = {name: workplace.result_store(name) for name in KEYS}
    return {
        "workflows": launchpad.workflows,
        "fireworks": launchpad.fireworks,
        "launches": launchpad.launches,
        # actions too large for a launch
        "actions.files": launchpad.db["fw_gridfs.files"],
        "actions.chunks": launchpad.db["fw_gridfs.chunks"],
        "docs": docs._collection,  # noqa: SLF001 - maggma copies and converts
        "data.files": data._files_collection,  # noqa: SLF001
        "data.chunks": data._chunks_collection,  # noqa: SLF001
        **{name: store._collection for name, store in results.items()},  # noqa: SLF001
    }


def belongings(
    workplace: Workplace,
    campaign: str,
    session: ClientSession | None = None,
    *,
    orphans: bool = True,
) -> Iterator[tuple[str, Query]]:
    """Yield the name of a collection and a query, until all of a campaign was named.

    What others refer to comes first: jobs before their arrays, files before their
    chunks.

    Parameters
    ----------
    session
        For reading the LaunchPad at one point of time.
    orphans
        Whether to name fireworks that are in no workflow (yet), too.
    """
    place = collections(workplace)
    of_campaign: Query = {"metadata.campaign": campaign}
    yield "workflows", of_campaign
    workflow = place["workflows"].find_one(of_campaign, {"nodes": 1}, session=session)
    known = set(workflow["nodes"] if workflow else ())
    if orphans:
        in_queue = {"spec.campaign": campaign}
        known |= set(place["fireworks"].distinct("fw_id", in_queue, session=session))
    uuids = (
        set(place["docs"].distinct("uuid", of_campaign)) if workflow is None else set()
    )
    for few in chunks(sorted(known), _AT_ONCE):
        some: Query = {"fw_id": {"$in": few}}
        yield "fireworks", some
        uuids |= set(place["fireworks"].distinct(JOB, some, session=session))
        yield "launches", some
        ids = place["launches"].distinct("launch_id", some, session=session)
        yield from _files(place, "actions", "launch_id", ids, session)
    # In the order of the queue: documents of jobs that it does not know yet will be
    # made again, by other jobs.
    if orphans:
        uuids |= set(place["docs"].distinct("uuid", of_campaign))
    for few in chunks(sorted(uuids), _AT_ONCE):
        yield "docs", {**of_campaign, "uuid": {"$in": few}}
        yield from _files(place, "data", "job_uuid", few)
    for name in KEYS:
        yield name, {"campaign": campaign}


def _files(
    place: dict[str, Collection[dict[str, Any]]],
    name: str,
    owner: str,
    owners: list[Any],
    session: ClientSession | None = None,
) -> Iterator[tuple[str, Query]]:
    of_owners: Query = {f"metadata.{owner}": {"$in": owners}}
    ids = (
        place[f"{name}.files"]
        .find(of_owners, {"_id": 1}, session=session)
        .distinct("_id")
    )
    if ids:
        yield f"{name}.files", {"_id": {"$in": ids}}
        yield f"{name}.chunks", {"files_id": {"$in": ids}}


@dataclass(frozen=True)
class Inventory:
    """How much there is of a campaign.

    Attributes
    ----------
    n_files
        Files in run directories on this machine.
    n_bytes
        Size of all of it (bytes).
    """

    n_fireworks: int = 0
    n_documents: int = 0
    n_arrays: int = 0
    n_results: int = 0
    n_files: int = 0
    n_bytes: int = 0


def inventory(workplace: Workplace, campaign: str) -> Inventory:
    """Count what there is of a campaign.

    Raises
    ------
    NoCampaignError
        If there is nothing of it.
    """
    place = collections(workplace)
    counts = dict.fromkeys(place, 0)
    n_files = n_bytes = 0
    for name, query in belongings(workplace, campaign):
        if name.endswith(".chunks"):
            continue  # their files tell their size
        size = "$length" if name.endswith(".files") else {"$bsonSize": "$$ROOT"}
        counted = {"_id": None, "n": {"$sum": 1}, "bytes": {"$sum": size}}
        for group in place[name].aggregate([{"$match": query}, {"$group": counted}]):
            counts[name] += group["n"]
            n_bytes += group["bytes"]
    for file, _ in run_files(workplace, campaign):
        with suppress(FileNotFoundError):  # a worker has just removed it
            n_bytes += file.stat().st_size
            n_files += 1
    there = Inventory(
        counts["fireworks"],
        counts["docs"],
        counts["data.files"],
        sum(counts[name] for name in KEYS),
        n_files,
        n_bytes,
    )
    records = workplace.require_launchpad().db["campaigns"]
    if there == Inventory() and records.find_one({"campaign": campaign}) is None:
        raise no_campaign(campaign)
    return there


def remove(workplace: Workplace, campaign: str) -> None:
    """Remove what is in the databases of a campaign, but its record.

    Broken off, it can be done again: what tells the rest goes last.
    """
    place = collections(workplace)
    of_campaign = {"spec.campaign": campaign}
    place["fireworks"].update_many(
        of_campaign, {"$set": {"state": "ARCHIVED"}}
    )  # no more runs
    for name, query in reversed(list(belongings(workplace, campaign))):
        place[name].delete_many(query)
