import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings
from lps_flows.flows.melt_quench import (
    MeltQuenchError,
    MeltQuenchFlowMaker,
    MeltQuenchSettings,
)
from tests.potential.toy import random_potential

SETTINGS = MeltQuenchSettings(
    melt_temperature=1000.0,
    melt_time=40.0,
    final_temperature=400.0,
    cooling_rate=10000.0,
    temperature_step=300.0,
    frame_interval=5,
    target_atoms=8,
    # the toy potential releases heat of its own
    max_temperature_ratio=1000.0,
)


def test_programme_cools_at_the_stated_rate():
    programme = MeltQuenchSettings().programme()
    melt, *cooling = programme
    assert melt == (2000.0, 20000.0)
    assert cooling[-1][0] == pytest.approx(300)
    time = sum(duration for _, duration in cooling)
    assert 1000 * (2000 - 300) / time == pytest.approx(50.0)
    assert np.diff([T for T, _ in programme]).min() >= -100.001


def test_a_glass_comes_out_relaxed_with_its_history(tmp_path):
    random_potential(radial_cutoff=4.0, angular_cutoff=3.0).save(tmp_path / "p")
    engine = EngineSettings(
        name="ann",
        potential=str(next(tmp_path.glob("p*"))),
        max_steps=3,
        relax_cell=False,
    )
    flow = MeltQuenchFlowMaker(engine=engine, settings=SETTINGS).make(
        crystal("gamma-Li3PS4"), "gamma-Li3PS4"
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, ensure_success=True, log=False)
    relaxed = store.get_output(flow.output.uuid, load=True)
    assert relaxed["provenance"]["source"] == "melt-quench"
    names = {job.name: job.uuid for job, _ in flow.iterflow()}
    glass = store.get_output(names["gamma-Li3PS4 glass"], load=True)
    assert glass["temperatures"] == [1000.0, 700.0, 400.0]
    assert len(glass["chunk_uuids"]) == 3
    assert glass["start_motifs"]["PS4"] == 1.0
    first = store.get_output(glass["chunk_uuids"][1])
    assert first["temperature"] == 700.0


def test_impossible_programmes_and_engines_are_refused():
    cold = SETTINGS.model_copy(update={"melt_temperature": 200.0})
    with pytest.raises(MeltQuenchError, match="hotter"):
        MeltQuenchFlowMaker(settings=cold).make(crystal("Li2S"))
    with pytest.raises(MeltQuenchError, match="MPMorph"):
        MeltQuenchFlowMaker(engine=EngineSettings(name="vasp"), settings=SETTINGS).make(
            crystal("Li2S")
        )
