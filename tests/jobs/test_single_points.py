"""Relaxations by single points as jobs: one for all, or a chain of them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.engines import read_calculation
from lps_flows.foundation import decode
from lps_flows.jobs import single_points
from lps_flows.jobs.labels import left_basin
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.jobs.single_points import SinglePointRelaxMaker, SinglePointSettings
from lps_flows.jobs.training import gather
from lps_flows.potential import (
    RelaxationSettings,
    SinglePointRelaxation,
    UnknownElementError,
    relax_batch,
)
from lps_flows.schemas import Provenance
from lps_flows.schemas.relaxation import RelaxationDocument
from tests.engines import stub
from tests.engines.stub import Spiteful, stub_engine
from tests.near_potential import NearPotential

GIVEN = Provenance(source="ga", parent="Li2S")
FCC = [[0, 0, 0], [0.5, 0.5, 0.02], [0.5, 0, 0.5], [0, 0.5, 0.5]]
SETTINGS = SinglePointSettings(fmax=0.05, max_stress=2e-3, max_evaluations=30)


@pytest.fixture(scope="module")
def cell():
    """A minimum of the potential that leads."""
    cell = Structure(Lattice.cubic(3.0), ["S"] * 4, FCC) * (1, 1, 2)
    (found,) = relax_batch([cell], NearPotential(), RelaxationSettings())
    return found.structure


@pytest.fixture
def led(monkeypatch):
    monkeypatch.setattr(single_points, "load_potential", lambda _: NearPotential())


def run(flow, **options):
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, create_folders=False, log=False, **options)
    return store


def relaxed(engine, cell, settings=SETTINGS):
    maker = ReferenceRelaxMaker(engine=engine, single_points=settings)
    flow = maker.make(cell, GIVEN, "the potential")
    store = run(flow, ensure_success=True)
    return decode(store.get_output(flow.output.uuid, load=True)), flow, store


def test_one_job_and_a_chain_of_jobs_take_the_same_steps(cell, led):
    one, *_ = relaxed(stub_engine(batched=True), cell)
    many, flow, store = relaxed(stub_engine(batched=False), cell)
    assert one.converged
    assert many.converged
    assert one.n_evaluations == many.n_evaluations > 2
    assert one.energy == pytest.approx(many.energy, abs=1e-9)
    np.testing.assert_allclose(one.forces, many.forces, atol=1e-7)
    assert np.linalg.norm(many.forces, axis=1).max() < 0.05
    steps = store.get_output(flow.jobs[0].uuid, load=True)
    assert len(steps["trials"]) == many.n_evaluations
    names = [job["name"] for job in store.query(properties=["name"])]
    assert sum("stub static" in name for name in names) == many.n_evaluations


def test_forces_of_a_code_that_sorts_the_atoms_are_put_back(cell, led, monkeypatch):
    mixed = Structure(cell.lattice, ["S", "Li"] * 4, cell.frac_coords)
    expected, *_ = relaxed(stub_engine(batched=True), mixed)
    assert expected.n_evaluations > 2

    def sorted_by_element(task):
        found = read_calculation(task)
        order = np.argsort([site.specie.symbol for site in found.structure])
        atoms = Structure.from_sites([found.structure[k] for k in order])
        return replace(found, structure=atoms, forces=found.forces[order])

    monkeypatch.setattr(single_points, "read_calculation", sorted_by_element)
    document, *_ = relaxed(stub_engine(batched=True), mixed)
    assert document.n_evaluations == expected.n_evaluations
    assert document.structure.species == mixed.species
    np.testing.assert_allclose(document.forces, expected.forces, atol=1e-9)


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        ({"stress": None}, "the engine gives no stress"),
        ({"electrons_converged": False}, "the electronic cycle did not converge"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failed_single_point(
    cell, led, monkeypatch, lacking, why
):
    """Four in a row end it, and the engine relaxes the structure by itself."""
    monkeypatch.setattr(
        single_points,
        "read_calculation",
        lambda task: replace(read_calculation(task), **lacking),
    )
    document, *_ = relaxed(stub_engine(batched=True), cell)
    assert document.relaxed
    assert document.remarks[0].endswith(f"4 of 4 evaluations failed, the last: {why}")


class Failing(Spiteful):
    """The stub's method, which gives up on some of its single points."""

    calls = 0

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        Failing.calls += 1
        if Failing.calls in (2, 4):
            raise RuntimeError("no node was free")


