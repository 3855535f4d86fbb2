from dataclasses import replace

import numpy as np
import pytest
from ase.units import GPa
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.engines import EngineError, read_calculation
from lps_flows.jobs.labels import frames_on_the_way
from lps_flows.jobs.reference import (
    LabelMaker,
    ReferenceRelaxMaker,
    ReferenceStaticMaker,
    compute_structure,
)
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledStructure
from lps_flows.schemas.relaxation import RelaxationDocument
from tests.engines.stub import stub_engine

ORIGIN = Provenance(source="crystal", parent="gamma-Li3PS4")


@pytest.fixture
def store():
    return JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})


def outcome(flow, store, uuid, **kwargs):
    run_locally(flow, store=store, create_folders=False, log=False, **kwargs)
    return MontyDecoder().process_decoded(store.get_output(uuid, load=True))


@pytest.fixture
def cell():
    structure = crystal("gamma-Li3PS4")
    structure.perturb(0.1, seed=0)
    return structure


@pytest.fixture
def entries(cell):
    return [
        UnlabelledStructure(structure=structure, provenance=ORIGIN)
        for structure in (cell, cell * (1, 1, 2), cell * (2, 1, 1))
    ]


@pytest.mark.parametrize("batched", [True, False])
def test_static_and_relaxation_become_documents(store, cell, batched):
    engine = stub_engine(batched=batched)
    static = ReferenceStaticMaker(engine=engine).make(cell, ORIGIN)
    relax = ReferenceRelaxMaker(engine=engine).make(cell, ORIGIN)
    run_locally(Flow([static, relax]), store=store, create_folders=False, log=False)
    before, after = (
        MontyDecoder().process_decoded(store.get_output(flow.output.uuid))
        for flow in (static, relax)
    )
    assert before.method == after.method == "stub-lj"
    assert (before.relaxed, after.relaxed) == (False, True)
    assert after.energy < before.energy
    assert after.energy_per_atom == pytest.approx(after.energy / 16)
    assert before.formula == "Li6P2S8"
    assert before.x == 0.75
    assert before.provenance == ORIGIN
    assert np.allclose(before.structure.frac_coords, cell.frac_coords)


@pytest.mark.parametrize("maker", [ReferenceStaticMaker, ReferenceRelaxMaker])
def test_a_structure_of_a_user_needs_no_more_than_itself(store, cell, maker):
    flow = maker(engine=stub_engine()).make(cell)
    document = outcome(flow, store, flow.output.uuid)
    assert document.provenance == Provenance(source="user")


def test_a_flow_is_changed_as_every_flow_of_atomate2_is(store, cell):
    flow = ReferenceRelaxMaker(engine=stub_engine()).make(cell)
    flow.update_maker_kwargs({"remarks": ["changed"]}, name_filter="reference relax")
    assert "changed" in outcome(flow, store, flow.output.uuid).remarks


def test_campaigns_stored_before_the_makers_own_job_are_computed(store, cell):
    """Their fireworks name a function of this module."""
    stored = compute_structure(
        cell,
        ORIGIN,
        engine=stub_engine(),
        relax=True,
        line=CompositionLine(),
    )
    stored.function = compute_structure
    made = ReferenceRelaxMaker(engine=stub_engine()).make(cell, ORIGIN)
    before = outcome(stored, store, stored.uuid)
    assert before.energy == outcome(made, store, made.output.uuid).energy
    assert before.relaxed


def test_job_names_carry_the_formula(cell):
    flow = ReferenceRelaxMaker(engine=stub_engine(batched=False)).make(cell, ORIGIN)
    names = [job.name for job, _ in flow.iterflow()]
    assert names == [
        "reference relax Li6P2S8 (stub)",
        "reference relax Li6P2S8",
    ]


def test_a_relaxation_that_restarts_ends_with_a_single_point(cell):
    engine = replace(stub_engine(batched=False), restarts=True)
    flow = ReferenceRelaxMaker(engine=engine).make(cell, ORIGIN)
    jobs = [job for job, _ in flow.iterflow()]
    assert [job.name for job in jobs] == [
        "reference relax Li6P2S8 (stub)",
        "reference relax Li6P2S8 restart (stub)",
        "reference relax Li6P2S8 static (stub)",
        "reference relax Li6P2S8",
    ]
    assert jobs[2].function_args[0].uuid == jobs[1].uuid
    assert len(list(ReferenceStaticMaker(engine=engine).make(cell, ORIGIN).jobs)) == 2


