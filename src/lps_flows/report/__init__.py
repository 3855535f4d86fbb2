"""What a person reads: the result folder, the HTML report, the live page."""

from lps_flows.report.page import write_report
from lps_flows.report.results import write_figures, write_results
from lps_flows.report.sections.overview import LaunchPadView

__all__ = ["LaunchPadView", "write_figures", "write_report", "write_results"]
