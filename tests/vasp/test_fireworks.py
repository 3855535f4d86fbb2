"""The VASP jobs on FireWorks and a real MongoDB, with the stand-in for VASP."""

from contextlib import suppress

import pytest
from fireworks import FWorker, LaunchPad
from fireworks.core.rocket_launcher import rapidfire
from jobflow import JobStore
from jobflow.managers.fireworks import flow_to_workflow
from maggma.core.store import StoreError
from monty.json import MontyDecoder

from lps_flows.chemistry import crystal
from lps_flows.jobs.reference import LabelMaker
from lps_flows.runner.configuration import launchpad_settings
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledStructure
from tests.vasp.conftest import STAND_IN_METHOD


@pytest.fixture
def launchpad(mongod, database):
    settings = {**launchpad_settings(mongod), "name": database, "strm_lvl": "CRITICAL"}
    pad = LaunchPad.from_dict(settings)
    pad.reset("", require_password=False, max_reset_wo_password=0)
    yield pad
    pad.connection.close()


@pytest.fixture
def stores_closed(monkeypatch):
    """Close the stores that jobflow connects in fireworks and leaves open."""
    connected = []
    connect = JobStore.connect

    def connect_and_note(store, *args, **kwargs):
        connected.append(store)
        connect(store, *args, **kwargs)

    monkeypatch.setattr(JobStore, "connect", connect_and_note)
    yield
    for store in connected:
        for part in (store.docs_store, *store.additional_stores.values()):
            with suppress(StoreError):  # connected twice, or closed already
                part.close()


@pytest.mark.usefixtures("stores_closed")
def test_killed_run_is_recorded_and_its_rerun_completes_the_set(
    launchpad, job_store, stand_in_engine, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_VASP_FAIL", "kill")
    monkeypatch.setenv("FAKE_VASP_STATE", str(tmp_path))
    cell = crystal("gamma-Li3PS4")
    origin = Provenance(source="crystal", parent="gamma-Li3PS4")
    label = LabelMaker(engine=stand_in_engine).make(
        [
            UnlabelledStructure(structure=structure, provenance=origin)
            for structure in (cell, cell * (1, 1, 2))
        ]
    )
    launchpad.add_wf(flow_to_workflow(label, store=job_store))
    worker = FWorker()

    def work():
        rapidfire(launchpad, worker, nlaunches=0, max_loops=1, sleep_time=0)
        document = job_store.get_output(label.uuid, load=True)
        return MontyDecoder().process_decoded(document)

    labelled = work()
    assert labelled.method == STAND_IN_METHOD
    assert (labelled.n_structures, len(labelled.failures)) == (1, 1)
    fizzled = launchpad.get_fw_ids({"state": "FIZZLED"})
    assert len(fizzled) == 1
    launchpad.rerun_fw(fizzled[0])
    labelled = work()
    assert (labelled.n_structures, len(labelled.failures)) == (2, 0)
    assert not launchpad.get_fw_ids({"state": "FIZZLED"})
