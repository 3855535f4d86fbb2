"""The templates of the pages."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from lps_flows.report.blocks import Cell, StructureLink

_LONG_TEXT = 60
_LONG_NAME = 24


def environment() -> Environment:
    """Return what renders the templates of the pages."""
    environment = Environment(
        loader=PackageLoader("lps_flows.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["structure_link"] = lambda cell: not isinstance(cell, str)
    environment.tests["long_text"] = lambda cell: (
        isinstance(cell, str) and len(cell) > _LONG_TEXT
    )
    environment.tests["name"] = _is_name
    return environment


def _is_name(cell: Cell) -> bool:
    """Whether a cell is better not broken into lines."""
    text = cell.text if isinstance(cell, StructureLink) else cell
    return " " not in text and len(text) < _LONG_NAME
