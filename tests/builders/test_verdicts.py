"""What a campaign decides where the paper's way of deciding would be misled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jobflow import JobStore
from monty.json import jsanitize
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from lps_flows.builders import BuildSettings, build_all, read_results
from lps_flows.chemistry import crystal, remove_units
from lps_flows.report.sections.phase_diagram import phase_diagram_section
from lps_flows.schemas import Provenance
from lps_flows.schemas.evolution import EvolutionDocument, GenerationDocument
from lps_flows.schemas.phase_diagram import LACKING, PhaseDiagramDocument
from tests.builders.toy_campaign import document, fill, glass, put, rattled, read


def _built(store: JobStore, **settings: Any) -> tuple[dict, dict[str, dict]]:
    """Return the diagram, and the verdicts by formula."""
    build_all(store, BuildSettings.model_validate(settings))
    (diagram,) = read(store, "phase_diagrams")
    return diagram, {v["formula_pretty"]: v for v in read(store, "candidates")}


def _in_classes(verdict: dict) -> dict:
    (criterion,) = [c for c in verdict["criteria"] if c["name"].startswith("class")]
    return criterion


@pytest.mark.parametrize(("n_clusters", "counts"), [(2, False), (9, True)])
def test_classes_that_cannot_discriminate_are_not_used(
    job_store: JobStore, n_clusters: int, counts: bool
) -> None:
    """With two classes one holds nearly everything; nine tell the crystals apart."""
    fill(job_store)
    _, verdicts = _built(job_store, clusters={"n_clusters": n_clusters})
    (model,) = read(job_store, "cluster_models", element="Li")
    classes = model["reference_classes"]
    beta = model["labels"].index(classes["beta-Li3PS4"])
    meaningful = (
        model["stability"] >= 0.8
        and classes["beta-Li3PS4"] != classes["gamma-Li3PS4"]
        and 2 * model["sizes"][beta] <= sum(model["sizes"])
    )
    assert sum(model["sizes"]) == model["n_structures"]
    assert meaningful is counts
    for verdict in verdicts.values():
        criterion = _in_classes(verdict)
        assert criterion["counts"] is counts
        assert (criterion["passed"] is None) is not counts
        assert criterion["reason"].startswith("could not be used: ") is not counts
        similar = verdict["criteria"][2]
        assert similar["passed"] is (verdict["nearest"] == "beta-Li3PS4")


def test_the_ternary_diagram_says_what_it_does_not_know(job_store: JobStore) -> None:
    fill(job_store, glasses=1)
    diagram, _ = _built(job_store)
    known = diagram["ternary_note"].removeprefix(LACKING).split(", ")
    assert {"Li3P", "Li3P7", "LiP", "P4S7"} <= set(known)
    assert not {"Li2S", "Li3PS4", "Li2PS3", "P"} & set(known)
    assert PhaseDiagramDocument.from_store(diagram).has_ternary


def test_no_gap_contains_a_stable_crystal(job_store: JobStore) -> None:
    fill(job_store, glasses=1)
    gamma = 0.75
    for n_removed, formation in ((1, -0.10), (2, -0.09), (3, -0.12)):
        structure, provenance = glass("LT-Li7PS6", n_removed, n_removed)
        found = document(structure, formation, provenance)
        put(job_store, f"rich-{n_removed}", found)
    diagram, verdicts = _built(job_store, hull={"gap_compositions": 1})
    parts = diagram["metastable_hull"]
    assert parts[0]["x_start"] < gamma < parts[-1]["x_end"]
    assert not any(part["x_start"] < gamma < part["x_end"] for part in parts)
    (left,) = [part for part in parts if part["x_end"] == gamma]
    assert left["vertices"][1] == "Li3PS4"
    summary = next(
        c for c in diagram["compositions"] if c["formula_pretty"] == "Li3PS4"
    )
    assert not summary["on_metastable_hull"]
    ends = [min(verdicts.values(), key=lambda v: v["x"])]
    ends.append(max(verdicts.values(), key=lambda v: v["x"]))
    for verdict in ends:
        assert verdict["criteria"][0]["passed"] is None
        assert not verdict["chosen"]


def _search(formula: str, falls: bool) -> EvolutionDocument:
    energies = [-4.0, -4.01, -4.02, -4.03 if falls else -4.02, -4.04 * falls or -4.02]
    generations = [
        GenerationDocument(
            index=k,
            newborn=[],
            population=[],
            best_energy_per_atom=energy,
            rejections={},
            weights={},
            tried={},
            entered={},
            generator_state={},
            n_evaluations=k,
            next_identifier=k,
            stale=0,
            restarts=0,
            stopped=None,
        )
        for k, energy in enumerate(energies)
    ]
    return EvolutionDocument(
        method="ann-1",
        parent="beta-Li3PS4",
        removed="Li2S",
        n_removed=1,
        formula=formula,
        x=0.7,
        nsites=60,
        settings={},
        relaxation={},
        end_members=("Li2S", "P2S5"),
        parent_structure=crystal("beta-Li3PS4"),
        n_generations=4,
        n_evaluations=4,
        best_energy_per_atom=energies[-1],
        rejections={},
        stopped="generations",
        generations=generations,
        lowest=[],
        uncertain=[],
    )


@pytest.mark.parametrize("falls", [False, True])
def test_a_search_that_had_not_ended_decides_nothing(
    job_store: JobStore, falls: bool
) -> None:
    """A composition 60 meV/atom too high is out, but only after a complete search."""
    fill(job_store, glasses=1)
    structure, provenance = glass("Li7P3S11", 2, 7)
    high = document(structure, -0.05, provenance)
    put(job_store, "high", high)
    left, origin = glass("Li7P3S11", 4, 8)
    put(job_store, "left", document(left, -0.12, origin))
    like = rattled(crystal("beta-Li3PS4"), 1, 0.02)
    put(job_store, "low", document(like, -0.18, Provenance(source="ga")))
    search = _search(high.formula, falls)
    assert search.still_falling is falls
    put(job_store, "search", jsanitize(search, strict=True, enum_values=True))
    # what explores for the potential's sake need not end
    explores = jsanitize(_search("Li22P8S31", True), strict=True, enum_values=True)
    put(job_store, "explores", explores, stage="active learning")
    diagram, verdicts = _built(job_store)
    reduced = structure.composition.reduced_formula
    assert diagram["errors"]["still_falling"] == ([reduced] if falls else [])
    verdict = verdicts[reduced]
    distance = verdict["criteria"][1]
    assert verdict["energy_above_hull"] > 0.03
    assert distance["passed"] is (None if falls else False)
    assert ("had not ended" in distance["reason"]) is falls
    assert not verdict["chosen"]
    open_parts = [p for p in diagram["metastable_hull"] if reduced in p["note"]]
    assert bool(open_parts) is falls
    assert all(part["status"] == "undecided" for part in open_parts)
    assert np.isfinite(verdict["energy_above_hull"])


def test_what_a_scan_off_the_line_reaches_has_its_place(job_store: JobStore) -> None:
    """A glass-ceramic structure without x: its energy above the ternary hull."""
    fill(job_store, glasses=2)
    structure = remove_units(crystal("Li7P3S11"), "1 S", 1, np.random.default_rng(0))
    origin = Provenance(source="ga", parent="Li7P3S11", removed="1 S", n_removed=1)
    uuid = put(job_store, "off", document(structure, 0.0, origin))
    _built(job_store, clusters={"n_clusters_range": [2, 6]})
    entries = read(job_store, "phase_diagram_entries")
    (off,) = (entry for entry in entries if entry["structure_id"] == uuid)
    assert (off["x"], off["glass"], off["line"]) == (None, True, None)
    phases = [
        PDEntry(
            Composition(e["composition"]),
            e["energy_per_atom"] * sum(e["composition"].values()),
            name=e["structure_id"],
        )
        for e in entries
    ]
    theirs = PhaseDiagram(phases).get_e_above_hull(
        next(phase for phase in phases if phase.name == uuid)
    )
    assert off["ternary"]["energy_above_hull"] == pytest.approx(theirs)
    assert uuid in {m["structure_id"] for m in read(job_store, "motifs")}
    assert uuid in {p["structure_id"] for p in read(job_store, "clusters")}
    section = phase_diagram_section(read_results(job_store))
    table = section.blocks[-1]
    assert f"gc-{off['formula_pretty']}" in {
        row[0].text.split(" (")[0] for row in table.rows
    }
