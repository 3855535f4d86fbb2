"""Take a campaign away whole."""

from __future__ import annotations

from filelock import FileLock

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.belongings import Inventory, collections, inventory, remove
from lps_flows.runner.home import checked_name
from lps_flows.runner.run_folders import remove_runs
from lps_flows.runner.running import alone, lost_launches
from lps_flows.runner.workplace import Workplace

_DELETING = "deleting"


class CampaignRunsError(LpsFlowsError):
    """Workers are at a campaign that shall be deleted."""


def delete(workplace: Workplace, campaign: str) -> Inventory:
    """Remove a campaign whole; return what there was of it.

    Fireworks, documents, arrays, results, and its run directories on this machine. A
    run of it afterwards starts anew. Broken off, it can be done again.

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
        holds, record = inventory(workplace, campaign), {"campaign": campaign}
        _refuse_while_it_runs(workplace, campaign)
        records.update_one(record, {"$set": {"state": _DELETING}}, upsert=True)
        remove_runs(workplace, campaign)
        remove(workplace, campaign)
        records.delete_one(record)
    return holds


def _refuse_while_it_runs(workplace: Workplace, campaign: str) -> None:
    place = collections(workplace)
    running = {"spec.campaign": campaign, "state": "RUNNING"}
    lost = [lost_launches(workplace, campaign)]
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
