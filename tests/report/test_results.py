"""The result folder: complete, partial and empty campaigns."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.builders import KEYS
from lps_flows.report import write_results
from lps_flows.report.documents import JobOutput
from lps_flows.report.summary import sampling_text
from tests.report import synthetic


def result_store(collection: str) -> MemoryStore:
    store = MemoryStore(collection, key=KEYS[collection])
    store.connect()
    return store


def read_rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "hull.csv").open(newline="") as stream:
        return {row["label"]: row for row in csv.DictReader(stream)}


def test_empty_campaign_says_that_nothing_has_run(
    job_store: JobStore, tmp_path: Path
) -> None:
    written = write_results(job_store, result_store, "nothing", tmp_path / "new")
    text = (tmp_path / "new" / "summary.md").read_text()
    assert {file.name for file in written} == {"summary.md", "captions.md"}
    assert text.count("has not run yet") == 5


def test_hull_table_sets_the_papers_value_beside_ours(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_crystals(job_store)
    synthetic.put_glasses(job_store)
    write_results(job_store, result_store, synthetic.CAMPAIGN, tmp_path)
    rows = read_rows(tmp_path)
    for key, value in synthetic.CRYSTALS.items():
        assert float(rows[key]["e_above_hull"]) == pytest.approx(value, abs=1e-3)
    assert float(rows["beta-Li3PS4"]["paper_e_above_hull"]) == 3.2
    assert rows["LiPS3"]["paper_e_above_hull"] == ""
    glasses = [row for label, row in rows.items() if label.startswith("gc-")]
    assert {row["n_structures"] for row in glasses} == {"4"}
    text = (tmp_path / "summary.md").read_text()
    assert "| Li7P3S11 | 0.700 | 17.2 | 17.2 |" in text


def test_missing_end_member_is_said(job_store: JobStore, tmp_path: Path) -> None:
    synthetic.put_crystals(job_store, {"Li2S": 0.0, "gamma-Li3PS4": 0.0})
    write_results(job_store, result_store, synthetic.CAMPAIGN, tmp_path)
    assert "P2S5" in (tmp_path / "summary.md").read_text()
    assert not (tmp_path / "hull.csv").exists()


def test_other_campaigns_stay_out(job_store: JobStore, tmp_path: Path) -> None:
    synthetic.put_crystals(job_store)
    document = synthetic.glasses(1)[0][1]
    synthetic.put(job_store, "other", "sampling", document, campaign="other")
    write_results(job_store, result_store, synthetic.CAMPAIGN, tmp_path)
    assert set(read_rows(tmp_path)) == set(synthetic.CRYSTALS)


def test_conductivity_comes_with_figures_and_table(
    job_store: JobStore, tmp_path: Path
) -> None:
    synthetic.put_transport(job_store)
    written = write_results(job_store, result_store, synthetic.CAMPAIGN, tmp_path)
    folder = tmp_path / "conductivity"
    names = {file.name for file in written if file.parent == folder}
    assert {"figS2_msd.png", "fig8a_arrhenius.png", "table_1.csv"} <= names
    text = (tmp_path / "summary.md").read_text()
    assert "![fig8a_arrhenius](conductivity/fig8a_arrhenius.png)" in text


def test_active_learning_is_offered_where_the_potential_is_poor() -> None:
    compared = {
        "x": 0.7,
        "parent": "beta-Li3PS4",
        "n_removed": 1,
        "removed": "Li2S",
        "reference_energies": [-4.0, None],
        "mean_absolute_error": 3.0,
        "rank_correlation": 0.9,
    }

    def text(needs: dict[str, bool]) -> str:
        return sampling_text(
            [
                JobOutput(
                    formula,
                    "compare",
                    "sampling",
                    None,
                    compared | {"formula": formula, "needs_active_learning": poor},
                )
                for formula, poor in needs.items()
            ]
        )

    assert "active_learning" not in text({"Li22P8S31": False, "Li20P8S30": False})
    offered = text({"Li22P8S31": False, "Li20P8S30": True}).split("\n\n")[1]
    assert "Li20P8S30" in offered
    assert "Li22P8S31" not in offered
    assert "`active_learning.rounds`" in offered