def test_its_energy_is_the_single_points_and_its_convergence_the_relaxations(
    store, cell
):
    engine = replace(stub_engine(batched=False, steps=3), restarts=True)
    flow = ReferenceRelaxMaker(engine=engine).make(cell, ORIGIN)
    found = outcome(flow, store, flow.output.uuid)
    assert not found.converged
    alone = ReferenceStaticMaker(engine=stub_engine()).make(found.structure, ORIGIN)
    assert found.energy == pytest.approx(
        outcome(alone, store, alone.output.uuid).energy
    )
    # what it took is what all three took
    steps = [
        read_calculation(store.get_output(job.uuid, load=True)).n_steps
        for job in flow.jobs[:3]
    ]
    assert found.n_evaluations == sum(steps) > max(steps) + 1


def test_a_relaxation_by_single_points_that_did_not_finish_is_a_typed_error():
    maker = ReferenceRelaxMaker(engine=stub_engine())
    with pytest.raises(EngineError, match="did not finish"):
        type(maker).document.original(maker, None)


def test_a_relaxation_with_too_much_stress_left_is_not_converged(store, cell):
    loose, strict = (
        stub_engine(steps=500),
        replace(stub_engine(steps=500), max_stress=1e-6),
    )
    found = [
        outcome(flow, store, flow.output.uuid)
        for flow in (
            ReferenceRelaxMaker(engine=engine).make(cell, ORIGIN)
            for engine in (loose, strict)
        )
    ]
    assert [document.converged for document in found] == [True, False]
    assert [document.relaxed for document in found] == [True, True]
    assert np.abs(found[0].stress).max() > 1e-6 * GPa


def test_a_large_change_of_the_volume_is_remarked_upon(store, cell):
    engine = stub_engine(steps=200)
    engine = replace(engine, relax=replace(engine.relax, relax_cell=True))
    flow = ReferenceRelaxMaker(engine=engine).make(cell, ORIGIN)
    found = outcome(flow, store, flow.output.uuid)
    assert abs(found.structure.volume / cell.volume - 1) > 0.1
    assert "changed the volume" in found.remarks[0]
    kept = ReferenceRelaxMaker(engine=stub_engine()).make(cell, ORIGIN)
    assert outcome(kept, store, kept.output.uuid).remarks == []


def test_a_cut_off_relaxation_of_a_set_is_a_label_and_not_a_relaxed_structure(
    store, entries
):
    maker = LabelMaker(engine=stub_engine(steps=3), relax=True)
    job = maker.make(entries)
    labels = outcome(job, store, job.uuid)
    assert not any(entry.relaxed for entry in labels.entries)


def test_composition_off_the_line_has_no_x(store, cell):
    line = CompositionLine(end_members=("Na2S", "P2S5"))
    flow = ReferenceStaticMaker(engine=stub_engine(), line=line).make(cell, ORIGIN)
    assert outcome(flow, store, flow.output.uuid).x is None


def test_unconverged_relaxation_is_recorded(store, cell):
    flow = ReferenceRelaxMaker(engine=stub_engine(steps=2)).make(cell, ORIGIN)
    assert not outcome(flow, store, flow.output.uuid).converged


def test_nan_is_a_typed_error(store, cell):
    flow = ReferenceStaticMaker(engine=stub_engine(bad=16)).make(cell, ORIGIN)
    with pytest.raises(EngineError, match="no finite energy"):
        outcome(flow, store, flow.output.uuid, raise_immediately=True)


SHARED = pytest.mark.parametrize(
    ("batched", "per_job"),
    [(True, 20), (True, 1), (False, 20)],
    ids=["one job", "parts", "a job each"],
)


@SHARED
def test_failed_member_is_recorded_and_nothing_else_lost(
    store, entries, batched, per_job
):
    # the second structure has 32 atoms, as has the third: both are bad; one is left
    label = LabelMaker(
        engine=stub_engine(batched=batched, bad=32), per_job=per_job
    ).make(entries)
    labelled = outcome(label, store, label.uuid)
    assert labelled.n_structures == 1
    assert [failure.index for failure in labelled.failures] == [1, 2]
    assert "no finite energy" in labelled.failures[0].reason
    assert labelled.failures[0].provenance == ORIGIN


