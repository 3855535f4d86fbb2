"""One way of moving atoms, whatever for."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from atomate2.ase.jobs import AseRelaxMaker
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder, MontyEncoder

from lps_flows.analysis.framework import sampling_statistics
from lps_flows.chemistry import crystal
from lps_flows.engines.ase_engine import AseEngine
from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.trajectory import join_trajectory, load_chunk
from tests.engines.stub import stub_engine
from tests.transport.test_dynamics import Springs

SETTINGS = DynamicsSettings(
    time_step=2.0, damping_time=20.0, frame_interval=5, chunk_length=4000.0
)


@dataclass
class SpringsMaker(AseRelaxMaker):
    """Atoms tied to their sites: thousands of steps in a second."""

    name: str = "springs"

    def _get_calculator(self):
        return Springs(crystal("gamma-Li3PS4").cart_coords)


def springs() -> AseEngine:
    return AseEngine("springs", "springs", static=SpringsMaker(), relax=SpringsMaker())


def moved(programme, settings=SETTINGS, **kwargs):
    chunk = MDChunkMaker(engine=springs(), settings=settings)
    flow = DynamicsFlowMaker(chunk=chunk).make(
        crystal("gamma-Li3PS4"), programme, "gamma", **kwargs
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, create_folders=False, log=False, ensure_success=True)
    return flow, store


def test_each_hold_keeps_its_temperature():
    """Exactly: the mean is the thermostat's within three of its errors."""
    flow, store = moved(
        [
            Hold(700.0, 1000.0, equilibration=True),
            Hold(700.0, 8000.0, equilibration=True),
            Hold(350.0, 1000.0, equilibration=True),
            Hold(350.0, 8000.0),
        ]
    )
    chunks = [load_chunk(uuid, store) for uuid in flow.output["chunk_uuids"]]
    assert [c.temperature for c in chunks] == [700.0] * 3 + [350.0] * 3
    for asked, part in ((700.0, chunks[1:3]), (350.0, chunks[4:])):
        temperatures = np.concatenate([c.frames.temperatures.unpack() for c in part])
        mean = sampling_statistics(temperatures, 10.0 * np.arange(len(temperatures)))
        assert mean.error < 0.02 * asked
        assert abs(mean.mean - asked) < 3 * mean.error
    joined = join_trajectory(flow.output["chunk_uuids"], store)
    assert (joined.times[0], joined.times[-1]) == (10010.0, 18000.0)


def test_chunks_equal_the_unbroken_run_bit_for_bit():
    programme = [Hold(600.0, 200.0)]
    whole, in_one = moved(programme)
    parts, in_three = moved(
        programme, SETTINGS.model_copy(update={"chunk_length": 70.0})
    )
    assert len(whole.output["chunk_uuids"]) == 1
    assert len(parts.output["chunk_uuids"]) == 3
    one = join_trajectory(whole.output["chunk_uuids"], in_one)
    three = join_trajectory(parts.output["chunk_uuids"], in_three)
    assert np.array_equal(one.positions, three.positions)
    assert np.array_equal(one.conserved_energies, three.conserved_energies)


def test_the_seed_decides_where_atoms_go():
    programme = [Hold(600.0, 20.0)]
    ends = []
    for seed in (None, 0, 1):
        flow, store = moved(programme, seed=seed)
        ends.append(join_trajectory(flow.output["chunk_uuids"], store).positions[-1])
    assert np.array_equal(ends[0], ends[1])
    assert not np.allclose(ends[0], ends[2], atol=1e-4)


def test_maker_survives_the_store():
    maker = DynamicsFlowMaker(chunk=MDChunkMaker(engine=stub_engine()))
    text = json.dumps(maker, cls=MontyEncoder)
    assert json.loads(text, cls=MontyDecoder) == maker


@pytest.mark.parametrize("batched", [True, False])
def test_engines_with_forces_in_the_process_need_no_md_maker(batched):
    engine = stub_engine(batched=batched)
    assert engine.in_process
    assert engine.makers == (engine.static, engine.relax)
