"""The page as a file: what it says, and what it lets nobody do."""

from __future__ import annotations

import base64
import csv
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ase.io import read
from jobflow import JobStore
from pymatgen.core import Structure

from lps_flows.builders.transport import read_transport
from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report import write_report
from lps_flows.report.blocks import Table
from lps_flows.report.page import script_json
from lps_flows.report.picture import picture
from lps_flows.report.sections.overview import failure_section
from lps_flows.report.sections.transport import transport_section
from tests.report import synthetic
from tests.report.conftest import HOSTILE, beside


def download(page: str, name: str) -> bytes:
    found = re.search(rf'download="{re.escape(name)}" href="data:[^,]*,([^"]*)"', page)
    assert found, name
    return base64.b64decode(found[1])


@pytest.fixture(scope="module")
def page(report_file: Path) -> str:
    return report_file.read_text(encoding="utf-8")


def test_every_section_is_there_and_missing_ones_say_so(page: str) -> None:
    titles = re.findall(r"<h2 id=\"[a-z-]+-title\">([^<]+)</h2>", page)
    assert titles == [
        "Findings",
        "Phase diagram",
        "Candidates",
        "Stability against lithium and voltage",
        "Motifs and distances",
        "What a diffractometer shows",
        "Similarity and classes",
        "Potential",
        "Sampling",
        "Conductivity",
        "How the ions move",
        "Elasticity",
        "What temperature does to the hull",
        "Failures and rejections",
        "How this was made",
        "Downloads",
    ]
    assert "No equation of state and no elastic tensor has been computed." in page


def test_a_page_of_nothing_is_honest(job_store: JobStore, tmp_path: Path) -> None:
    file = write_report(job_store, beside(job_store), "nothing", tmp_path / "r.html")
    page = file.read_text()
    assert page.count('<span class="badge missing">not run</span>') == 14
    assert "Nothing to download yet" in page


def test_before_the_builders_the_diagram_is_marked_provisional(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_crystals(job_store)
    file = write_report(
        job_store, beside(job_store), synthetic.CAMPAIGN, tmp_path / "r.html"
    )
    assert "Provisional: the builders have not run" in file.read_text()


def test_numbers_are_those_of_the_store(page: str, built: JobStore) -> None:
    rows = list(csv.DictReader(io.StringIO(download(page, "points.csv").decode())))
    store = beside(built)("phase_diagram_entries")
    stored = {
        entry["structure_id"]: entry
        for entry in store.query({"campaign": synthetic.CAMPAIGN})
        if entry["x"] is not None
    }
    assert {row["structure_id"] for row in rows} == set(stored)
    for row in rows:
        entry = stored[row["structure_id"]]
        assert float(row["energy_above_hull (meV/atom)"]) == pytest.approx(
            1000 * entry["line"]["energy_above_hull"], abs=1e-5
        )
        assert float(row["x"]) == pytest.approx(entry["x"], abs=1e-6)


def test_downloads_can_be_read_back(page: str) -> None:
    images = read(
        io.StringIO(download(page, "structures.extxyz").decode()), ":", format="extxyz"
    )
    assert all(image.get_potential_energy() < 0 for image in images)
    for name, ending in (("structures-xsf.zip", "xsf"), ("structures-cif.zip", "cif")):
        archive = zipfile.ZipFile(io.BytesIO(download(page, name)))
        assert len(archive.namelist()) == len(images)
        assert all(member.endswith(f".{ending}") for member in archive.namelist())
        assert not any("/" in member or ".." in member for member in archive.namelist())
    cif = archive.read(next(m for m in archive.namelist() if "beta" in m)).decode()
    assert Structure.from_str(cif, fmt="cif").composition.reduced_formula == "Li3PS4"


def test_nothing_in_a_document_becomes_html(page: str) -> None:
    assert HOSTILE not in page
    assert "<img src=x" not in page


def test_nothing_is_fetched(page: str) -> None:
    assert "default-src 'none'" in page
    tags = re.findall(
        r"<(?:script|link|img|iframe)\b[^>]*>", page.split("<script", 1)[0]
    )
    assert not any("http" in tag for tag in tags)


def test_json_cannot_close_its_script() -> None:
    assert "<" not in script_json({"a": "</script><script>"})


def test_table_1_stands_beside_the_papers(page: str, tmp_path: Path) -> None:
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page.split('id="conductivity"')[1])
    assert cells[:6] == [
        "beta-Li3PS4",
        "ann-0123456789",
        "0.250 (0.220 to 0.280)",
        "0.236",
        "12.3 (5 to 30)",
        "14.3",
    ]
    assert "extrapolated from 900 K to 300 K" in page
    assert "too few jumps" in page
    assert cells.count("not run here") == 3  # the paper's other structures


