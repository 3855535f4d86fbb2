"""What the first section says of conductivities and candidates, in words."""

from __future__ import annotations

import pytest

from lps_flows.analysis import (
    ClassEvidence,
    CompositionEvidence,
    HullInterval,
    HullSettings,
    phase_diagram,
    select_candidates,
)
from lps_flows.report.blocks import Table
from lps_flows.report.hull_table import hull_rows
from lps_flows.report.sections.candidates import candidate_section
from lps_flows.report.sections.findings import findings
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.transport import TransportDocument
from tests.analysis.test_electrochemistry import heads
from tests.builders.test_conductivity_map import transport


def said(*documents: TransportDocument) -> str:
    return findings(Results(transport=documents), None, [])["conductivity"]


def test_the_best_conductor_is_the_best_of_those_that_are_trusted() -> None:
    text = said(
        transport("broken", 0.9, survived=False),
        transport("good", 0.01),
        transport("better", 0.02),
        transport("none", None),
    )
    assert text.startswith("better: 20 (10 to 40) mS/cm at 300 K")
    assert "extrapolated from 700 K and above" in text
    assert "It may rank" in text


@pytest.mark.parametrize(
    ("survived", "why"),
    [
        (False, "the framework broke in a run that it rests on"),
        (None, "whether the framework stayed intact is not known"),
    ],
)
def test_a_conductivity_that_is_not_trusted_says_why(
    survived: bool | None, why: str
) -> None:
    text = said(transport("a", 0.01, survived=survived))
    assert text.endswith(f"Not to be believed: {why}.")


def test_without_a_line_there_is_no_conductivity() -> None:
    assert said(transport("a", None)).startswith("None: ")
    assert said() == "Not computed yet."


def verdicts() -> list[CandidateDocument]:
    """Return one that fails and one that is undecided: the ends of what was sampled."""
    known = ClassEvidence(of_crystals={"beta-Li3PS4": 2})
    evidence = [
        CompositionEvidence(
            formula_pretty=formula,
            x=0.7,
            structure_id=formula,
            energy_above_hull=above,
            nearest="beta-Li3PS4",
            similarity=0.9,
        )
        for formula, above in (("Li3PS4", 0.01), ("LiPS3", 0.09))
    ]
    return [
        CandidateDocument(
            **dict(verdict),
            campaign="c",
            method="m",
            candidate_id=f"c|m|{verdict.formula_pretty}",
            source_digest="",
            settings={},
        )
        for verdict in select_candidates(evidence, [], known)
    ]


def test_what_is_undecided_is_told_from_what_fails() -> None:
    table = candidate_section(verdicts(), []).blocks[0]
    assert isinstance(table, Table)
    place = table.header.index("candidate")
    assert [row[place] for row in table.rows] == ["undecided", "no"]
    text = findings(Results(candidates=verdicts()), None, [])["candidates"]
    assert text == "none of 2 compositions; undecided: Li3PS4."


def test_of_each_crystal_and_glass_the_lowest_stands_in_the_table() -> None:
    known = heads()
    higher = [
        head.model_copy(
            update={
                "structure_id": f"above {head.structure_id}",
                "energy": head.energy + 0.08,
                "energy_per_atom": head.energy_per_atom + 0.08 / head.n_atoms,
            }
        )
        for head in known
    ]
    diagram, entries = phase_diagram([*known, *higher], HullSettings())
    rows = hull_rows(Results(diagram=diagram, entries=entries))
    found = {entry.structure_id: n for entry, n in rows}
    assert found == {"P2S5": 2, "Li3PS4": 2, "gc": 2, "Li2S": 2}
    assert [entry.structure_id for entry, _ in rows] == ["P2S5", "Li3PS4", "gc", "Li2S"]


def test_stretches_that_are_undecided_or_unsampled_are_named_and_sound_ones_not() -> (
    None
):
    diagram, entries = phase_diagram(heads(), HullSettings())
    part = HullInterval(
        x_start=0.5,
        x_end=0.667,
        vertices=("a", "b"),
        status="no gap",
        n_sampled=1,
        depth=0.001,
        margin=0.001,
        largest_unsampled=0.1,
        tolerance=0.005,
    )

    def text(*statuses: str) -> str:
        parts = [part.model_copy(update={"status": status}) for status in statuses]
        known = diagram.model_copy(update={"metastable_hull": parts})
        results = Results(diagram=known, entries=entries)
        return findings(results, None, [])["miscibility gaps"]

    assert text("no gap") == "None between the sampled compositions."
    assert text("undecided", "no gap", "unsampled") == (
        "undecided in 0.500 < x < 0.667; unsampled in 0.500 < x < 0.667."
    )
    assert text("gap").startswith("gap in 0.500 < x < 0.667, no probability")
    assert text().startswith("Not known")
