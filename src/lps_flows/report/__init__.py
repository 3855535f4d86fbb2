"""What a person reads: the result folder, the HTML report, the live page."""

from lps_flows.report.launchpad import launchpad_view
from lps_flows.report.live import LiveCampaign, live_server
from lps_flows.report.page import write_report
from lps_flows.report.results import write_figures, write_results
from lps_flows.report.sections.overview import LaunchPadView

__all__ = [
    "LaunchPadView",
    "LiveCampaign",
    "launchpad_view",
    "live_server",
    "write_figures",
    "write_report",
    "write_results",
]
