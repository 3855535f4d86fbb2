"""The phonon job, and the collection made of it."""

from __future__ import annotations

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.analysis.phonons import PhononSettings
from lps_flows.builders import FreeEnergyBuilder, result_store, run_builder
from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings, get_engine, read_calculation
from lps_flows.flows.properties import PhononStageSettings, PropertyFlowMaker
from lps_flows.jobs.phonons import PhononMaker, collect_followed
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.phonons import FreeEnergyDocument, PhononDocument
from tests.engines.stub import stub_engine
from tests.jobs.argon import argon, argon_engine

SETTINGS = PhononSettings(
    target_atoms=12, mesh=10.0, temperatures=(0.0, 300.0), follow=0
)
ORIGIN = Provenance(source="crystal", parent="Li2S")


def store_of(flow) -> JobStore:
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, create_folders=False, log=False, ensure_success=True)
    return store


@pytest.mark.parametrize("batched", [True, False])
def test_phonons_of_a_crystal_reach_their_collection(batched: bool) -> None:
    maker = PhononMaker(engine=stub_engine(batched=batched), settings=SETTINGS)
    job = maker.make(crystal("Li2S"), ORIGIN)
    job.update_metadata({"campaign": "c"})
    store = store_of(job)
    stored = store.get_output(job.uuid, load=True)
    # of a job that was replaced the store resolves a reference, and decodes it
    document = stored if not batched else PhononDocument.from_store(stored)
    assert document.formula == "Li8S4"
    assert document.vibrations.n_displacements == 2
    free = result_store(store, "free_energies")
    entries = result_store(store, "phase_diagram_entries")
    builder = FreeEnergyBuilder(store, entries, free, settings=SETTINGS)
    assert run_builder(builder) == 1
    assert run_builder(builder) == 0
    (made,) = map(FreeEnergyDocument.from_store, free.query())
    assert made.label == "Li2S"
    # nothing else is there to make a hull with
    assert made.free_energy_above_hull is None
    assert made.note


@pytest.mark.parametrize("batched", [True, False])
def test_imaginary_modes_are_followed_to_a_close_packed_crystal(batched: bool) -> None:
    """Argon atoms in bcc are at no minimum; every close packing has real modes."""
    settings = PhononSettings(target_atoms=12, mesh=20.0, amplitude=0.5)
    maker = PhononMaker(engine=argon_engine(batched=batched), settings=settings)
    job = maker.make(argon("bcc"), ORIGIN)
    found = store_of(job).get_output(job.uuid, load=True)
    if batched:
        found = PhononDocument.from_store(found)
    assert found.vibrations.stable
    assert 1 <= len(found.followed) <= settings.follow
    assert all(step.frequency < -0.1 for step in found.followed)
    assert sum(step.energy_change for step in found.followed) < -0.004
    # hcp
    assert found.structure.get_space_group_info(0.05) == ("P6_3/mmc", 194)
    assert found.formula == "Ar2"


def test_a_mode_that_leads_to_nothing_lower_is_not_followed() -> None:
    settings = PhononSettings(target_atoms=8, mesh=20.0, follow=0)
    maker = PhononMaker(engine=argon_engine(), settings=settings)
    document = maker.computed(argon("bcc"), ORIGIN)
    task = argon_engine().compute(argon("fcc"), relax=True)
    energy = read_calculation(task).energy
    for lower, followed in ((0.0, 0), (-1e-4, 0), (1e-4, 1)):
        known = document.model_copy(update={"energy_per_atom": energy + lower})
        found = collect_followed.original([task], maker=maker, document=known)
        assert len(found.followed) == followed


def test_what_is_not_to_be_followed_is_refused() -> None:
    settings = PhononSettings(target_atoms=8, mesh=20.0, follow=0)
    maker = PhononMaker(engine=argon_engine(), settings=settings)
    found = maker.computed(argon("bcc"), ORIGIN)
    assert found.vibrations.free_energies is None
    assert found.followed == []


def test_the_stage_names_its_jobs_and_chooses() -> None:
    makers = [PhononMaker()]
    maker = PropertyFlowMaker(
        makers=makers, settings=PhononStageSettings(crystals=["Li2S"])
    )
    flow = maker.make({"Li2S": None, "P2S5": None}, {"gc": None})
    assert [job.name for job in flow.jobs] == ["phonons Li2S"]
    both = PropertyFlowMaker(makers=makers, settings=PhononStageSettings(glasses=True))
    flow = both.make({"Li2S": None, "P2S5": None}, {"gc": None})
    assert [job.name for job in flow.jobs] == [
        "phonons Li2S",
        "phonons P2S5",
        "phonons gc",
    ]


@pytest.mark.slow
def test_chgnet_gives_lithium_sulphide_real_modes() -> None:
    """The known one: optical modes of Li2S end near 13 THz (Raman line at 374 1/cm)."""
    engine = get_engine(EngineSettings(name="chgnet"))
    relax = ReferenceRelaxMaker(engine=engine).make(crystal("Li2S"), ORIGIN)
    store = store_of(relax)
    relaxed = StructureDocument.from_store(
        store.get_output(relax.output.uuid, load=True)
    )
    job = PhononMaker(engine=engine).make(relaxed)
    store = store_of(job)
    document = PhononDocument.from_store(store.get_output(job.uuid, load=True))
    assert document.vibrations.stable
    assert 0.02 < document.vibrations.free_energies[0] < 0.06
