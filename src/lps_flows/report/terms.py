"""The words of the report, explained where they stand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from lps_flows.report.blocks import Section, Terms


@cache
def _terms() -> dict[str, Any]:
    """Return the explanation of every word, and the words of every section."""
    file = files("lps_flows.report") / "assets" / "terms.yaml"
    terms: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return terms


def explained(section: Section) -> Section:
    """Return a section that explains its words first, where it says anything."""
    words = _terms()["sections"].get(section.section_id, ())
    if not section.blocks or not words:
        return section
    terms = Terms({word: _terms()["words"][word] for word in words})
    return replace(section, blocks=[terms, *section.blocks])
