"""Put a campaign on the LaunchPad, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from socket import gethostname
from typing import Any

from filelock import FileLock
from jobflow import Flow, Job
from jobflow.managers.fireworks import flow_to_workflow
from pymongo.errors import DuplicateKeyError

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.home import checked_name
from lps_flows.runner.recovery import delete_orphans
from lps_flows.runner.workplace import Workplace
from lps_flows.schemas.base import SCHEMA_VERSION, code_versions

_SUBMISSION_EXPIRES_S = 600.0


class ChangedCampaignError(LpsFlowsError):
    """A campaign of this name with other settings is on the LaunchPad."""


class OtherVersionError(LpsFlowsError):
    """A campaign was submitted by a version whose documents are laid out otherwise."""


class SubmissionError(LpsFlowsError):
    """A campaign is being submitted by another process."""


@dataclass(frozen=True)
class Submission:
    """A campaign on the LaunchPad.

    Attributes
    ----------
    campaign
        Its name.
    new
        Whether it was put there just now.
    n_fireworks
        How many fireworks it had when submitted (jobs may add more).
    workflow_id
        Id of its first firework, for ``lpad get_wflows -i``.
    """

    campaign: str
    new: bool
    n_fireworks: int
    workflow_id: int


def submit(
    workplace: Workplace,
    flow: Flow | Job | Callable[[], Flow | Job],
    campaign: str,
    settings_hash: str,
) -> Submission:
    """Put a campaign on the LaunchPad, unless it is there already.

    Parameters
    ----------
    workplace
        The servers to use.
    flow
        The campaign's flow, or a function that makes it; the function is called only
        if the campaign is not there yet.
    campaign
        Its name, unique on the LaunchPad. It goes, with the version of the document
        layout, into the metadata of every job, also of jobs made later.
    settings_hash
        Hash of everything that determines the results.

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
    known = find_submission(workplace, campaign)
    if known is not None:
        _check_same(known, settings_hash)
        return _submission(known, new=False)
    with FileLock(workplace.home.lock(f"submit-{campaign}")):
        return _submit(workplace, flow, campaign, settings_hash)


def _submit(
    workplace: Workplace,
    flow: Flow | Job | Callable[[], Flow | Job],
    campaign: str,
    settings_hash: str,
) -> Submission:
    launchpad = workplace.require_launchpad()
    _claim(workplace, campaign, settings_hash)
    campaigns = launchpad.db["campaigns"]
    try:
        made = flow if isinstance(flow, Flow | Job) else flow()
        marks = {"campaign": campaign, "schema_version": SCHEMA_VERSION}
        made.update_metadata(marks, dynamic=True)
        delete_orphans(launchpad, campaign)  # of a submission that was killed
        workflow = flow_to_workflow(made, name=campaign, metadata=marks)
        stages = dict.fromkeys(fw.spec.get("stage", "other") for fw in workflow.fws)
        ids = launchpad.add_wf(workflow)
    except BaseException:
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
    """Return the LaunchPad's record of a submitted campaign, or None."""
    campaigns = workplace.require_launchpad().db["campaigns"]
    return campaigns.find_one({"campaign": campaign, "state": "submitted"})


def list_campaigns(workplace: Workplace) -> list[str]:
    """Return the names of the submitted campaigns, oldest first."""
    campaigns = workplace.require_launchpad().db["campaigns"]
    found = campaigns.find({"state": "submitted"}).sort("submitted_at", 1)
    return [document["campaign"] for document in found]


def forget(workplace: Workplace, campaign: str) -> int:
    """Take a campaign off the LaunchPad; return how many fireworks it had.

    The documents it has made stay in the store.
    """
    launchpad = workplace.require_launchpad()
    launchpad.workflows.delete_many({"metadata.campaign": campaign})
    removed = delete_orphans(launchpad, campaign)
    launchpad.db["campaigns"].delete_one({"campaign": campaign})
    return removed


def _claim(workplace: Workplace, campaign: str, settings_hash: str) -> None:
    """Record that this process submits the campaign; no two can."""
    launchpad = workplace.require_launchpad()
    place = f"{gethostname()}:{workplace.home.path}"
    campaigns = launchpad.db["campaigns"]
    workflow = launchpad.workflows.find_one({"metadata.campaign": campaign}, {"_id": 1})
    record = {
        "campaign": campaign,
        "settings_hash": settings_hash,
        "schema_version": SCHEMA_VERSION,
        "versions": code_versions(),
        "state": "submitting",
        "place": place,
        "submitted_at": datetime.now(UTC),
        "claimed_at": time.time(),
    }
    stale = {
        "campaign": campaign,
        "state": "submitting",
        # of our own place it is stale, since we hold the lock that it held
        "$or": [
            {"claimed_at": {"$lt": time.time() - _SUBMISSION_EXPIRES_S}},
            {"place": place},
        ],
    }
    campaigns.delete_one(stale)
    try:
        campaigns.insert_one(record)
    except DuplicateKeyError:
        raise SubmissionError(
            "another process is submitting this campaign",
            field="campaign",
            value=campaign,
            remedy=f"Wait; if it was killed, it is forgotten "
            f"{_SUBMISSION_EXPIRES_S / 60:.0f} minutes after it began",
        ) from None
    if workflow is not None:
        # killed after the workflow was complete, before the record was
        launchpad.workflows.delete_one({"_id": workflow["_id"]})


def _check_same(known: dict[str, Any], settings_hash: str) -> None:
    if known["settings_hash"] != settings_hash:
        raise ChangedCampaignError(
            "a campaign of this name was submitted with other settings",
            field="campaign",
            value=known["campaign"],
            remedy="Give the changed campaign another name, or put the settings back",
        )
    if known["schema_version"] != SCHEMA_VERSION:
        raise OtherVersionError(
            "it was submitted by a version that lays its documents out otherwise",
            field="schema_version",
            value=known["schema_version"],
            remedy=f"Go on with lps-flows {known['versions'].get('lps-flows')}, or "
            f"give the campaign another name (this version: {SCHEMA_VERSION})",
        )


def _submission(record: dict[str, Any], *, new: bool) -> Submission:
    return Submission(
        record["campaign"], new, record["n_fireworks"], record["workflow_id"]
    )
