"""Two campaigns on one page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from jobflow import JobStore

from lps_flows.chemistry import CompositionLine
from lps_flows.report import ReportContent, compare, gather, render_page
from lps_flows.report.blocks import Chart, Note, Section, Table
from tests.report import synthetic
from tests.report.conftest import beside
from tests.report.test_browser import console, open_page, wait_for

HERE = {"name": "synthetic", "engine": {"name": "chgnet", "fmax": 0.02}, "seed": 1}


@pytest.fixture(scope="module")
def first(built: JobStore) -> ReportContent:
    return gather(built, beside(built), synthetic.CAMPAIGN, settings=HERE)


@pytest.fixture(scope="module")
def second(first: ReportContent) -> ReportContent:
    """The same campaign by another method, every energy 5 meV/atom lower."""
    diagram = first.results.diagram
    assert diagram is not None
    entries = [
        entry.model_copy(
            update={
                "energy_above_hull": entry.energy_above_hull + 0.005,
                "formation_energy_per_atom": entry.formation_energy_per_atom + 0.005,
            }
        )
        if entry.energy_above_hull is not None and entry.glass
        else entry
        for entry in first.results.entries
    ]
    results = replace(
        first.results,
        campaign="other",
        diagram=diagram.model_copy(update={"method": "synthetic-2"}),
        entries=entries,
    )
    settings = {**HERE, "name": "other", "engine": {"name": "vasp", "fmax": 0.02}}
    findings = {**first.findings, "candidates": "none of 5 compositions."}
    return replace(
        first, campaign="other", results=results, settings=settings, findings=findings
    )


def section(content: ReportContent, title: str) -> Section:
    return next(s for s in content.sections if s.title == title)


def test_every_finding_stands_beside_the_others(
    first: ReportContent, second: ReportContent
) -> None:
    (table,) = section(compare(first, second), "Findings").blocks
    assert isinstance(table, Table)
    assert table.header == ("", "synthetic", "other")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["candidates"][1] == "none of 5 compositions."
    assert rows["candidates"][0] == first.findings["candidates"]


def test_hulls_lie_over_each_other_and_methods_are_told_apart(
    first: ReportContent, second: ReportContent
) -> None:
    note, chart, table = section(compare(first, second), "Hulls").blocks
    assert isinstance(note, Note)
    assert "synthetic-1, synthetic-2" in note.text
    assert isinstance(chart, Chart)
    names = {trace.name for trace in chart.figure.data}
    assert {"synthetic", "other", "synthetic: hull", "other: hull"} <= names
    assert isinstance(table, Table)
    rows = {row[0]: row[2:] for row in table.rows}
    assert rows["Li7P3S11"] == ("17.2", "17.2")
    glass = next(row for name, row in rows.items() if name.startswith("gc-"))
    assert float(glass[1]) - float(glass[0]) == pytest.approx(5.0, abs=0.11)


@pytest.mark.parametrize("last", [True, False])
def test_what_lies_on_the_hull_is_the_lowest_of_its_name(
    first: ReportContent, last: bool
) -> None:
    """A height of 0 was taken for none: what came after it counted."""
    entries = first.results.entries
    gamma = next(entry for entry in entries if entry.label == "gamma-Li3PS4")
    higher = gamma.model_copy(
        update={"structure_id": "higher", "energy_above_hull": 0.012}
    )
    twice = [*entries, higher] if last else [higher, *entries]
    again = replace(first, results=replace(first.results, entries=twice))
    table = section(compare(first, again), "Hulls").blocks[-1]
    assert isinstance(table, Table)
    rows = {row[0]: row[2:] for row in table.rows}
    assert rows["gamma-Li3PS4"] == ("0.0", "0.0")


def test_only_what_differs_in_the_settings_is_listed(
    first: ReportContent, second: ReportContent
) -> None:
    (table,) = section(compare(first, second), "What the settings differ in").blocks
    assert isinstance(table, Table)
    assert table.rows == [("engine.name", "chgnet", "vasp")]
    (same,) = section(
        compare(first, replace(first, campaign="twin")), "What the settings differ in"
    ).blocks
    assert isinstance(same, Note)


def test_another_line_is_said(first: ReportContent, second: ReportContent) -> None:
    assert second.results.diagram is not None
    line = CompositionLine(end_members=("Na2S", "P2S5"))
    diagram = second.results.diagram.model_copy(
        update={
            "end_members": [
                end.model_copy(update={"formula": formula})
                for end, formula in zip(
                    second.results.diagram.end_members, line.end_members, strict=True
                )
            ]
        }
    )
    other = replace(second, results=replace(second.results, diagram=diagram))
    notes = [
        block.text
        for block in section(compare(first, other), "Hulls").blocks
        if isinstance(block, Note)
    ]
    assert any("The lines differ" in text for text in notes)


def test_the_page_opens_without_an_error(
    browser, first: ReportContent, second: ReportContent, tmp_path: Path
) -> None:
    file = tmp_path / "both.html"
    file.write_text(render_page(compare(first, second)), encoding="utf-8")
    open_page(browser, file.as_uri())
    wait_for(browser, "return document.documentElement.dataset.ready === 'yes'")
    wait_for(browser, "return document.querySelector('#hulls-chart .point') !== null")
    assert console(browser) == []
    assert browser.title.startswith("synthetic and other")
