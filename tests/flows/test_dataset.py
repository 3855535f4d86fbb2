import json

import numpy as np
import pytest
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder, MontyEncoder

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings, MDSettings, get_engine
from lps_flows.flows.dataset import DatasetFlowMaker
from lps_flows.jobs.dataset_settings import DatasetError, DatasetSettings
from lps_flows.jobs.export import export_structures
from lps_flows.jobs.reference import ReferenceStaticMaker
from lps_flows.schemas import Provenance
from tests.engines.stub import stub_engine

SETTINGS = DatasetSettings(
    isotropic_strains=(-0.05, 0.05),
    n_strained=1,
    n_rattled=2,
    rattle=0.1,
    n_removed=2,
    max_removed_fraction=0.5,
    n_trajectories=2,
    md_temperature=600,
    md_steps=20,
    n_snapshots=2,
    relaxation_steps=5,
    relaxation_frames=2,
    target_atoms=16,
    min_distance=1.0,
)
KEYS = ("gamma-Li3PS4", "Li2S")


def run(maker):
    """Reference documents of the crystals, then the flow; sets in its order."""
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    crystals = {
        key: ReferenceStaticMaker(engine=maker.label.engine).make(
            crystal(key), Provenance(source="crystal", parent=key)
        )
        for key in KEYS
    }
    flow = maker.make({key: made.output for key, made in crystals.items()})
    run_locally(
        Flow([*crystals.values(), flow]),
        store=store,
        create_folders=False,
        log=False,
        ensure_success=True,
    )
    return [
        MontyDecoder().process_decoded(store.get_output(ref.uuid, load=True))
        for ref in flow.output
    ]


@pytest.fixture(scope="module")
def sets():
    return run(DatasetFlowMaker.from_settings(stub_engine(), SETTINGS))


def test_whole_set_is_labelled_by_one_method(sets):
    entries = [entry for labelled in sets for entry in labelled.entries]
    assert {entry.method for entry in entries} == {"stub-lj"}
    assert not any(labelled.failures for labelled in sets)
    counts = {
        source: sum(entry.provenance.source == source for entry in entries)
        for source in ("strained", "rattled", "md")
    }
    # two crystals of 3 strained and 2 rattled; one parent of 2 removals and
    # 2 trajectories of 2 snapshots, each relaxation giving 2 frames
    assert counts == {"strained": 6, "rattled": 4 + 4, "md": 8}
    assert all(np.isfinite(entry.energy) for entry in entries)


def test_what_one_set_holds_joins_another_as_it_is(sets, tmp_path):
    given = [entry for labelled in sets for entry in labelled.entries]
    export_structures(given, tmp_path, "extxyz")
    fewer = {"n_trajectories": 0, "n_removed": 0, "n_rattled": 0}
    fewer["labelled"] = (str(tmp_path / "structures.extxyz"),)
    settings = SETTINGS.model_copy(update=fewer)
    joined, *made = run(DatasetFlowMaker.from_settings(stub_engine(), settings))
    assert joined.n_evaluations == 0
    assert [e.energy for e in joined.entries] == pytest.approx(
        [e.energy for e in given]
    )
    assert [e.provenance.group for e in joined.entries] == [
        e.provenance.group for e in given
    ]
    assert sum(s.n_structures for s in made) == 6


def test_engine_with_jobs_of_its_own_labels_the_same_set(sets):
    settings = SETTINGS.model_copy(update={"n_trajectories": 0, "n_removed": 0})
    engine = stub_engine(batched=False)
    others = run(DatasetFlowMaker.from_settings(engine, settings))
    batched = [s for s in sets if s.entries[0].provenance.source == "strained"]
    for one, other in zip(batched, others, strict=True):
        assert [e.energy for e in one.entries] == pytest.approx(
            [e.energy for e in other.entries]
        )


def test_snapshots_come_from_runs_at_the_asked_temperature(sets):
    settings = SETTINGS.model_copy(
        update={
            "n_trajectories": 1,
            "md_steps": 150,
            "n_snapshots": 3,
            "n_removed": 0,
            "relax_snapshots": False,
            "target_atoms": 32,
            "md_chunk_steps": 100,
        }
    )
    md = MDSettings(damping_time=20.0)
    maker = DatasetFlowMaker.from_settings(stub_engine(), settings, md=md)
    entries = run(maker)[1].entries
    details = [entry.provenance.details for entry in entries]
    assert [fact["time"] for fact in details] == [50.0, 100.0, 150.0]
    assert {fact["n_steps"] for fact in details} == {150}
    assert details[0]["mean_temperature"] == pytest.approx(600, rel=0.2)
    start = crystal("gamma-Li3PS4")
    assert {len(entry.structure) for entry in entries} == {32}
    assert all(not entry.structure.site_properties for entry in entries)
    assert abs(entries[0].structure.volume / 32 - start.volume / 16) < 1e-9


def test_frames_of_one_trajectory_share_a_group(sets):
    groups = [
        {entry.provenance.group for entry in labelled.entries}
        for labelled in sets
        if labelled.entries[0].provenance.source == "md"
    ]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(*groups)) == 2


def test_maker_survives_the_store():
    maker = DatasetFlowMaker.from_settings(stub_engine(), SETTINGS)
    text = json.dumps(maker, cls=MontyEncoder)
    assert json.loads(text, cls=MontyDecoder) == maker


def test_jobs_stay_small():
    maker = DatasetFlowMaker.from_settings(stub_engine(), SETTINGS)
    document = ReferenceStaticMaker(engine=stub_engine()).make(
        crystal("gamma-Li3PS4"), Provenance(source="crystal")
    )
    flow = maker.make({"gamma-Li3PS4": document.output})
    sizes = [len(json.dumps(job, cls=MontyEncoder)) for job, _ in flow.iterflow()]
    assert max(sizes) < 20_000


def test_parents_default_to_crystals_with_both_end_members():
    keys = ["gamma-Li3PS4", "Li2S", "P2S5", "Li48P16S61", "my-own-crystal"]
    maker = DatasetFlowMaker.from_settings(stub_engine(), SETTINGS)
    assert maker.parents(keys) == ("gamma-Li3PS4", "my-own-crystal")


def test_unknown_parent_is_refused_before_anything_runs():
    settings = SETTINGS.model_copy(update={"removal_parents": ("delta-Li3PS4",)})
    maker = DatasetFlowMaker.from_settings(stub_engine(), settings)
    with pytest.raises(DatasetError, match="delta-Li3PS4"):
        maker.make({"gamma-Li3PS4": None})


def test_files_cannot_join_what_a_potential_labels_that_only_a_job_names():
    uuid = "49e2ae34-b5c2-42d5-91e8-b7bbd2d4f8e4"
    settings = SETTINGS.model_copy(update={"labelled": ("any.extxyz",)})
    engine = get_engine(EngineSettings(name="ann", potential=uuid))
    maker = DatasetFlowMaker.from_settings(engine, settings)
    with pytest.raises(DatasetError, match=uuid):
        maker.make({"gamma-Li3PS4": None})