def test_another_line_is_not_set_beside_the_paper(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_transport(job_store)
    line = CompositionLine(end_members=("Na2S", "P2S5"))
    page = write_report(
        job_store, beside(job_store), synthetic.CAMPAIGN, tmp_path / "r.html", line=line
    ).read_text()
    assert "0.250 (0.220 to 0.280)" in page
    assert "Guo, Wang" not in page
    assert "not run here" not in page


def test_every_figure_and_table_names_method_and_number(page: str) -> None:
    captions = re.findall(r"<(?:figcaption|summary|p class=\"caption\")>([^<]+)<", page)
    assert len(captions) > 15
    figures = re.findall(r"<figcaption>([^<]+)<", page)
    assert len(figures) >= 7
    for caption in figures:
        assert re.search(
            r"by (synthetic-1|ann-0123456789)|trained on synthetic-1|of ann", caption
        ), caption
        assert re.search(
            r"\d+ (relaxed )?(structure|search|relaxation|run|composition)",
            caption,
        ), caption


def test_relaxations_that_stopped_early_are_failures() -> None:
    output = {"relaxed": True, "converged": False, "method": "m-1", "formula": "Li2S"}
    job = JobOutput("a", "relax Li2S", "crystals", None, output)
    table = failure_section(None, [job], [], []).blocks[0]
    assert isinstance(table, Table)
    assert table.rows == [("relax Li2S", "Li2S")]
    assert "m-1" in table.caption


def test_anions_are_drawn_whole() -> None:
    structure, line = crystal("Li7P3S11"), CompositionLine()
    drawn = picture(structure, line.formers, line.anions)
    assert drawn["bonded"] == ["P", "S"]
    assert np.allclose(
        np.reshape(drawn["cell"], (3, 3)).T, structure.lattice.matrix, atol=1e-3
    )
    number, _, *lines = drawn["xyz"].splitlines()
    assert int(number) == len(lines) > len(structure)
    symbols = [line.split()[0] for line in lines]
    places = np.array([[float(x) for x in line.split()[1:]] for line in lines])
    inside = structure.lattice.get_fractional_coords(places[: len(structure)])
    assert (inside > -1e-3).all()
    assert (inside < 1 + 1e-3).all()
    for symbol, place in zip(symbols[: len(structure)], places, strict=False):
        near = np.linalg.norm(places - place, axis=1) < 2.4
        if symbol == "P":
            assert sorted(np.array(symbols)[near]) == ["P", "S", "S", "S", "S"]


def test_a_message_counts_jobs_instead_of_naming_them(job_store: JobStore) -> None:
    synthetic.put_transport(job_store)
    ids = [synthetic.uuid(f"chunk {k}") for k in range(8)]
    found = read_transport(job_store, synthetic.CAMPAIGN)[0]
    run = found.runs[0].model_copy(
        update={"reason": f"chunk_uuids = {ids}: d = 0.48177945497"}
    )
    section = transport_section([found.model_copy(update={"runs": [run]})])
    (table,) = [
        b for b in section.blocks if isinstance(b, Table) and b.header[-1] == "reason"
    ]
    assert table.rows[0][-1] == "chunk_uuids = 8 jobs: d = 0.4818"
