"""Elastic tensors of what is known otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.analysis import ElasticitySettings, fit_eos
from lps_flows.analysis.elasticity import TensorSettings, moduli
from lps_flows.chemistry import crystal
from lps_flows.engines import (
    EngineError,
    EngineSettings,
    get_engine,
    read_calculation,
)
from lps_flows.engines.reading import Calculation
from lps_flows.flows.properties import ElasticityStageSettings, PropertyFlowMaker
from lps_flows.jobs import elastic_tensor
from lps_flows.jobs.elastic_tensor import ElasticTensorMaker, collect_tensor
from lps_flows.jobs.elasticity import EquationOfStateMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.elasticity import TensorDocument
from tests.jobs.argon import argon, argon_engine

ORIGIN = Provenance(source="crystal", parent="argon")


@pytest.mark.parametrize("batched", [True, False])
def test_central_forces_obey_cauchy_and_the_equation_of_state(batched: bool) -> None:
    """Every atom of fcc argon is a centre of symmetry: C12 is C44 without pressure."""
    engine = argon_engine(batched=batched)
    small = TensorSettings(max_strain=0.004)
    maker = ElasticTensorMaker(engine=engine, settings=small)
    job = maker.make(argon("fcc"), ORIGIN)
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(job, store=store, create_folders=False, log=False, ensure_success=True)
    found = store.get_output(job.uuid, load=True)
    if batched:
        found = TensorDocument.from_store(found)
    assert found.method == "lj-argon"
    # four strains of the cube's two kinds; two of shear are images of each other
    assert found.n_deformations == 6
    tensor = np.array(found.tensor)
    assert tensor[0, 1] == pytest.approx(tensor[3, 3], rel=2e-3)
    assert tensor[0, 0] > tensor[0, 1] > 0
    relaxed = argon_engine().compute(argon("fcc"), relax=True)
    eos = EquationOfStateMaker(
        engine=argon_engine(), settings=ElasticitySettings(max_strain=0.01)
    ).computed(read_calculation(relaxed).structure, ORIGIN)
    bulk = fit_eos(eos.volumes, eos.energies).bulk_modulus
    assert moduli(tensor)[0].bulk == pytest.approx(bulk, rel=0.02)


def test_what_presses_the_relaxed_cell_is_taken_off_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maker = ElasticTensorMaker(engine=argon_engine())
    free = maker.computed(argon("fcc"), ORIGIN)

    def pressed(task: object) -> Calculation:
        found = read_calculation(task)
        return replace(found, stress=found.stress - 0.01 * np.eye(3))

    monkeypatch.setattr(elastic_tensor, "read_calculation", pressed)
    found = maker.computed(argon("fcc"), ORIGIN)
    # 0.01 eV/Å^3 are 1.602 GPa
    assert found.residual_stress == pytest.approx(1.602, abs=0.01)
    assert free.residual_stress < 0.01
    assert np.array(found.tensor) == pytest.approx(np.array(free.tensor), abs=1e-6)


def test_a_tensor_rests_on_every_deformed_cell() -> None:
    with pytest.raises(EngineError, match="did not finish"):
        collect_tensor.original(
            [None],
            maker=ElasticTensorMaker(engine=argon_engine()),
            structure=argon("fcc"),
            equilibrium=np.zeros((3, 3)).tolist(),
            n_before=1,
            deformations=[np.eye(3).tolist()],
            provenance=ORIGIN,
            method="m",
        )


def test_a_structure_that_comes_apart_has_no_tensor_and_its_document_says_why() -> None:
    """A trained potential need not know a glass: that is no fault to be mended."""
    engine = get_engine(EngineSettings(name="ann", potential="Li-P-S"))
    cell = crystal("Li2S")
    cell.append("S", np.add(cell[0].frac_coords, [1e-3, 0, 0]))
    maker = ElasticTensorMaker(engine=engine)
    found = maker.computed(cell, ORIGIN)
    assert found.tensor is None
    assert found.failure.startswith("a cell came apart on this potential: two atoms")
    assert found.formula == cell.composition.formula.replace(" ", "")


def test_the_stage_gives_bulk_moduli_and_tensors() -> None:
    maker = PropertyFlowMaker(
        makers=[EquationOfStateMaker()],
        on_potential=[ElasticTensorMaker()],
        settings=ElasticityStageSettings(crystals=["Li2S"]),
    )
    uuid = "6a0b3f5e-0c55-4a3d-9c59-6f2f5a4c9d10"
    flow = maker.make({"Li2S": None, "P2S5": None}, {"gc": None}, uuid)
    assert [job.name for job in flow.jobs] == [
        "equation of state Li2S",
        "equation of state gc",
        "elastic tensor Li2S",
        "elastic tensor gc",
    ]
    tensor = flow.jobs[-1].maker
    assert tensor.engine.potential == uuid


@pytest.mark.slow
def test_the_tensor_of_lithium_sulfide_is_that_of_a_cubic_crystal() -> None:
    """A relaxed cell is symmetric to single precision alone, and has one tensor."""
    engine = get_engine(EngineSettings(name="chgnet", fmax=0.002))
    maker = ElasticTensorMaker(engine=engine, settings=TensorSettings())
    tensor = np.array(maker.computed(crystal("Li2S"), ORIGIN).tensor)
    (c11, c12, c44) = tensor[0, 0], tensor[0, 1], tensor[3, 3]
    assert np.diag(tensor) == pytest.approx([c11] * 3 + [c44] * 3, rel=0.01)
    assert c11 > c12 > 0 < c44
    # CHGNet is soft: published bulk moduli are 40 to 46 GPa
    assert 20 < (c11 + 2 * c12) / 3 < 60
