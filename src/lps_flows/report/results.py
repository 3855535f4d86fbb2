"""The result folder of a campaign: summary, page, tables, figures."""

from __future__ import annotations

from pathlib import Path

from lps_flows.foundation.writing import write_bytes
from lps_flows.plotting import write_figures
from lps_flows.report.content import ReportContent
from lps_flows.report.markdown import render_markdown
from lps_flows.report.page import render_page


def write_results(content: ReportContent, folder: Path) -> list[Path]:
    """Write the result folder of a campaign, complete or not.

    What has not run yet is named as such in the summary.

    Returns
    -------
    list of Path
        ``summary.md``, ``report.html`` (the page to hover over), the files the page
        offers (tables as CSV, structures), and the folder ``figures`` with figures for
        print and densities.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = write_figures(content.results, folder / "figures", ("png",))
    pictures = {
        name: path.relative_to(folder).as_posix()
        for name, path in drawn.pictures.items()
    }
    contents = {
        "summary.md": render_markdown(content, pictures, drawn.missing).encode(),
        "report.html": render_page(content).encode(),
        **{file.name: file.content for file in content.downloads},
    }
    for name, data in contents.items():
        write_bytes(folder / name, data)
    return [*(folder / name for name in contents), *drawn.files]
