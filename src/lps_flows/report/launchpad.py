"""What the LaunchPad knows of a campaign: progress, failures, cost."""

from __future__ import annotations

from datetime import datetime

from fireworks import LaunchPad

from lps_flows.report.sections.overview import LaunchPadView
from lps_flows.runner import failures, progress


def launchpad_view(launchpad: LaunchPad, campaign: str) -> LaunchPadView:
    """Return progress per stage, failed fireworks, and wall time per stage.

    Parameters
    ----------
    launchpad
        The LaunchPad, only read.
    campaign
        Name of the campaign.
    """
    return LaunchPadView(
        progress(launchpad, campaign),
        failures(launchpad, campaign),
        _run_time(launchpad, campaign),
    )


def _run_time(launchpad: LaunchPad, campaign: str) -> dict[str, float]:
    """Return the wall time of all finished launches by stage (s)."""
    stages: dict[int, str] = {}
    for firework in launchpad.fireworks.find(
        {"spec.campaign": campaign}, {"fw_id": 1, "spec.stage": 1}
    ):
        stages[firework["fw_id"]] = firework["spec"].get("stage", "other")
    spent: dict[str, float] = {}
    for launch in launchpad.launches.find(
        {"fw_id": {"$in": list(stages)}}, {"fw_id": 1, "state_history": 1}
    ):
        begun = ended = None
        for entry in launch.get("state_history", []):
            if entry["state"] == "RUNNING":
                begun = entry["created_on"]
            elif entry["state"] in {"COMPLETED", "FIZZLED"}:
                ended = entry["created_on"]
        if begun is not None and ended is not None:
            stage = stages[launch["fw_id"]]
            spent[stage] = spent.get(stage, 0.0) + _seconds(begun, ended)
    return spent


def _seconds(begun: datetime | str, ended: datetime | str) -> float:
    first, last = (
        moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
        for moment in (begun, ended)
    )
    return max((last - first).total_seconds(), 0.0)
