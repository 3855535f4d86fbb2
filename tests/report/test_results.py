"""The result folder: complete, partial and empty campaigns."""

from __future__ import annotations

import csv
import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.builders import KEYS
from lps_flows.jobs.outputs import JobOutput, checked_parts
from lps_flows.report import gather, write_results
from lps_flows.report.blocks import Chart, Note, Table
from lps_flows.report.markdown import render_markdown
from lps_flows.report.sections.candidates import candidate_section
from lps_flows.report.sections.findings import _stretch
from lps_flows.report.sections.search import search_section
from lps_flows.report.sections.structure import elasticity_section
from lps_flows.schemas.elasticity import ElasticityDocument
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.phase_diagram import HullInterval
from tests.report import synthetic
from tests.report.conftest import beside


def result_store(collection: str) -> MemoryStore:
    store = MemoryStore(collection, key=KEYS[collection])
    store.connect()
    return store


def written(
    job_store: JobStore, folder: Path, campaign: str = synthetic.CAMPAIGN
) -> str:
    """Write the results of a campaign without builders; return the summary."""
    write_results(gather(job_store, result_store, campaign), folder)
    return (folder / "summary.md").read_text()


def read_rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "hull.csv").open(newline="") as stream:
        return {row["label"]: row for row in csv.DictReader(stream)}


def test_empty_campaign_says_that_nothing_has_run(
    job_store: JobStore, tmp_path: Path
) -> None:
    content = gather(job_store, result_store, "nothing")
    files = write_results(content, tmp_path / "new")
    text = (tmp_path / "new" / "summary.md").read_text()
    assert {file.name for file in files} == {
        "summary.md",
        "report.html",
        "captions.md",
    }
    for section in content.sections:
        if not section.blocks:
            assert f"## {section.title}\n\n_{section.missing}_" in text
    assert sum(not section.blocks for section in content.sections) == 14
    assert "fig1_ternary: not made, there is no phase diagram." in text