def test_a_single_point_that_fails_costs_that_step_alone(cell, led, monkeypatch):
    monkeypatch.setattr(stub, "Spiteful", Failing)
    for batched in (True, False):
        Failing.calls = 0
        flow = ReferenceRelaxMaker(
            engine=stub_engine(batched=batched), single_points=SETTINGS
        ).make(cell, GIVEN, "the potential")
        document = decode(run(flow).get_output(flow.output.uuid, load=True))
        assert document.converged
        assert "2 of" in document.remarks[0]
        assert np.linalg.norm(document.forces, axis=1).max() < 0.05


def test_every_answer_is_a_label_and_a_step_asks_for_what_came_next(cell, led):
    _, flow, store = relaxed(stub_engine(batched=False), cell)
    uuid, line = flow.jobs[0].uuid, CompositionLine()
    whole = RelaxationDocument.from_store(store.get_output(uuid, load=True))
    labels = whole.labels(line)
    assert len(labels) == whole.n_evaluations
    for label, trial in zip(labels, whole.trials, strict=True):
        (again,) = NearPotential(Spiteful()).evaluate([label.structure])
        assert label.energy == trial.energy == pytest.approx(again.energy, abs=1e-9)
        assert not label.relaxed
    assert len(gather([whole, labels[0]])) == len(labels) + 1
    taught = gather([whole])
    assert [label.energy for label in taught] == [label.energy for label in labels]
    assert taught[0].forces is not None
    assert taught[-1].forces is not None
    assert sum(label.forces is not None for label in taught) == 3
    # what a killed step is run again with
    for index in range(1, whole.n_evaluations):
        left = RelaxationDocument.from_store(store.get_output(uuid, index, load=True))
        steps = SinglePointRelaxation(
            left.start, NearPotential(), **SETTINGS.model_dump(), trials=left.trials
        )
        asked = steps.propose()
        np.testing.assert_allclose(
            asked.cart_coords, labels[index - 1].structure.cart_coords, atol=1e-6
        )


def test_a_step_that_was_killed_after_it_was_stored_is_taken_once(
    cell, led, monkeypatch
):
    """What the step before left is then what is behind it, and is cut back to it."""
    _, flow, store = relaxed(stub_engine(batched=False), cell)
    whole = RelaxationDocument.from_store(
        store.get_output(flow.jobs[0].uuid, load=True)
    )
    assert whole.n_evaluations > 2
    running = SimpleNamespace(job=SimpleNamespace(index=2, uuid=flow.jobs[0].uuid))
    monkeypatch.setattr(single_points, "CURRENT_JOB", running)
    monkeypatch.setattr(single_points, "in_place", lambda last: last)
    maker = SinglePointRelaxMaker(engine=stub_engine(batched=False), settings=SETTINGS)
    first = whole.labels(CompositionLine())[0].structure
    task = stub_engine(batched=True).compute(first, relax=False)
    response = maker.make.original(
        maker, cell, GIVEN, "the potential", task, before=whole, n_trials=0
    )
    (taken,) = response.output.trials
    assert taken.energy == pytest.approx(whole.trials[0].energy, abs=1e-9)
    assert len(whole.trials) > 2  # nothing was taken from what is stored


@pytest.mark.parametrize("batched", [True, False])
def test_what_the_potential_cannot_lead_the_engine_relaxes_itself(
    cell, batched, monkeypatch
):
    class Ignorant:
        def evaluate(self, structures, **_):
            raise UnknownElementError("S is not known", field="x", value="S")

    monkeypatch.setattr(single_points, "load_potential", lambda _: Ignorant())
    document, *_ = relaxed(stub_engine(batched=batched), cell)
    assert document.relaxed
    assert document.n_evaluations > 1
    assert document.remarks[0].startswith("relaxed by the engine itself: ")
    assert "S is not known" in document.remarks[0]


def test_without_a_potential_or_asked_for_the_relaxation_is_the_engines_own(cell):
    engine = stub_engine(batched=False)
    for maker, potential in (
        (ReferenceRelaxMaker(engine=engine), None),
        (ReferenceRelaxMaker(engine=engine, single_points=None), "a potential"),
    ):
        flow = maker.make(cell, GIVEN, potential)
        store = run(flow, ensure_success=True)
        assert store.count() == 2
        assert decode(store.get_output(flow.output.uuid)).n_evaluations > 1


def test_other_anions_than_at_the_start_are_flagged():
    before = crystal("gamma-Li3PS4")
    after = before.copy()
    ((p, *_),) = [after.indices_from_symbol("P")]
    near = min(after.indices_from_symbol("S"), key=lambda s: after.get_distance(p, s))
    after.translate_sites([near], [0.5, 0.0, 0.0])
    line = CompositionLine()
    assert left_basin(before, after, line)
    assert not left_basin(before, before.copy().perturb(0.05), line)
