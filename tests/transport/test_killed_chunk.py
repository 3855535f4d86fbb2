"""A chunk of dynamics killed with SIGKILL costs that chunk and changes nothing."""

import os
import signal
import time

import pytest
from jobflow import run_locally

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs.run_analysis import TransportSettings
from lps_flows.jobs.trajectory import load_chunk
from lps_flows.runner import PrivateMongod, Workplace, submit
from tests.potential.toy import random_potential
from tests.stock import lpad, rlaunch, stock

SETTINGS = ConductivitySettings(
    temperatures=(600.0, 900.0),
    equilibration=0.0,
    production=4000.0,
    chunk_length=2000.0,
    frame_interval=20,
    target_atoms=1,
    analysis=TransportSettings(density_spacing=1.0),
)


@pytest.mark.slow
def test_a_killed_chunk_is_repeated_to_the_same_documents(
    workplace: Workplace, mongod: PrivateMongod, tmp_path
):
    random_potential(radial_cutoff=4.0, angular_cutoff=3.0).save(tmp_path / "ann")
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=str(next(tmp_path.glob("ann*")))),
        settings=SETTINGS,
    )
    flow = maker.make(crystal("gamma-Li3PS4"), label="killed")
    uuids = {job.name: job.uuid for job, _ in flow.iterflow()}
    variables = stock(workplace, mongod)
    submit(workplace, flow, "killed", "hash")
    store, launchpad = workplace.job_store, workplace.require_launchpad()

    worker = rlaunch(tmp_path / "one", variables)
    second = {"name": {"$regex": r"md 2/2$"}, "state": "RUNNING"}
    deadline = time.monotonic() + 120
    while launchpad.fireworks.find_one(second) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()
    done_before = {d["uuid"]: d["completed_at"] for d in store.query({})}
    assert done_before

    lpad(variables, "detect_lostruns", "--time", "0", "--rerun", "--refresh")
    rlaunch(tmp_path / "two", variables).communicate(timeout=300)
    done = {d["uuid"]: d["completed_at"] for d in store.query({})}
    assert set(done) == set(uuids.values())
    # what had finished was not computed again
    assert done_before.items() <= done.items()

    undisturbed = maker.make(crystal("gamma-Li3PS4"), label="killed")
    same = {job.name: job.uuid for job, _ in undisturbed.iterflow()}
    run_locally(undisturbed, store=store, ensure_success=True, log=False)
    for name, uuid in uuids.items():
        if " md " in name:
            ours, theirs = load_chunk(uuid, store), load_chunk(same[name], store)
            assert ours.state == theirs.state
            assert ours.frames == theirs.frames
    ours = store.get_output(flow.output.uuid, load=True)
    theirs = store.get_output(undisturbed.output.uuid, load=True)
    for run in (*ours["runs"], *theirs["runs"]):
        run.pop("run_uuid")
    ours.pop("last_updated"), theirs.pop("last_updated")
    # trajectories are equal to the bit; sums over them may differ in the last digit
    # between processes
    assert rounded(ours) == rounded(theirs)


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry) for entry in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value
