"""The page of one candidate, for the bench."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from jobflow import JobStore

from lps_flows.builders import read_results
from lps_flows.report import gather
from lps_flows.report.sheet import candidate_sheets, candidate_table
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.results import Results
from tests.report import synthetic
from tests.report.conftest import beside

LI42 = CandidateDocument(
    candidate_id="c|m|Li42P16S61",
    campaign="c",
    method="m",
    source_digest="",
    formula="Li42P16S61",
    x=42 / 58,
    structure_id="gc",
    energy_above_hull=0.028,
    criteria=[],
    chosen=True,
    rank=1,
    settings={},
)


def test_what_is_weighed_in_makes_the_composition() -> None:
    facts = dict(candidate_table(Results(), LI42, {}).rows)
    # 21 Li2S of 45.94 g/mol and 8 P2S5 of 222.25 g/mol
    assert facts["weigh in for 1 g"] == "0.3518 g Li2S and 0.6482 g P2S5"
    assert facts["composition"].startswith("72.41 mol % Li2S, 27.59 mol % P2S5")
    assert facts["verdict"] == "candidate"
    assert facts["conductivity at 25 °C"] == "not computed"


def test_the_sheet_says_what_the_campaign_knows(built: JobStore) -> None:
    results = read_results(built, campaign=synthetic.CAMPAIGN, store=beside(built))
    candidate = min(results.candidates, key=lambda c: c.energy_above_hull)
    known = results.transport[0].model_copy(
        update={
            "structure_id": candidate.structure_id,
            "covariance": [[0.01, 0.0], [0.0, 0.0009]],
            "trusted": True,
        }
    )
    # of the same name, and later: what is not trusted, and what is of other atoms
    broken = {
        "conductivity": 1.0,
        "last_updated": known.last_updated + timedelta(hours=1),
    }
    others = [
        known.model_copy(update={**broken, "trusted": False}),
        known.model_copy(update={**broken, "structure_id": "another"}),
    ]
    results = replace(results, transport=[others[0], known, others[1]])
    structures = gather(built, beside(built), synthetic.CAMPAIGN).structures
    facts = dict(candidate_table(results, candidate, structures).rows)
    # 12.3 mS/cm at 300 K with 0.25 eV
    assert facts["conductivity at 25 °C"].startswith("11.7 mS/cm (68 %: ")
    assert "900, 1200 K, 100 ps each" in facts["it rests on"]
    density = structures[candidate.structure_id].record.structure.density
    assert facts["density"].startswith(f"{density:.2f} g/cm³")
    assert "% PS4" in facts["motifs"]
    assert facts["maxima of S(Q), neutrons"].endswith("1/Å")
    assert facts["maxima of S(Q), X-rays"].count(",") > 2
    files = {file.name: file for file in candidate_sheets(results, structures)}
    printed = next(f for name, f in files.items() if name.endswith(".pdf"))
    assert printed.content.startswith(b"%PDF")
    assert printed.content.count(b"/Type /Page ") == 1
    page = next(f for name, f in files.items() if name.endswith(".html"))
    assert facts["weigh in for 1 g"] in page.content.decode()
    assert b"data:image/png" in page.content


def test_sheets_are_among_the_files_of_the_report(built: JobStore) -> None:
    content = gather(built, beside(built), synthetic.CAMPAIGN)
    names = [f.name for f in content.downloads if f.name.startswith("sheet_")]
    wanted = [c for c in content.results.candidates if c.outcome != "no"] or [None]
    assert len(names) == 2 * len(wanted)
    # nothing fetched, nothing run
    page = next(f for f in content.downloads if f.name.endswith(".html"))
    assert b"default-src 'none'" in page.content
    assert b"<script" not in page.content
