"""Builders, the job that selects and the live page say the same of one store."""

from __future__ import annotations

import pytest
from jobflow import JobStore
from lps_flows.report.diagram import provisional_diagram

from lps_flows.analysis import HullSettings
from lps_flows.builders import BuildSettings, build_all
from lps_flows.chemistry import crystal
from lps_flows.jobs.outputs import relaxed_heads
from lps_flows.jobs.selection import SelectionMaker
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.selection import SelectionDocument
from tests.builders.toy_campaign import (
    CAMPAIGN,
    FORMATION,
    METHOD,
    SETTINGS,
    document,
    fill,
    glass,
    put,
    rattled,
    read,
)


def _fill(store: JobStore) -> dict[str, str]:
    """The toy campaign, and what each of the three once saw with other eyes.

    A relaxation that stopped early below everything else; a relaxed frame in a set of
    labels that lies below its crystal; a glass that holds no lithium; a glass of a
    source that counts only when it is asked for.
    """
    uuids = fill(store)
    structure, provenance = glass("beta-Li3PS4", 1, 77)
    unfinished = document(structure, -0.3, provenance)
    uuids["unfinished"] = put(
        store, "unfinished", unfinished.model_copy(update={"converged": False})
    )
    frame = rattled(structure, 3)
    lower = document(
        rattled(crystal("gamma-Li3PS4"), 1, 0.05),
        -0.20,
        Provenance(source="md", parent="gamma-Li3PS4"),
    )
    labels = [lower, document(frame, 0.1, Provenance(source="md"), relaxed=False)]
    put(store, "labels", StructureSet(method=METHOD, n_structures=2, entries=labels))
    bare = document(rattled(crystal("P2S5"), 5), 0.05, Provenance(source="ga"))
    uuids["bare"] = put(store, "bare", bare)
    quenched, _ = glass("gamma-Li3PS4", 2, 78)
    made = Provenance(source="melt-quench", parent="gamma-Li3PS4")
    uuids["quenched"] = put(store, "quenched", document(quenched, -0.14, made))
    return uuids


def _selected(
    store: JobStore, uuids: dict[str, str], settings: BuildSettings
) -> SelectionDocument:
    """Run the job that selects, as a campaign does."""

    def output(name: str) -> StructureDocument:
        return StructureDocument.from_store(store.get_output(uuids[name], load=True))

    glasses = [name for name in uuids if name not in {*FORMATION, "set"}]
    documents = {name: output(name) for name in glasses}
    sampled = [
        SamplingDocument(
            method=METHOD,
            potential_method="ann",
            parent="any",
            removed="Li2S",
            n_removed=1,
            formula=found.formula,
            x=found.x,
            structure_uuids=[uuids[name]],
            ann_energies=[found.energy_per_atom],
            ann_stds=[None],
            reference_energies=[found.energy_per_atom],
            mean_absolute_error=None,
            rank_correlation=None,
            needs_active_learning=False,
        )
        for name, found in documents.items()
    ]
    job = SelectionMaker(
        rule=settings.candidates,
        hull=settings.hull,
        fingerprints=settings.fingerprints,
        clusters=settings.clusters,
    ).make(
        {key: output(key) for key in FORMATION},
        {key: uuids[key] for key in FORMATION},
        sampled,
    )
    job.update_metadata({"campaign": CAMPAIGN})
    selection = job.run(store).output
    assert isinstance(selection, SelectionDocument)
    return selection


@pytest.mark.parametrize(
    "hull",
    [
        {},
        {"require_converged": True},
        {"glass_sources": ["ga"]},
        {"gap_tolerance": 0.0, "require_converged": True},
    ],
)
def test_three_callers_agree(job_store: JobStore, hull: dict) -> None:
    uuids = _fill(job_store)
    settings = SETTINGS.model_copy(update={"hull": HullSettings.model_validate(hull)})
    build_all(job_store, settings)
    (diagram,) = read(job_store, "phase_diagrams")
    candidates = read(job_store, "candidates")
    assert candidates

    selection = _selected(job_store, uuids, settings)
    said = {verdict.formula: verdict.model_dump() for verdict in selection.criteria}
    assert said == {
        built["formula"]: {field: built[field] for field in said[built["formula"]]}
        for built in candidates
    }

    live = provisional_diagram(relaxed_heads(job_store, CAMPAIGN), settings.hull)
    assert live is not None
    assert [part.status for part in live.intervals] == [
        part["status"] for part in diagram["metastable_hull"]
    ]
    for shown, built in zip(live.intervals, diagram["metastable_hull"], strict=True):
        assert (shown.x_start, shown.x_end) == (built["x_start"], built["x_end"])
        assert (shown.depth, shown.n_sampled) == (built["depth"], built["n_sampled"])
    entries = read(job_store, "phase_diagram_entries")
    assert {point.structure_id: point.e_above_hull for point in live.points} == {
        entry["structure_id"]: entry["e_above_hull"]
        for entry in entries
        if entry["line"] is not None
    }
    assert {point.structure_id for point in live.points if point.on_hull} == {
        entry["structure_id"]
        for entry in entries
        if entry["line"] is not None and entry["line"]["on_hull"]
    }


def test_what_did_not_converge_goes_into_dynamics_only_when_it_counts(
    job_store: JobStore,
) -> None:
    uuids = _fill(job_store)
    for strict in (False, True):
        hull = HullSettings(require_converged=strict)
        settings = SETTINGS.model_copy(update={"hull": hull})
        chosen = {
            v.structure_id for v in _selected(job_store, uuids, settings).criteria
        }
        assert (uuids["unfinished"] in chosen) is not strict
