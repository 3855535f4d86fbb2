import numpy as np
import pytest
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Structure

from lps_flows.analysis.trajectory import EmptyTrajectoryError, TrajectoryError
from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings
from lps_flows.flows.conductivity import (
    ConductivityError,
    ConductivityFlowMaker,
    ConductivitySettings,
)
from lps_flows.jobs.run_analysis import TransportSettings
from lps_flows.jobs.trajectory import join_trajectory, load_chunk
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.transport import TransportDocument

POTENTIAL = "Li-P-S-dynamics"
SETTINGS = ConductivitySettings(
    temperatures=(600.0, 900.0),
    equilibration=20.0,
    production=300.0,
    chunk_length=100.0,
    frame_interval=5,
    target_atoms=20,
    analysis=TransportSettings(density_spacing=0.8, min_jumps=0.0),
)


def validated(cls, output):
    return cls.model_validate({k: v for k, v in output.items() if k[0] != "@"})


@pytest.fixture(scope="module")
def finished():
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=POTENTIAL), settings=SETTINGS
    )
    flow = maker.make(crystal("gamma-Li3PS4"), label="gamma-Li3PS4")
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, ensure_success=True, log=False)
    return store, validated(
        TransportDocument, store.get_output(flow.output.uuid, load=True)
    )


def test_the_flow_gives_a_transport_document(finished):
    store, document = finished
    assert document.label == "gamma-Li3PS4"
    assert document.method.startswith("ann-")
    assert document.x == pytest.approx(0.75)
    assert document.nsites == len(document.structure) >= 16
    assert [run.temperature for run in document.runs] == [600.0, 900.0]
    for run in document.runs:
        assert run.reason
        detail = validated(MDRunDocument, store.get_output(run.run_uuid, load=True))
        assert detail.n_frames == 60
        assert detail.production == pytest.approx(295.0)
        assert set(detail.diffusion) == {"Li", "P", "S"}
        assert detail.mean_temperature is not None
        assert detail.framework is not None
        density = detail.density.unpack()
        voxel = detail.volume / density.size
        assert density.sum() * voxel == pytest.approx(
            detail.structure.composition["Li"], rel=1e-4
        )


def test_frames_lie_in_the_data_store_and_join_without_repeats(finished):
    store, document = finished
    run = store.get_output(document.runs[0].run_uuid, load=False)
    chunks = run["chunk_uuids"]
    assert len(chunks) == 4
    unloaded = store.get_output(chunks[-1], load=False)["frames"]
    assert "blob_uuid" in unloaded
    joined = join_trajectory(chunks, store)
    assert np.diff(joined.times) == pytest.approx(np.full(59, 5.0))
    assert joined.times[0] == 25.0
    assert joined.positions.shape == (60, document.nsites, 3)
    assert np.abs(np.diff(joined.positions, axis=0)).max() < 1.0


def test_chunks_out_of_order_and_runs_without_frames_are_refused(finished):
    store, document = finished
    chunks = store.get_output(document.runs[0].run_uuid)["chunk_uuids"]
    with pytest.raises(TrajectoryError, match="order"):
        join_trajectory([chunks[0], chunks[2]], store)
    with pytest.raises(EmptyTrajectoryError):
        join_trajectory(chunks[:1], store)
    assert load_chunk(chunks[0], store).equilibration


@job
def as_relaxed(structure):
    return {"structure": structure}


def test_a_structure_of_another_job_is_moved_too(finished):
    before = as_relaxed(crystal("gamma-Li3PS4"))
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=POTENTIAL), settings=SETTINGS
    )
    flow = maker.make(before.output["structure"], label="gamma-Li3PS4")
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(Flow([before, flow]), store=store, ensure_success=True, log=False)
    document = store.get_output(flow.output.uuid)  # decoded: a reference led to it
    assert [run.D for run in document.runs] == [run.D for run in finished[1].runs]
    alone = ConductivityFlowMaker(engine=EngineSettings(name="ann"), settings=SETTINGS)
    with pytest.raises(ConductivityError, match="potential_uuid"):
        alone.make(before.output["structure"])


def test_every_chunk_is_a_job_with_a_name_of_its_own():
    maker = ConductivityFlowMaker(engine=EngineSettings(name="ann"), settings=SETTINGS)
    flow = maker.make(crystal("beta-Li3PS4"), label="beta", potential_uuid=POTENTIAL)
    names = [job.name for job, _ in flow.iterflow()]
    assert len(names) == len(set(names)) == 2 * (1 + 3 + 1) + 1
    again = ConductivityFlowMaker.from_dict(maker.as_dict())
    assert again == maker


