"""What a person reads: the result folder, the HTML report, the live page."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.report.comparison import compare
    from lps_flows.report.content import ReportContent, gather
    from lps_flows.report.launchpad import launchpad_view
    from lps_flows.report.live import LiveCampaign, live_server
    from lps_flows.report.page import render_page, write_report
    from lps_flows.report.results import write_results
    from lps_flows.report.sections.overview import LaunchPadView

__all__ = [
    "LaunchPadView",
    "LiveCampaign",
    "ReportContent",
    "compare",
    "gather",
    "launchpad_view",
    "live_server",
    "render_page",
    "write_report",
    "write_results",
]

show(__name__)
