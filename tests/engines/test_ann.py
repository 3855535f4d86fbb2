from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.calculator import Calculator
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineError, EngineSettings, get_engine, read_calculation
from lps_flows.engines.ase_engine import _device_of
from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.reference import LabelMaker, ReferenceRelaxMaker
from lps_flows.jobs.run_analysis import TransportSettings, analyse_trajectory
from lps_flows.jobs.trajectory import join_trajectory
from lps_flows.jobs.transport import CollectTransportMaker
from lps_flows.potential import ANNPotential, TrainingSettings, train_potential
from lps_flows.schemas import Provenance, StructureSet
from lps_flows.schemas.reference import UnlabelledStructure

ORIGIN = Provenance(source="crystal", parent="Li2S")


@pytest.fixture(scope="module")
def potential() -> ANNPotential:
    """A potential trained on nothing that means anything."""
    rng = np.random.default_rng(0)
    cell = crystal("Li2S").get_primitive_structure()
    structures, energies = [], []
    for index in range(12):
        moved = cell.copy()
        moved.perturb(0.1, seed=index)
        structures.append(moved)
        energies.append(-12.0 + 0.1 * rng.normal())
    settings = TrainingSettings(restarts=1, iterations=3)
    return train_potential(structures, np.array(energies), settings).potential


@job(data="potential")
def trained(dictionary):
    return {"potential": dictionary}


def test_potential_is_found_in_the_job_store(potential):
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    cell = crystal("Li2S").get_primitive_structure()
    training = trained(potential.as_dict())
    engine = get_engine(
        EngineSettings(name="ann", potential=training.uuid, max_steps=3)
    )
    relax = ReferenceRelaxMaker(engine=engine).make(cell, ORIGIN)
    label = LabelMaker(engine=engine).make(
        [UnlabelledStructure(structure=cell, provenance=ORIGIN)]
    )
    run_locally(
        Flow([training, relax, label], order="linear"),
        store=store,
        create_folders=False,
        log=False,
        ensure_success=True,
    )
    document, labelled = (
        MontyDecoder().process_decoded(store.get_output(uuid, load=True))
        for uuid in (relax.output.uuid, label.uuid)
    )
    # the identifier was not known when the flow was built
    assert document.method == f"ann-{potential.identifier}"
    assert labelled.method == document.method
    assert document.device == labelled.entries[0].device == "cpu"
    expected = potential.evaluate([cell])[0].energy
    assert labelled.entries[0].energy == pytest.approx(expected)


def test_documents_state_the_device(potential, tmp_path):
    """By ``torch``, the code of a GPU on the CPU, which no document says by itself."""
    pytest.importorskip("torch")
    path = potential.save(tmp_path / "potential.safetensors")
    on_cpu = get_engine(EngineSettings(name="ann", potential=str(path), device="cpu"))
    static = on_cpu.static
    there = {**static.calculator_kwargs, "device": "torch"}
    engine = replace(on_cpu, static=replace(static, calculator_kwargs=there))
    assert on_cpu.written() == {"method": engine.method, "device": "cpu"}
    assert engine.written() == {"method": engine.method, "device": "torch"}
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    cell = crystal("Li2S")
    label = LabelMaker(engine=engine).make(
        [UnlabelledStructure(structure=cell, provenance=ORIGIN)]
    )
    chunk = MDChunkMaker(engine=engine, settings=DynamicsSettings(frame_interval=5))
    moving = DynamicsFlowMaker(chunk=chunk).make(cell, [Hold(50.0, 20.0)], "Li2S")
    run_locally(
        Flow([label, moving]),
        store=store,
        create_folders=False,
        log=False,
        ensure_success=True,
    )
    labelled = StructureSet.from_store(store.get_output(label.uuid, load=True))
    assert labelled.entries[0].device == "torch"
    joined = join_trajectory(moving.output["chunk_uuids"], store)
    settings = TransportSettings()
    run = analyse_trajectory(
        joined, cell, settings, equilibration=0.0, chunk_uuids=[], time_step=1.0
    )
    assert run.device == "torch"
    collect = CollectTransportMaker(settings=settings)
    transport = collect.make.original(collect, [run, run], ["a", "b"], "Li2S")
    assert (transport.device, transport.method) == ("torch", engine.method)


def test_a_device_is_that_of_the_networks_where_nothing_names_it():
    torch = pytest.importorskip("torch")
    calculator = Calculator()
    assert _device_of(calculator) is None
    calculator.model = torch.nn.Linear(2, 2, device="meta")
    assert _device_of(calculator) == "meta"
    calculator.device = "cuda:1"
    assert _device_of(calculator) == "cuda:1"


def test_potential_is_found_in_a_file(potential, tmp_path, monkeypatch):
    potential.save(tmp_path / "potential.safetensors")
    monkeypatch.chdir(tmp_path)
    engine = get_engine(EngineSettings(name="ann", potential="potential.safetensors"))
    monkeypatch.chdir("/")  # jobs run elsewhere
    assert engine.method == f"ann-{potential.identifier}"
    cell = crystal("Li2S").get_primitive_structure()
    result = read_calculation(engine.compute(cell, relax=False))
    expected = potential.evaluate([cell])[0]
    assert result.energy == pytest.approx(expected.energy)
    assert np.allclose(result.forces, expected.forces, atol=1e-6)
    assert np.allclose(result.stress, expected.stress, atol=1e-6)


def test_job_without_sight_of_the_store_says_so():
    engine = get_engine(
        EngineSettings(name="ann", potential="00000000-0000-4000-8000-000000000000")
    )
    with pytest.raises(EngineError, match="expose_store"):
        engine.written_method()
