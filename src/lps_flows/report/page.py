"""The report as one self-contained HTML page."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jobflow import JobStore
from plotly.offline import get_plotlyjs

from lps_flows import __version__
from lps_flows.appearance import ELEMENTS
from lps_flows.builders import ResultStore
from lps_flows.foundation.writing import write_text
from lps_flows.report.blocks import Chart
from lps_flows.report.content import ReportContent, gather
from lps_flows.report.structures import EmbeddedStructure
from lps_flows.report.templates import environment

_VIEWER = "3Dmol-2.5.5.min.js"


def write_report(
    job_store: JobStore,
    result_store: ResultStore,
    campaign: str,
    file: Path,
    **options: Any,
) -> Path:
    """Write the report of a campaign, complete or not, and return the file.

    Parameters
    ----------
    result_store
        Gives the store of a builder's collection, `Workplace.result_store`.
    options
        Line, settings, LaunchPad: everything else that `gather` takes.
    """
    content = gather(job_store, result_store, campaign, **options)
    file.parent.mkdir(parents=True, exist_ok=True)
    return write_text(file, render_page(content))


def render_page(content: ReportContent) -> str:
    """Return the page: text, figures, viewer and files, with nothing to fetch."""
    charts = {
        block.chart_id: json.loads(block.figure.to_json())
        for section in content.sections
        for block in section.blocks
        if isinstance(block, Chart)
    }
    choices = {
        block.chart_id: [shown for _, shown in block.choices]
        for section in content.sections
        for block in section.blocks
        if isinstance(block, Chart) and block.choices
    }
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            downloads=[
                (file, data_uri(file.mime, file.content)) for file in content.downloads
            ],
            data=script_json(
                {
                    "charts": charts,
                    "choices": choices,
                    "colours": ELEMENTS,
                    "first": _first(content.structures),
                    "structures": {
                        name: _viewed(entry)
                        for name, entry in content.structures.items()
                    },
                }
            ),
            style=_asset("report.css"),
            script=_asset("report.js"),
            plotly=get_plotlyjs() if charts else "",
            viewer=_asset(_VIEWER) if content.structures else "",
            version=__version__,
        )
    )


def script_json(data: Any) -> str:
    """Return JSON that stands safely inside a script element, whatever it holds."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def data_uri(mime: str, content: bytes) -> str:
    """Return a file as a link of its own."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _first(structures: Mapping[str, EmbeddedStructure]) -> str | None:
    """Return the structure that is shown at first, the lowest glass-ceramic."""
    glasses = (i for i, entry in structures.items() if entry.name.startswith("gc-"))
    return next(glasses, next(iter(structures), None))


def _viewed(entry: EmbeddedStructure) -> dict[str, Any]:
    return {"name": entry.name, "cif": entry.cif, "facts": entry.facts, **entry.picture}


def _asset(name: str) -> str:
    return (files("lps_flows.report") / "assets" / name).read_text(encoding="utf-8")
