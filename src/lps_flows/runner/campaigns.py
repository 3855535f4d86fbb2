"""List the campaigns of a server, and take one away whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from filelock import FileLock
from fireworks.fw_config import RUN_EXPIRATION_SECS

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.belongings import (
    Inventory,
    collections,
    inventory,
    no_campaign,
    remove,
    remove_runs,
)
from lps_flows.runner.home import checked_name
from lps_flows.runner.progress import Progress, progress
from lps_flows.runner.recovery import silent_for
from lps_flows.runner.running import alone, of_earlier_runs
from lps_flows.runner.workplace import Workplace
from lps_flows.schemas.built import NO_CAMPAIGN

_CAMPAIGN = "metadata.campaign"
_DELETING = "deleting"


class CampaignRunsError(LpsFlowsError):
    """Workers are at a campaign that shall be deleted."""


@dataclass(frozen=True)
class CampaignSummary:
    """One campaign of a server.

    Attributes
    ----------
    campaign
        Its name.
    state
        "complete", "running", "failed", "stopped" or "unfinished"; "no queue" where
        only documents are left; "submitting", "restoring" or "deleting" while that is
        done, or after it was killed.
    n_completed
        How many of its fireworks are completed.
    last_change
        When a job last changed anything (ISO 8601, UTC); None if unknown.
    holds
        How much there is of it.
    """

    campaign: str
    state: str
    n_completed: int
    last_change: str | None
    holds: Inventory


def campaigns(workplace: Workplace) -> list[CampaignSummary]:
    """Return every campaign that the server holds something of, by name.

    Parameters
    ----------
    workplace
        Where to look.

    Raises
    ------
    StoreKindError
        If documents are not in MongoDB with GridFS.
    """
    place = collections(workplace)
    records = workplace.require_launchpad().db["campaigns"]
    names = {*records.distinct("campaign"), *place["docs"].distinct(_CAMPAIGN)}
    names |= set(place["structures"].distinct("campaign")) - {NO_CAMPAIGN}
    return [
        _summary(workplace, name, records.find_one({"campaign": name}))
        for name in sorted(filter(None, names))
    ]


def _summary(
    workplace: Workplace, campaign: str, record: dict[str, Any] | None
) -> CampaignSummary:
    place, mine = collections(workplace), {_CAMPAIGN: campaign}
    found = progress(workplace.require_launchpad(), campaign)
    last = place["docs"].find_one(mine, sort=[("completed_at", -1)]) or {}
    workflow = place["workflows"].find_one(mine, {"updated_on": 1}) or {}
    changed = workflow.get("updated_on") or last.get("completed_at")
    return CampaignSummary(
        campaign,
        _state(record, found),
        found.total.completed,
        changed.isoformat() if isinstance(changed, datetime) else changed,
        inventory(workplace, campaign),
    )


def _state(record: dict[str, Any] | None, found: Progress) -> str:
    if record is not None and record["state"] != "submitted":
        return str(record["state"])
    total = found.total
    counts = {"running": total.running, "failed": total.failed}
    counts |= {"stopped": total.stopped, "unfinished": total.unfinished}
    return next(
        (state for state, number in counts.items() if number),
        "complete" if found.complete else "no queue",
    )


def delete(workplace: Workplace, campaign: str) -> Inventory:
    """Remove a campaign whole; return what there was of it.

    Fireworks, documents, arrays, results, and its run directories on this machine. A
    run of it afterwards starts anew. Broken off, it can be done again.

    Parameters
    ----------
    workplace
        Where it is.
    campaign
        Its name.

    Raises
    ------
    NoCampaignError
        If there is nothing of it.
    AlreadyRunningError, CampaignRunsError
        If workers are at it.
    """
    checked_name(campaign)
    records = workplace.require_launchpad().db["campaigns"]
    lock = FileLock(workplace.home.lock(f"submit-{campaign}"))
    with alone(workplace, campaign), lock:
        found, mine = inventory(workplace, campaign), {"campaign": campaign}
        if found == Inventory() and records.find_one(mine) is None:
            raise no_campaign(campaign)
        _refuse_while_it_runs(workplace, campaign)
        records.update_one(mine, {"$set": {"state": _DELETING}}, upsert=True)
        remove_runs(workplace, campaign)
        remove(workplace, campaign)
        records.delete_one(mine)
    return found


def _refuse_while_it_runs(workplace: Workplace, campaign: str) -> None:
    place = collections(workplace)
    running = {"spec.campaign": campaign, "state": "RUNNING"}
    lost = [of_earlier_runs(workplace, campaign), silent_for(RUN_EXPIRATION_SECS)]
    ids = {"$in": place["fireworks"].distinct("fw_id", running)}
    living = {"fw_id": ids, "state": "RUNNING", "$nor": lost}
    hosts = place["launches"].distinct("host", living)
    if hosts:
        raise CampaignRunsError(
            f"workers are at it on {', '.join(map(str, hosts))}",
            field="campaign",
            value=campaign,
            remedy="Stop them. If they were killed, `lps-flows recover` with --after "
            "puts back what they left; then delete it",
        )
