"""What the LaunchPad knows of a campaign: progress, failures, cost."""

from __future__ import annotations

from dataclasses import replace

from fireworks import LaunchPad

from lps_flows.report.sections.overview import LaunchPadView
from lps_flows.runner import failures, launch_times, progress


def launchpad_view(launchpad: LaunchPad, campaign: str) -> LaunchPadView:
    """Return progress per stage, failed fireworks, and wall time per stage."""
    state = progress(launchpad, campaign)
    times, unread = launch_times(launchpad, campaign)
    return LaunchPadView(
        replace(state, damaged=(*state.damaged, *unread)),
        failures(launchpad, campaign),
        times,
    )