@pytest.mark.parametrize("target_atoms", [16, 60])
def test_velocities_of_another_run_are_not_taken_along(target_atoms):
    moving = crystal("gamma-Li3PS4")
    moving.add_site_property("velocities", [[0.01, 0.0, 0.0]] * 16)
    moving.add_site_property("selective_dynamics", [[False] * 3] * 16)
    settings = SETTINGS.model_copy(update={"target_atoms": target_atoms})
    maker = ConductivityFlowMaker(engine=EngineSettings(name="ann"), settings=settings)
    flow = maker.make(moving, potential_uuid=POTENTIAL)
    starts = [
        argument
        for job, _ in flow.iterflow()
        for argument in job.function_args
        if isinstance(argument, Structure)
    ]
    assert {len(start) for start in starts} == {64 if target_atoms == 60 else 16}
    assert all(start.site_properties == {} for start in starts)


def test_vasp_runs_in_chained_jobs_of_its_own():
    maker = ConductivityFlowMaker(engine=EngineSettings(name="vasp"), settings=SETTINGS)
    flow = maker.make(crystal("gamma-Li3PS4"), label="gamma")
    jobs = {job.name: job for job, _ in flow.iterflow()}
    tasks = [job for name, job in jobs.items() if name.endswith("(vasp)")]
    assert len(tasks) == 8
    second = jobs["gamma 600 K md 2/4 (vasp)"]
    generator = second.maker.input_set_generator
    assert (generator.nsteps, generator.start_temp) == (100, 600.0)
    # the second continues from structure, velocities and folder of the first
    assert second.function_args[0].attributes[-1][1] == "structure"
    assert second.function_kwargs["prev_dir"].attributes[-1][1] == "dir_name"


@pytest.mark.parametrize(
    ("structure", "change", "engine", "field"),
    [
        ("P2S5", {}, EngineSettings(), "structure"),
        (
            "beta-Li3PS4",
            {"temperatures": (900.0,)},
            EngineSettings(),
            "conductivity.temperatures",
        ),
        (
            "beta-Li3PS4",
            {"temperatures": (900.0, 900.0, 1200.0)},
            EngineSettings(),
            "conductivity.temperatures",
        ),
        ("beta-Li3PS4", {}, EngineSettings(name="ann"), "potential_uuid"),
    ],
)
def test_what_cannot_give_a_conductivity_is_refused_before_it_runs(
    structure, change, engine, field
):
    maker = ConductivityFlowMaker(
        engine=engine, settings=SETTINGS.model_copy(update=change)
    )
    with pytest.raises(ConductivityError) as caught:
        maker.make(crystal(structure))
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_disordered_structure_is_refused_before_it_runs():
    mixed = Structure(np.eye(3) * 5, [{"Li": 0.5, "P": 0.5}, "S"], np.eye(3)[:2] / 2)
    with pytest.raises(ConductivityError) as caught:
        ConductivityFlowMaker(settings=SETTINGS).make(mixed)
    assert caught.value.field == "structure"


def test_oxidation_states_do_not_hide_the_mobile_ion():
    charged = crystal("gamma-Li3PS4")
    charged.add_oxidation_state_by_element({"Li": 1, "P": 5, "S": -2})
    flow = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=POTENTIAL), settings=SETTINGS
    ).make(charged)
    started = next(
        job.function_args[0]
        for job, _ in flow.iterflow()
        if job.function_args and isinstance(job.function_args[0], Structure)
    )
    assert started.composition["Li"] == len(started) * 3 / 8


def test_an_exploding_run_ends_in_a_document_that_says_so():
    broken = crystal("gamma-Li3PS4")
    # two atoms on top of each other: the potential refuses them
    broken = Structure(
        broken.lattice,
        broken.species,
        [*broken.frac_coords[:-1], broken.frac_coords[0] + 1e-6],
    )
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=POTENTIAL), settings=SETTINGS
    )
    flow = maker.make(broken, label="broken")
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, ensure_success=True, log=False)
    document = validated(TransportDocument, store.get_output(flow.output.uuid))
    assert document.conductivity is None
    assert not any(run.used for run in document.runs)
    assert any("no Arrhenius line" in warning for warning in document.warnings)
