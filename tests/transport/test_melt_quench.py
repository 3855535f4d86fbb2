import numpy as np
import pytest
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore

from lps_flows.chemistry import CompositionLine, crystal, substituted
from lps_flows.engines import EngineSettings
from lps_flows.flows.melt_quench import (
    MeltQuenchError,
    MeltQuenchFlowMaker,
    MeltQuenchSettings,
)
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.foundation import decode
from lps_flows.jobs.glass import document_glass
from lps_flows.jobs.reference import ReferenceRelaxMaker, ReferenceStaticMaker
from lps_flows.jobs.single_points import SinglePointSettings
from lps_flows.schemas import Provenance
from lps_flows.schemas.md import MDChunkDocument
from tests.engines.stub import stub_engine
from tests.potential.toy import random_potential

ENGINE = EngineSettings(name="ann", potential="Li-P-S-dynamics")
SETTINGS = MeltQuenchSettings(
    melt_temperature=1000.0,
    melt_time=40.0,
    final_temperature=400.0,
    cooling_rate=10000.0,
    temperature_step=300.0,
    frame_interval=5,
    target_atoms=8,
)


def test_programme_cools_at_the_stated_rate():
    programme = MeltQuenchSettings().programme()
    melt, *cooling = programme
    assert melt == (2000.0, 20000.0)
    assert cooling[-1][0] == pytest.approx(300)
    time = sum(duration for _, duration in cooling)
    assert 1000 * (2000 - 300) / time == pytest.approx(50.0)
    assert np.diff([T for T, _ in programme]).min() >= -100.001


def test_a_glass_comes_out_relaxed_with_its_history():
    engine = EngineSettings(
        name="ann", potential="Li-P-S-dynamics", max_steps=3, relax_cell=False
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


def test_the_line_reaches_place_and_motifs():
    line = CompositionLine(end_members=("Na2S", "SiS2"))
    silicon = substituted(crystal("gamma-Li3PS4"), {"Li": "Na", "P": "Si"})
    maker = MeltQuenchFlowMaker(engine=ENGINE, settings=SETTINGS, line=line)
    jobs = [job for job, _ in maker.make(silicon).iterflow()]
    relaxing = next(job for job in jobs if job.name.startswith("reference relax"))
    assert relaxing.maker.line == line
    glass = next(job for job in jobs if job.name.endswith("glass"))
    assert glass.function_kwargs["line"] == line
    by_relaxation = MeltQuenchFlowMaker(
        engine=ENGINE,
        settings=SETTINGS,
        relax=ReferenceRelaxMaker(engine=stub_engine(), line=line),
    )
    (glass,) = (
        job
        for job, _ in by_relaxation.make(silicon).iterflow()
        if job.name.endswith("glass")
    )
    assert glass.function_kwargs["line"] == line
    last = MDChunkDocument.model_construct(
        structure=silicon, failure=None, method="stub", label="glass"
    )
    document = document_glass.original(
        last, silicon, settings=SETTINGS, chunk_uuids=[], line=line
    )
    assert document.motifs["PS4"] == document.start_motifs["PS4"] == 1.0
    assert document.motifs["free_S"] == 0.0


@job(data="potential")
def as_trained(dictionary):
    return {"method": "ann-toy", "potential": dictionary}


def test_glasses_of_a_composition_have_its_formula_and_origin():
    trained = random_potential(radial_cutoff=4.0, angular_cutoff=3.0)
    potential = as_trained(trained.as_dict())
    parent = ReferenceStaticMaker(engine=stub_engine()).make(
        crystal("gamma-Li3PS4"), Provenance(source="crystal", parent="gamma-Li3PS4")
    )
    plan = CompositionPlan(
        parent="gamma-Li3PS4",
        remove="Li2S",
        n_units=1,
        formula="Li10P4S15",
        target_atoms=32,
    )
    gentle = {"melt_temperature": 350.0, "final_temperature": 300.0, "melt_time": 10.0}
    settings = SETTINGS.model_copy(
        update=gentle | {"n_structures": 2, "target_atoms": 60}
    )
    flows = MeltQuenchFlowMaker(
        engine=EngineSettings(name="ann"),
        settings=settings,
        # the toy potential leads its relaxations nowhere
        relax=ReferenceRelaxMaker(
            engine=stub_engine(steps=3),
            single_points=SinglePointSettings(max_evaluations=3),
        ),
    ).glasses(parent.output, plan, potential=potential.output)
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(
        Flow([parent, potential, *flows]), store=store, ensure_success=True, log=False
    )
    glasses = [decode(store.get_output(flow.output.uuid, load=True)) for flow in flows]
    assert [glass.formula for glass in glasses] == ["Li20P8S30"] * 2
    for glass in glasses:
        assert glass.method == "stub-lj"
        assert glass.x == pytest.approx(10 / 14)
        origin = glass.provenance
        assert (origin.source, origin.parent) == ("melt-quench", "gamma-Li3PS4")
        assert (origin.removed, origin.n_removed) == ("Li2S", 1)
        assert origin.details["cooling_rate_K_per_ps"] == settings.cooling_rate
    # velocities of their own
    assert not glasses[0].structure.matches(glasses[1].structure, stol=0.01)


def test_impossible_programmes_and_engines_are_refused():
    cold = SETTINGS.model_copy(update={"melt_temperature": 200.0})
    with pytest.raises(MeltQuenchError, match="hotter"):
        MeltQuenchFlowMaker(settings=cold).make(crystal("Li2S"))
    with pytest.raises(MeltQuenchError, match="MPMorph"):
        MeltQuenchFlowMaker(engine=EngineSettings(name="vasp"), settings=SETTINGS).make(
            crystal("Li2S")
        )