def test_a_set_is_shared_by_jobs_and_comes_out_the_same(store, entries):
    squeezed = entries[0].structure.copy()
    squeezed.scale_lattice(4.0)
    entries = [*entries, entries[0].model_copy(update={"structure": squeezed})]
    sets = []
    for per_job in (4, 3, 1):
        label = LabelMaker(engine=stub_engine(), per_job=per_job).make(entries)
        label.append_name(" round 1")
        sets.append(outcome(label, store, label.uuid))
    names = [
        document["name"] for document in store.query(properties=["name"], load=False)
    ]
    parts = [name for name in names if "from" in name]
    assert parts[:2] == [f"label structures from {n} round 1" for n in (0, 3)]
    assert len(parts) == 2 + 4
    one, *others = sets
    for other in others:
        assert [e.energy for e in other.entries] == [e.energy for e in one.entries]
        assert [e.structure for e in other.entries] == [
            e.structure for e in one.entries
        ]
        assert other.failures == one.failures
        assert other.n_evaluations == one.n_evaluations
        assert [e.device for e in other.entries] == [e.device for e in one.entries]
    assert [failure.index for failure in one.failures] == [3]
    assert "less than 1 Å^3" in one.failures[0].reason


def test_a_part_that_crashes_costs_its_own_structures(store, entries, monkeypatch):
    engine = stub_engine()
    compute = type(engine).compute

    def crash(self, structure, *, relax):
        if len(structure) == 32:
            raise MemoryError
        return compute(self, structure, relax=relax)

    monkeypatch.setattr(type(engine), "compute", crash)
    label = LabelMaker(engine=engine, per_job=1).make(entries)
    labelled = outcome(label, store, label.uuid)
    assert labelled.n_structures == 1
    assert {f.reason for f in labelled.failures} == {"the calculation did not finish."}


def test_set_with_nothing_left_is_an_error(store, entries):
    label = LabelMaker(engine=stub_engine(bad=16)).make(entries[:1])
    with pytest.raises(EngineError, match="none of 1 structures"):
        outcome(label, store, label.uuid, raise_immediately=True)


def test_entries_go_to_the_data_store(store, entries):
    label = LabelMaker(engine=stub_engine()).make(entries)
    outcome(label, store, label.uuid)
    stored = store.query_one({"uuid": label.uuid}, load=False)
    assert "blob_uuid" in stored["output"]["entries"]
    assert stored["output"]["n_structures"] == 3


@SHARED
def test_frames_of_a_relaxation_are_labels(store, entries, batched, per_job):
    label = LabelMaker(
        engine=stub_engine(batched=batched).with_path(6),
        relax=True,
        n_frames=3,
        per_job=per_job,
    ).make([entries[0], entries[0]])
    labelled = outcome(label, store, label.uuid)
    energies = [entry.energy for entry in labelled.entries]
    assert energies[:3] == energies[3:]
    energies = energies[:3]
    assert len(energies) == 3
    assert energies[0] > energies[-1]
    assert all(entry.converged for entry in labelled.entries)
    # it stopped after six steps, so that not even the last frame is relaxed
    assert not any(entry.relaxed for entry in labelled.entries)
    steps = [e.provenance.details["relaxation_step"] for e in labelled.entries[:3]]
    assert steps[0] == 0
    assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("n_steps", "n_frames", "expected"),
    [(1, 4, [0]), (3, 6, [0, 1, 2]), (100, 3, [0, 9, 99]), (50, 1, [0, 49])],
)
def test_frames_are_dense_at_the_start(n_steps, n_frames, expected):
    assert frames_on_the_way(n_steps, n_frames) == expected


def test_a_disordered_structure_is_refused_before_anything_runs(cell):
    cell.replace_species({"Li": {"Li": 0.5, "Na": 0.5}})
    engine = stub_engine()
    for maker in (ReferenceStaticMaker(engine=engine), ReferenceRelaxMaker()):
        with pytest.raises(EngineError, match="OrderedRelaxMaker"):
            maker.make(cell)
    with pytest.raises(EngineError, match="OrderedRelaxMaker"):
        ReferenceRelaxMaker(engine=engine).make(cell, potential="Li-P-S")
    with pytest.raises(EngineError, match="partly occupied"):
        engine.compute(cell, relax=False)


def test_plain_structures_are_labelled_as_a_users_own(store, cell):
    label = LabelMaker(engine=stub_engine()).make([cell])
    (entry,) = outcome(label, store, label.uuid).entries
    assert entry.provenance == Provenance(source="user")
    assert np.isfinite(entry.energy)


def test_what_is_appended_to_a_name_is_appended_once(store, cell):
    maker = ReferenceRelaxMaker(engine=stub_engine(batched=False), name="led")
    led = RelaxationDocument(
        method="stub-lj", provenance=ORIGIN, given=cell, start=cell, reason="too long"
    )
    document = maker.document(led)
    document.append_name(" tail")
    run_locally(document, store=store, create_folders=False, log=False)
    names = {job["name"] for job in store.query(properties=["name"])}
    assert "led Li6P2S8 (stub) tail" in names
    assert all(name.count("tail") == 1 for name in names)
