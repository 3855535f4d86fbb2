"""What the LaunchPad knows of a campaign: progress, failures, cost."""

from __future__ import annotations

from fireworks import LaunchPad

from lps_flows.report.sections.overview import LaunchPadView
from lps_flows.runner import failures, progress, run_time


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
        run_time(launchpad, campaign),
    )
