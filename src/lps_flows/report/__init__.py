"""What a person reads: the result folder, the HTML report, the live page."""

from lps_flows.report.results import write_results

__all__ = ["write_results"]
