"""List the campaigns of a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lps_flows.runner.belongings import Inventory, collections, inventory
from lps_flows.runner.home import is_campaign_name
from lps_flows.runner.progress import Progress, progress
from lps_flows.runner.workplace import Workplace
from lps_flows.schemas.layout import NO_CAMPAIGN

_CAMPAIGN = "metadata.campaign"


@dataclass(frozen=True)
class CampaignSummary:
    """One campaign of a server.

    Attributes
    ----------
    state
        "complete", "running", "failed", "stopped" or "unfinished"; "no queue" where
        only documents are left; "submitting", "restoring" or "deleting" while that is
        done, or after it was killed.
    last_change
        When a job last changed anything (ISO 8601, UTC); None if unknown.
    """

    campaign: str
    state: str
    n_completed: int
    last_change: str | None
    holds: Inventory


def campaigns(workplace: Workplace) -> list[CampaignSummary]:
    """Return every campaign that the server holds something of, by name.

    What another program calls a campaign, by a name that none can have, is none.

    Raises
    ------
    StoreKindError
        If documents are not in MongoDB with GridFS.
    """
    place = collections(workplace)
    records = workplace.require_launchpad().db["campaigns"]
    found = [*records.distinct("campaign"), *place["docs"].distinct(_CAMPAIGN)]
    found += place["structures"].distinct("campaign")
    names = {name for name in found if is_campaign_name(name)} - {NO_CAMPAIGN}
    return [
        _summary(workplace, name, records.find_one({"campaign": name}))
        for name in sorted(names)
    ]


def _summary(
    workplace: Workplace, campaign: str, record: dict[str, Any] | None
) -> CampaignSummary:
    place, of_campaign = collections(workplace), {_CAMPAIGN: campaign}
    state = progress(workplace.require_launchpad(), campaign)
    last = place["docs"].find_one(of_campaign, sort=[("completed_at", -1)]) or {}
    workflow = place["workflows"].find_one(of_campaign, {"updated_on": 1}) or {}
    changed = workflow.get("updated_on") or last.get("completed_at")
    return CampaignSummary(
        campaign,
        _state(record, state),
        state.total.completed,
        changed.isoformat() if isinstance(changed, datetime) else changed,
        inventory(workplace, campaign),
    )


def _state(record: dict[str, Any] | None, queue: Progress) -> str:
    recorded = "submitted" if record is None else record.get("state", "damaged")
    if recorded != "submitted":
        return str(recorded)
    total = queue.total
    counts = {"running": total.running, "failed": total.failed}
    counts |= {"stopped": total.stopped, "unfinished": total.unfinished + queue.missing}
    return next(
        (state for state, number in counts.items() if number),
        "complete" if queue.complete else "no queue",
    )
