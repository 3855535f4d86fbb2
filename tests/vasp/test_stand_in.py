"""atomate2's VASP Makers, custodian included, on the stand-in for VASP."""

import gzip
import re
from dataclasses import replace

import numpy as np
import pytest
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder, jsanitize

from lps_flows.chemistry import crystal
from lps_flows.engines import read_calculation, read_path, read_trajectory
from lps_flows.engines.vasp_handlers import LastingUnconvergedHandler
from lps_flows.jobs.reference import (
    LabelMaker,
    ReferenceRelaxMaker,
    ReferenceStaticMaker,
)
from lps_flows.potential import dataset_files, read_labelled
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledStructure
from tests.vasp.conftest import STAND_IN_METHOD

ORIGIN = Provenance(source="crystal", parent="gamma-Li3PS4")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run jobs in a fresh folder on a fresh store; outputs come back by uuid."""
    monkeypatch.chdir(tmp_path)

    def run_flow(flow, **kwargs):
        store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
        run_locally(flow, store=store, create_folders=True, log=True, **kwargs)
        done = store.query({}, properties=["uuid"])
        return {
            uuid: MontyDecoder().process_decoded(store.get_output(uuid, load=True))
            for uuid in {document["uuid"] for document in done}
        }

    return run_flow


@pytest.fixture
def structure():
    return crystal("gamma-Li3PS4")


def test_relaxation_becomes_a_structure_document(run, stand_in_engine, structure):
    structure.perturb(0.1, seed=1)
    flow = ReferenceRelaxMaker(engine=stand_in_engine).make(structure, ORIGIN)
    document = run(flow)[flow.output.uuid]
    assert document.method == STAND_IN_METHOD
    assert document.converged
    assert document.relaxed
    assert document.x == 0.75
    assert np.linalg.norm(document.forces, axis=1).max() < 0.1


def test_stress_keeps_its_sign(run, stand_in_engine, structure):
    """Squeezed atoms push outwards: the stress is negative (compression)."""
    squeezed = structure.copy()
    squeezed.scale_lattice(structure.volume * 0.6)
    flow = ReferenceStaticMaker(engine=stand_in_engine).make(squeezed, ORIGIN)
    document = run(flow)[flow.output.uuid]
    assert np.trace(document.stress) < -1e-3


def test_dynamics_continue_with_their_velocities(run, stand_in_engine, structure):
    engine = stand_in_engine.with_md(temperature=1200, n_steps=4)
    first = engine.md.make(structure)
    second = engine.md.make(first.output.structure, prev_dir=first.output.dir_name)
    outputs = run([first, second])
    halves = [read_trajectory(outputs[job.uuid]) for job in (first, second)]
    assert [len(half) for half in halves] == [4, 4]
    # without the velocities the second run would draw new ones at 1200 K and sit
    # where the first began
    jump = halves[1].temperatures[0] - halves[0].temperatures[-1]
    assert abs(jump) < 60
    assert "velocities" not in halves[0].structure(0).site_properties


def test_unconverged_relaxation_is_recorded(
    run, stand_in_engine, structure, monkeypatch
):
    monkeypatch.setattr(LastingUnconvergedHandler, "max_num_corrections", 1)
    structure.perturb(0.2, seed=1)
    generator = replace(stand_in_engine.relax.input_set_generator, max_steps=2)
    engine = replace(
        stand_in_engine,
        relax=replace(stand_in_engine.relax, input_set_generator=generator),
    )
    flow = ReferenceRelaxMaker(engine=engine).make(structure, ORIGIN)
    document = run(flow)[flow.output.uuid]
    assert not document.converged
    assert np.isfinite(document.energy)


def test_path_of_a_relaxation_is_read(run, stand_in_engine, structure):
    structure.perturb(0.2, seed=1)
    task = stand_in_engine.with_path(3).relax.make(structure)
    path = read_path(run(task)[task.uuid])
    assert len(path) == 3
    assert path[-1].energy < path[0].energy
    assert path[0].converged
    assert not path[-1].converged


def test_a_short_relaxation_is_corrected_only_for_its_electrons(
    run, stand_in_engine, structure, monkeypatch
):
    structure.perturb(0.2, seed=1)
    short = stand_in_engine.with_path(3).relax
    task = short.make(structure)
    assert not run(task)[task.uuid].custodian[0].corrections
    monkeypatch.setenv("FAKE_VASP_FAIL", "scf")
    task = short.make(structure)
    document = run(task)[task.uuid]
    assert document.custodian[0].corrections
    assert all(step.electrons_converged for step in read_path(document))


def test_steps_of_a_vasprun_that_reached_nelm_are_no_labels(
    run, stand_in_engine, structure, tmp_path, monkeypatch
):
    structure.perturb(0.2, seed=1)
    task = stand_in_engine.with_path(3).relax.make(structure)
    run(task)
    (written,) = tmp_path.glob("**/vasprun.xml.gz")
    assert len(read_labelled(written).energies) == 3
    # six electronic steps were allowed, and the first ionic step took five
    text = re.sub(
        r'(name="NELM">)\s*\d+', r"\1 6", gzip.decompress(written.read_bytes()).decode()
    )
    text = re.sub(r"<scstep>.*?</scstep>", "", text, count=1, flags=re.DOTALL)
    (tmp_path / "vasprun.xml").write_text(text)
    written.write_bytes(gzip.compress(text.encode()))
    said: list[str] = []
    # not by caplog: a library that configures logging may have silenced the logger
    monkeypatch.setattr(
        dataset_files.logger, "warning", lambda text, *parts: said.append(text % parts)
    )
    for path in (tmp_path / "vasprun.xml", written):
        assert len(read_labelled(path).energies) == 1
        assert "left out 2 of 3 steps" in said.pop()


def test_a_document_is_read_as_the_store_gives_it(run, stand_in_engine, structure):
    """Custodian and OUTCAR are told in it by their own classes."""
    task = stand_in_engine.with_path(3).relax.make(structure)
    read = run(task)[task.uuid]
    stored = jsanitize(read, strict=True, enum_values=True)
    outcar = stored["calcs_reversed"][0]["output"]["outcar"]
    assert outcar["@class"] == "Outcar"
    assert read_calculation(stored).energy == read_calculation(read).energy
    assert len(read_path(stored)) == len(read_path(read))


@pytest.mark.parametrize("failure", ["scf", "zhegv"])
def test_custodian_corrects_what_vasp_fails_at(
    run, stand_in_engine, structure, monkeypatch, failure
):
    monkeypatch.setenv("FAKE_VASP_FAIL", failure)
    task = stand_in_engine.relax.make(structure)
    document = run(task)[task.uuid]
    assert read_calculation(document).converged
    assert document.calcs_reversed[0].input.incar["ALGO"] != "Fast"
    assert document.custodian[0].corrections


@pytest.mark.parametrize("failure", ["kill", "truncate"])
def test_lost_run_fails_clearly_and_can_be_repeated(
    run, stand_in_engine, structure, monkeypatch, tmp_path, failure
):
    monkeypatch.setenv("FAKE_VASP_FAIL", failure)
    monkeypatch.setenv("FAKE_VASP_STATE", str(tmp_path))
    flow = ReferenceStaticMaker(engine=stand_in_engine).make(structure, ORIGIN)
    assert flow.output.uuid not in run(flow)
    assert run(flow)[flow.output.uuid].converged


def test_one_lost_run_costs_a_set_one_member(
    run, stand_in_engine, structure, monkeypatch, tmp_path
):
    monkeypatch.setenv("FAKE_VASP_FAIL", "kill")
    monkeypatch.setenv("FAKE_VASP_STATE", str(tmp_path))
    entries = [
        UnlabelledStructure(structure=cell, provenance=ORIGIN)
        for cell in (structure, structure * (1, 1, 2))
    ]
    label = LabelMaker(engine=stand_in_engine).make(entries)
    labelled = run(Flow([label]))[label.uuid]
    assert labelled.n_structures == 1
    assert [failure.index for failure in labelled.failures] == [0]
    assert "did not finish" in labelled.failures[0].reason
