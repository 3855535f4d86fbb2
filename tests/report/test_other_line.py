"""On another line than the paper's: own elements, and no numbers of the paper."""

from __future__ import annotations

import csv
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from jobflow import JobStore

from lps_flows.chemistry import CompositionLine
from lps_flows.jobs.outputs import checked_parts
from lps_flows.plotting import motif_figure
from lps_flows.report import ReportContent, gather
from lps_flows.report.blocks import Chart, Table
from lps_flows.report.hull_table import hull_downloads
from lps_flows.report.sections.electrolyte import window_section
from lps_flows.report.sections.potential import potential_section
from lps_flows.report.sections.structure import motif_section
from lps_flows.schemas.potential import PotentialDocument
from tests.report import synthetic
from tests.report.conftest import beside

THIOSILICATE = CompositionLine(end_members=("Li2S", "SiS2"))


@pytest.fixture(scope="module")
def content(built: JobStore) -> ReportContent:
    return gather(built, beside(built), synthetic.CAMPAIGN)


def test_the_papers_energies_stand_on_its_own_line_alone(
    content: ReportContent,
) -> None:
    def papers(line: CompositionLine) -> set[str]:
        diagram = content.results.diagram
        assert diagram is not None
        ends = [
            end.model_copy(update={"formula": formula})
            for end, formula in zip(diagram.end_members, line.end_members, strict=True)
        ]
        there = diagram.model_copy(update={"end_members": ends})
        (file,) = (
            file
            for file in hull_downloads(replace(content.results, diagram=there))
            if file.name == "hull.csv"
        )
        rows = csv.DictReader(file.content.decode().splitlines())
        return {row["paper_energy_above_hull (meV/atom)"] for row in rows}

    assert papers(THIOSILICATE) == {""}
    assert "3.2" in papers(CompositionLine())


def test_the_papers_potential_stands_on_its_own_line_alone(built: JobStore) -> None:
    trained = checked_parts(built, synthetic.CAMPAIGN, PotentialDocument, load=True)
    said = {
        beside_paper: potential_section(trained, beside_paper=beside_paper).blocks[0]
        for beside_paper in (True, False)
    }
    assert "The paper reaches RMSE" in said[True].caption
    assert "paper" not in said[False].caption


def test_the_metal_is_that_of_the_mobile_ion() -> None:
    assert window_section([], "Na").title == "Stability against sodium and voltage"
    assert window_section([]).title == "Stability against lithium and voltage"


def test_motifs_are_of_the_lines_former(content: ReportContent) -> None:
    """Another former's stood there as those of P."""
    trends = [
        trend.model_copy(update={"settings": {**trend.settings, "former": "Si"}})
        for trend in content.results.trends
    ]
    chart, table, *_ = motif_section(trends, [], THIOSILICATE.end_members).blocks
    assert isinstance(chart, Chart)
    titles = [note.text for note in chart.figure.layout.annotations]
    assert titles[0] == "SiS<sub>4</sub> tetrahedra"
    axes = (chart.figure.layout.yaxis, chart.figure.layout.yaxis5)
    assert {axis.title.text for axis in axes} == {"fraction of Si"}
    assert isinstance(table, Table)
    assert {"SiS4", "Si2S7", "Si2S6 edge", "Si2S6 Si-Si"} <= set(table.header)
    assert "fractions of Si, and of S bonded to no Si" in table.caption
    first, *_ = motif_figure(trends).axes
    assert first.get_title() == "SiS$_{4}$ tetrahedra"
    assert first.get_ylabel() == "fraction of Si"
    plt.close("all")
