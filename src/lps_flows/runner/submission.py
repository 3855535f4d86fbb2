"""Put a campaign on the LaunchPad, once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filelock import FileLock
from fireworks import LaunchPad
from jobflow import Flow, Job
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MongoStore
from pymongo.errors import DuplicateKeyError

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.claims import SUBMISSION_EXPIRES_S, being_claimed
from lps_flows.runner.home import checked_name, free_name
from lps_flows.runner.processes import has_ended, this_process
from lps_flows.runner.recorded import Comparable, recorded
from lps_flows.runner.recovery import delete_orphans
from lps_flows.runner.workplace import Workplace, place_of
from lps_flows.schemas.base import code_versions
from lps_flows.schemas.layout import READABLE_VERSIONS, SCHEMA_VERSION

_MOST_SHOWN = 20


class ChangedCampaignError(LpsFlowsError):
    """A campaign of this name with other settings is on the LaunchPad."""


class OtherVersionError(LpsFlowsError):
    """A campaign was submitted by a version whose documents are laid out otherwise."""


@dataclass(frozen=True)
class Submission:
    """A campaign on the LaunchPad.

    Attributes
    ----------
    n_fireworks
        How many fireworks it had when submitted (jobs may add more).
    workflow_id
        Id of its first firework, for ``lpad get_wflows -i``.
    set_aside
        Where the documents of an earlier campaign of this name are kept, whose
        workflow was deleted; only where it is new.
    """

    campaign: str
    new: bool
    n_fireworks: int
    workflow_id: int
    set_aside: str | None = None


def submit(
    workplace: Workplace,
    flow: Flow | Job | Callable[[], Flow | Job],
    campaign: str,
    settings_hash: str,
    settings: Comparable | None = None,
) -> Submission:
    """Put a campaign on the LaunchPad, unless it is there already.

    Parameters
    ----------
    flow
        The campaign's flow, or a function that makes it; the function is called only
        if the campaign is not there yet.
    campaign
        Its name, unique on the LaunchPad. It goes, with the version of the document
        layout, into the metadata of every job, also of jobs made later.
    settings
        Everything that determines them: kept with the campaign, and compared.

    Raises
    ------
    ChangedCampaignError
        If a campaign of this name has another `settings_hash`.
    OtherVersionError
        If it was submitted with another document layout.
    SubmissionError
        If another process is submitting it right now.
    """
    checked_name(campaign)
    with FileLock(workplace.home.lock(f"submit-{campaign}")):
        known = find_submission(workplace, campaign)
        if known is None:
            return _submit(workplace, flow, campaign, settings_hash, settings)
    if known["settings_hash"] != settings_hash:
        _check_same(workplace, campaign, settings)
    _check_layout(known)
    return _submission(known, new=False)


def _submit(
    workplace: Workplace,
    flow: Flow | Job | Callable[[], Flow | Job],
    campaign: str,
    settings_hash: str,
    settings: Comparable | None,
) -> Submission:
    launchpad = workplace.require_launchpad()
    aside = _claim(workplace, campaign, settings_hash, settings)
    campaigns = launchpad.db["campaigns"]
    if aside is not None:
        _set_aside(workplace, campaign, aside)
    before = launchpad.fw_id_assigner.find_one({}, {"next_fw_id": 1})
    try:
        complete = flow if isinstance(flow, Flow | Job) else flow()
        marks = {"campaign": campaign, "schema_version": SCHEMA_VERSION}
        complete.update_metadata(marks, dynamic=True)
        delete_orphans(launchpad, campaign)  # of a submission that was killed
        workflow = flow_to_workflow(complete, name=campaign, metadata=marks)
        stages = dict.fromkeys(fw.spec.get("stage", "other") for fw in workflow.fws)
        ids = launchpad.add_wf(workflow)
    except BaseException as error:
        if not isinstance(error, DuplicateKeyError):  # else it was there before
            own = {"$not": {"$lt": before["next_fw_id"] if before else 1}}
            launchpad.workflows.delete_many(
                {"metadata.campaign": campaign, "nodes": own}
            )
        delete_orphans(launchpad, campaign)
        campaigns.delete_one({"campaign": campaign, "state": "submitting"})
        raise
    submitted = campaigns.find_one_and_update(
        {"campaign": campaign},
        {
            "$set": {
                "state": "submitted",
                "stages": list(stages),
                "n_fireworks": len(ids),
                "workflow_id": min(ids.values()),
            }
        },
        return_document=True,
    )
    return _submission(submitted, new=True)


def find_submission(workplace: Workplace, campaign: str) -> dict[str, Any] | None:
    """Return the LaunchPad's record of a submitted campaign, or None.

    A campaign whose workflow was deleted (``lpad reset``, ``lpad delete_wflows``) is
    none, see :func:`find_deleted`.
    """
    record = _record(workplace, campaign)
    return record if record and _has_workflow(workplace, campaign) else None


def find_deleted(workplace: Workplace, campaign: str) -> dict[str, Any] | None:
    """Return the record of a campaign whose workflow was deleted since, or None."""
    record = _record(workplace, campaign)
    return None if record and _has_workflow(workplace, campaign) else record


def _record(workplace: Workplace, campaign: str) -> dict[str, Any] | None:
    campaigns = workplace.require_launchpad().db["campaigns"]
    return campaigns.find_one({"campaign": campaign, "state": "submitted"})


def _has_workflow(workplace: Workplace, campaign: str) -> bool:
    workflows = workplace.require_launchpad().workflows
    return workflows.find_one({"metadata.campaign": campaign}, {"_id": 1}) is not None


def list_campaigns(workplace: Workplace) -> list[str]:
    """Return the names of the submitted campaigns, oldest first."""
    launchpad = workplace.require_launchpad()
    there = set(launchpad.workflows.distinct("metadata.campaign"))
    records = launchpad.db["campaigns"].find({"state": "submitted"})
    names = [document["campaign"] for document in records.sort("submitted_at", 1)]
    return [name for name in names if name in there]


def forget(workplace: Workplace, campaign: str) -> int:
    """Take a campaign off the LaunchPad; return how many fireworks it had.

    The documents it has made stay in the store.
    """
    launchpad = workplace.require_launchpad()
    _delete_workflow(launchpad, campaign)
    removed = delete_orphans(launchpad, campaign)
    launchpad.db["campaigns"].delete_one({"campaign": campaign})
    return removed


def _delete_workflow(launchpad: LaunchPad, campaign: str) -> None:
    launchpad.workflows.delete_many({"metadata.campaign": campaign})


def _claim(
    workplace: Workplace, campaign: str, settings_hash: str, settings: Comparable | None
) -> str | None:
    """Record that this process submits the campaign; no two can.

    Returns
    -------
    str or None
        The name under which the documents of a deleted campaign are to be kept.
    """
    campaigns = workplace.require_launchpad().db["campaigns"]
    record = {
        "campaign": campaign,
        "settings_hash": settings_hash,
        # as text: names of crystals are keys in it, and may hold dots
        "settings": None if settings is None else json.dumps(settings.recorded),
        "given": None if settings is None else json.dumps(settings.given),
        "schema_version": SCHEMA_VERSION,
        "versions": code_versions(),
        "state": "submitting",
        "place": place_of(workplace),
        "process": this_process(),
        "submitted_at": datetime.now(UTC),
        "claimed_at": time.time(),
        "set_aside": None,
    }
    known = campaigns.find_one({"campaign": campaign})
    if known is None:
        try:
            campaigns.insert_one(record)
        except DuplicateKeyError:
            raise being_claimed(campaign) from None
        return None
    aside: str | None = None
    if known["state"] == "submitted" and not _has_workflow(workplace, campaign):
        aside = _free_name(workplace, campaign)
    elif _is_stale(known, place_of(workplace)):
        aside = known.get("set_aside")
        # killed after the workflow was complete, before the record was
        _delete_workflow(workplace.require_launchpad(), campaign)
    else:
        raise being_claimed(campaign)
    same = {name: known[name] for name in ("_id", "state", "claimed_at")}
    if not campaigns.replace_one(same, {**record, "set_aside": aside}).matched_count:
        raise being_claimed(campaign)
    if known["state"] == "submitted":
        del known["_id"]
        campaigns.insert_one({**known, "campaign": aside})
    return aside


def _is_stale(record: dict[str, Any], here: str) -> bool:
    """Whether the process that was submitting has ended, or must have."""
    return record["state"] == "submitting" and (
        record.get("place") == here  # we hold the lock that it held
        or has_ended(record.get("process"))
        or record["claimed_at"] < time.time() - SUBMISSION_EXPIRES_S
    )


def _free_name(workplace: Workplace, campaign: str) -> str:
    taken = set(workplace.require_launchpad().db["campaigns"].distinct("campaign"))
    docs = workplace.job_store.docs_store
    if isinstance(docs, MongoStore):  # there may be some without a record
        taken |= set(docs.distinct("metadata.campaign"))
    return free_name(campaign, taken)


def _set_aside(workplace: Workplace, campaign: str, name: str) -> None:
    """Keep a deleted campaign's documents under another name.

    In the new one's name they would stand beside the same calculations, made again.
    """
    docs = workplace.job_store.docs_store
    if isinstance(docs, MongoStore):
        docs._collection.update_many(  # noqa: SLF001
            {"metadata.campaign": campaign}, {"$set": {"metadata.campaign": name}}
        )


def _check_same(
    workplace: Workplace, campaign: str, settings: Comparable | None
) -> None:
    """Raise unless the settings say the same in the words of another version."""
    known = recorded(workplace, campaign)
    changed: Sequence[object] = ()
    if known is not None and settings is not None:
        changed = settings.differences(known.settings, complete=known.complete)
    if changed or known is None or settings is None:
        raise ChangedCampaignError(
            "\n  ".join(
                [
                    "a campaign of this name was submitted with other settings",
                    *map(str, changed[:_MOST_SHOWN]),
                ]
            ),
            field="campaign",
            value=campaign,
            remedy="Give the changed campaign another name, or put the settings back",
        )
    unfinished = {"spec.campaign": campaign, "state": {"$ne": "COMPLETED"}}
    if not known.complete and workplace.require_launchpad().fireworks.find_one(
        unfinished, {"_id": 1}
    ):
        raise OtherVersionError(
            "it was submitted by a version that recorded only part of its settings, "
            "and is not finished",
            field="campaign",
            value=campaign,
            remedy="Go on with that version, or give the campaign another name",
        )


def _check_layout(known: dict[str, Any]) -> None:
    if known["schema_version"] not in READABLE_VERSIONS:
        raise OtherVersionError(
            "it was submitted by a version that lays its documents out otherwise",
            field="schema_version",
            value=known["schema_version"],
            remedy=f"Go on with lps-flows {known['versions'].get('lps-flows')}, or "
            f"give the campaign another name (this version: {SCHEMA_VERSION})",
        )


def _submission(record: dict[str, Any], *, new: bool) -> Submission:
    return Submission(
        record["campaign"],
        new,
        record["n_fireworks"],
        record["workflow_id"],
        record.get("set_aside") if new else None,
    )