def test_a_surrogate_is_named_as_one_at_the_top(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_crystals(job_store)
    text = written(job_store, tmp_path)
    said = f"Energies by {synthetic.METHOD}, a surrogate, not from first principles."
    assert said in text[:200]
    assert "a surrogate" in (tmp_path / "report.html").read_text()


def test_hull_table_sets_the_papers_value_beside_ours(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_crystals(job_store)
    synthetic.put_glasses(job_store)
    text = written(job_store, tmp_path)
    rows = read_rows(tmp_path)
    for key, value in synthetic.CRYSTALS.items():
        assert float(rows[key]["energy_above_hull (meV/atom)"]) == pytest.approx(
            value, abs=1e-3
        )
    assert float(rows["beta-Li3PS4"]["paper_energy_above_hull (meV/atom)"]) == 3.2
    assert rows["LiPS3"]["paper_energy_above_hull (meV/atom)"] == ""
    glasses = [row for label, row in rows.items() if label.startswith("gc-")]
    assert {row["n_structures"] for row in glasses} == {"4"}
    assert "| Li7P3S11 | 0.700 | 17.2 | 17.2 |" in text
    assert "Provisional: the builders have not run" in text


def test_missing_end_member_is_said(job_store: JobStore, tmp_path: Path) -> None:
    synthetic.put_crystals(job_store, {"Li2S": 0.0, "gamma-Li3PS4": 0.0})
    assert "P2S5" in written(job_store, tmp_path)
    assert not (tmp_path / "hull.csv").exists()


def test_other_campaigns_stay_out(job_store: JobStore, tmp_path: Path) -> None:
    synthetic.put_crystals(job_store)
    document = synthetic.glasses(1)[0][1]
    synthetic.put(job_store, "other", "sampling", document, campaign="other")
    written(job_store, tmp_path)
    assert set(read_rows(tmp_path)) == set(synthetic.CRYSTALS)


def test_conductivity_comes_with_figures_and_table(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_transport(job_store)
    text = written(job_store, tmp_path)
    assert (tmp_path / "figures" / "figS2_msd.png").exists()
    assert "table_1.csv" in {file.name for file in tmp_path.iterdir()}
    assert "![fig8a_arrhenius](figures/fig8a_arrhenius.png)" in text
    assert "0.250 (0.220 to 0.280) | 0.236 | 12.3 (5 to 30) | 14.3 | 2 of 3" in text


def test_summary_and_page_show_the_same_blocks(built: JobStore, tmp_path: Path) -> None:
    content = gather(built, beside(built), synthetic.CAMPAIGN)
    write_results(content, tmp_path)
    text = (tmp_path / "summary.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:-1] == [
        section.title for section in content.sections
    ]
    tables = [
        block
        for section in content.sections
        for block in section.blocks
        if isinstance(block, Table)
    ]
    assert len(tables) > 12
    for table in tables:
        assert table.caption in html.unescape(page)
        line = f"| {' | '.join(table.header)} |"
        assert (line in text) is not table.detail
    # every picture stands once, where its chart stands on the page
    pictures = re.findall(r"!\[(\w+)\]\((\S+)\)", text)
    assert len(dict(pictures)) == len(pictures) == 12
    assert all((tmp_path / file).stat().st_size > 0 for _, file in pictures)
    assert text.index("![fig6_rdfs]") > text.index("## Motifs and distances")
    assert text.index("![fig6_rdfs]") < text.index("## Similarity and classes")


def test_cells_cannot_break_a_table(built: JobStore) -> None:
    text = render_markdown(gather(built, beside(built), synthetic.CAMPAIGN))
    assert "&lt;img src=x" in text
    assert "<img" not in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) > 8
    for table in tables:
        widths = {line.replace(r"\|", "").count("|") for line in table.splitlines()}
        assert len(widths) == 1


def test_active_learning_is_offered_where_the_potential_is_poor() -> None:
    compared = {
        "method": "toy",
        "x": 0.7,
        "parent": "beta-Li3PS4",
        "n_removed": 1,
        "removed": "Li2S",
        "reference_energies": [-4.0, None],
        "mean_absolute_error": 3.0,
        "rank_correlation": 0.9,
    }

    def notes(needs: dict[str, bool]) -> list[str]:
        jobs = [
            JobOutput(
                formula,
                "compare",
                "sampling",
                None,
                compared | {"formula": formula, "needs_active_learning": poor},
            )
            for formula, poor in needs.items()
        ]
        return [b.text for b in search_section([], jobs).blocks if isinstance(b, Note)]

    assert notes({"Li22P8S31": False, "Li20P8S30": False}) == []
    (offered,) = notes({"Li22P8S31": False, "Li20P8S30": True})
    assert "Li20P8S30" in offered
    assert "Li22P8S31" not in offered
    assert "`active_learning.rounds`" in offered


def test_every_search_counts_whatever_it_is_called(job_store: JobStore) -> None:
    """Two of one name were one, in the chart and in its numbers."""
    synthetic.put_search(job_store)
    (search,) = checked_parts(
        job_store, synthetic.CAMPAIGN, EvolutionDocument, load=True
    )
    falling = search.output | {"last_fall": 0.01}
    searches = [
        replace(search, uuid=parent, output=falling | {"parent": parent})
        for parent in ("beta-Li3PS4", "gamma-Li3PS4")
    ]
    explored = replace(searches[0], uuid="explored", stage="active learning")
    blocks = search_section([*searches, explored], []).blocks
    chart = next(block for block in blocks if isinstance(block, Chart))
    assert "of 3 searches by" in chart.caption
    assert f"{3 * falling['n_evaluations']} relaxations" in chart.caption
    assert len(chart.figure.data) == 3
    (note,) = (block.text for block in blocks if isinstance(block, Note))
    # what a round of active learning explored need not have ended
    assert "2 searches of 2, dotted" in note


def test_a_gap_that_no_draw_confirms_has_a_probability() -> None:
    """0 was taken for none."""
    gap = HullInterval(
        x_start=0.5,
        x_end=0.667,
        vertices=("LiPS3", "Li4P2S7"),
        status="gap",
        probability=0.0,
        n_sampled=2,
        depth=0.03,
        margin=0.02,
        largest_unsampled=0.06,
        tolerance=0.005,
    )
    for probability, said in ((0.0, "probability 0.00"), (None, "no probability")):
        part = gap.model_copy(update={"probability": probability})
        assert f", {said}" in _stretch(part)


def test_a_bulk_modulus_goes_by_its_structure_with_its_error() -> None:
    """A glass-ceramic carried the name of the crystal it descends from."""
    shared = {"volumes": [], "energies": [], "rmse": 0.0, "settings": {}}
    shared |= {"bulk_modulus": 15.4, "bulk_modulus_error": 0.0412, "volume": 20.0}
    shared |= {"pressure_derivative": 4.0, "x": None, "relaxed_ions": True}
    shared |= {"campaign": "c", "method": "m", "source_digest": ""}
    documents = [
        ElasticityDocument(
            elasticity_id=formula,
            formula=formula,
            source=source,
            parent="beta-Li3PS4",
            trusted=note is None,
            note=note,
            **shared,
        )
        for formula, source, note in (
            ("Li12P4S16", "crystal", None),
            ("Li84P32S122", "ga", "the minimum lies outside"),
        )
    ]
    (table,) = elasticity_section(documents).blocks
    assert isinstance(table, Table)
    value = "15.40 ± 0.041"
    assert [(row[0], row[2], row[-1]) for row in table.rows] == [
        ("beta-Li3PS4", value, "yes"),
        ("gc-Li42P16S61", value, "no: the minimum lies outside"),
    ]


def test_before_the_builders_the_campaigns_own_verdicts_are_shown(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_selection(job_store)
    text = written(job_store, tmp_path)
    assert "| Li22P8S31 | 0.733 | yes, rank 1 | - | met: 28.0, at most 30.0 |" in text
    assert "gc-Li22P8S31 (candidate)" in text
    assert candidate_section([], []).blocks == []
