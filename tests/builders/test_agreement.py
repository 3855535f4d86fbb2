"""Builders, the job that selects and the live page say the same of one store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jobflow import JobStore

from lps_flows.analysis import HullSettings
from lps_flows.builders import BuildSettings, build_all
from lps_flows.builders.results import as_far_as_known
from lps_flows.chemistry import crystal
from lps_flows.jobs.selection import SelectionMaker
from lps_flows.jobs.structures import relaxed_heads
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.results import Results
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
    put(store, "searched", _sampling(uuids["quenched"], document(quenched, -0.1, made)))
    return uuids


def _sampling(uuid: str, found: StructureDocument) -> SamplingDocument:
    """Two searches of a composition, which do not agree and had not ended."""
    energy = found.energy_per_atom
    return SamplingDocument(
        method=METHOD,
        potential_method="ann",
        parent="any",
        removed="Li2S",
        n_removed=1,
        formula=found.formula,
        x=found.x,
        structure_uuids=[uuid],
        ann_energies=[energy - 0.01],
        ann_stds=[None],
        reference_energies=[energy],
        mean_absolute_error=10.0,
        rank_correlation=None,
        best_energies=[energy, energy + 0.004],
        search_error=0.004,
        still_falling=True,
        needs_active_learning=False,
    )


def _selected(
    store: JobStore, uuids: dict[str, str], settings: BuildSettings
) -> SelectionDocument:
    """Run the job that selects, as a campaign does."""

    def output(name: str) -> StructureDocument:
        return StructureDocument.from_store(store.get_output(uuids[name], load=True))

    glasses = [name for name in uuids if name not in {*FORMATION, "set"}]
    documents = {name: output(name) for name in glasses}
    sampled = [_sampling(uuids[name], found) for name, found in documents.items()]
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
    said = {
        verdict.formula_pretty: verdict.model_dump() for verdict in selection.criteria
    }
    assert said == {
        built["formula_pretty"]: {
            field: built[field] for field in said[built["formula_pretty"]]
        }
        for built in candidates
    }

    heads = relaxed_heads(job_store, CAMPAIGN)
    live = as_far_as_known(Results(), heads, settings.hull, job_store=job_store)
    assert live.provisional
    assert live.diagram is not None
    assert live.diagram.errors.ann == pytest.approx(0.01)
    assert all(v.probability is not None for v in selection.criteria)
    same = ("metastable_hull", "compositions", "errors", "end_members", "n_structures")
    for field in same:
        shown = live.diagram.model_dump()[field]
        assert _plain(shown) == _plain(diagram[field]), field
    entries = {e["structure_id"]: e for e in read(job_store, "phase_diagram_entries")}
    assert len(entries) == len(live.entries)
    for entry in live.entries:
        built = entries[entry.structure_id]
        for field in (
            "x",
            "energy_above_hull",
            "formation_energy_per_atom",
            "glass",
            "line",
        ):
            assert _plain(entry.model_dump()[field]) == _plain(built[field]), field


def _plain(value: Any) -> Any:
    """What MongoDB makes of it: lists instead of tuples."""
    return json.loads(json.dumps(value))


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
