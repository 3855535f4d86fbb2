"""The cell at temperature, several seeds, and the collective conductivity."""

from dataclasses import replace

import numpy as np
import pytest
from jobflow import JobStore, OnMissing, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Lattice, Structure

from lps_flows.analysis.framework import sampling_statistics
from lps_flows.analysis.trajectory import EmptyTrajectoryError
from lps_flows.analysis.transport import pooled_ratio, summarise_transport
from lps_flows.chemistry import crystal, supercell_near
from lps_flows.engines import EngineError, EngineSettings, get_engine
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs import thermal_cell
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.run_analysis import TransportSettings
from lps_flows.jobs.thermal_cell import ThermalCellMaker, needs_process
from lps_flows.jobs.unsure import GuardSettings
from lps_flows.schemas.md import MDRunDocument, ThermalCellDocument
from lps_flows.schemas.transport import TransportDocument
from tests.engines.stub import Spiteful, StubStaticMaker, stub_engine

FAST = DynamicsSettings(time_step=2.0, damping_time=50.0)


@pytest.fixture(scope="module")
def solid():
    """A Lennard-Jones solid at its lattice constant, found by relaxation."""
    cell = Structure(Lattice.cubic(3.3), ["Li"] * 4, _FCC)
    engine = stub_engine(steps=200)
    tight = engine.relax.relax_kwargs | {"fmax": 1e-4}
    relaxing = replace(engine.relax, relax_cell=True, relax_kwargs=tight)
    engine = replace(engine, relax=relaxing)
    relaxed = engine.compute(cell, relax=True).structure
    return relaxed * (2, 2, 2)


_FCC = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def at_temperature(solid, temperature, duration=2000.0):
    maker = ThermalCellMaker(engine=stub_engine(), settings=FAST, duration=duration)
    job = maker.make(solid, temperature=temperature, label="solid")
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(job, store=store, ensure_success=True, log=False)
    return ThermalCellDocument.from_store(store.get_output(job.uuid))


def test_a_solid_expands_with_temperature_and_keeps_its_shape(solid):
    cold, hot = (at_temperature(solid, T) for T in (50.0, 200.0))
    assert solid.volume < cold.volume - cold.volume_error
    assert cold.volume + 2 * cold.volume_error < hot.volume < 1.15 * solid.volume
    assert np.allclose(hot.structure.frac_coords, solid.frac_coords)
    ratios = np.array(hot.structure.lattice.abc) / solid.lattice.abc
    assert np.allclose(ratios, (hot.volume / solid.volume) ** (1 / 3))
    assert hot.relaxed_volume == pytest.approx(solid.volume)
    assert "% off the relaxed one's" in hot.remarks[0]


def test_a_cell_that_comes_apart_is_no_cell_and_says_why(solid):
    burst = at_temperature(solid, 4000.0, duration=4000.0)
    assert burst.volume is None
    assert "came apart" in burst.failure
    assert burst.remarks == [burst.failure]
    assert burst.structure.lattice == solid.lattice


class Bursting(Spiteful):
    """A calculator that fails on cells two per cent larger than `volume`."""

    def __init__(self, volume, error, **kwargs):
        super().__init__(**kwargs)
        self.volume, self.error = volume, error

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        if self.atoms.get_volume() > 1.02 * self.volume:
            raise self.error


@pytest.fixture
def bursting(solid, monkeypatch):
    """Let the stub's calculator end with an error on the way."""

    def burst(error):
        def calculator(maker):
            return Bursting(solid.volume, error, **maker.calculator_kwargs)

        monkeypatch.setattr(StubStaticMaker, "_get_calculator", calculator)

    return burst


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: launch failure"), MemoryError("no memory")]
)
def test_what_the_machine_did_is_no_answer(solid, bursting, error):
    """The job fails, and may be run again."""
    bursting(error)
    with pytest.raises(RuntimeError):  # of `ensure_success`
        at_temperature(solid, 200.0)
    chunk = MDChunkMaker(engine=stub_engine(), settings=FAST)
    hot = solid.copy()
    hot.scale_lattice(1.05 * solid.volume)
    with pytest.raises(type(error)):
        type(chunk).make.original(
            chunk, hot, temperature=50.0, n_steps=20, label="solid"
        )


def test_a_potential_that_refuses_on_the_way_costs_its_temperature_alone(
    solid, bursting
):
    bursting(ValueError("two atoms are 0.38 Å apart"))
    lost = at_temperature(solid, 200.0)
    assert lost.volume is None
    assert "two atoms are 0.38 Å apart" in lost.failure
    assert lost.structure.lattice == solid.lattice


def test_a_cell_that_collapses_is_no_cell_either(solid):
    wide = solid.copy()
    wide.scale_lattice(1.6 * solid.volume)
    fallen = at_temperature(wide, 50.0)
    assert fallen.volume is None
    assert "came apart: volume -" in fallen.failure


def test_the_mean_volume_is_that_of_what_has_settled(solid, monkeypatch):
    """Two fifths of the looks at the volume, one in five steps, are left out."""
    seen = []

    def watched(values, times):
        seen.append((len(values), times[1] - times[0]))
        return sampling_statistics(values, times)

    monkeypatch.setattr(thermal_cell, "sampling_statistics", watched)
    at_temperature(solid, 50.0, duration=1000.0)
    assert seen == [(60, 10.0)]


def test_a_temperature_without_a_cell_does_not_cost_the_others():
    analysis = TransportSettings(density_spacing=0.8, min_jumps=0.0)
    settings = ConductivitySettings(
        temperatures=(500.0, 700.0, 9000.0),
        equilibration=20.0,
        production=300.0,
        frame_interval=5,
        target_atoms=20,
        npt=200.0,
        damping_time=20.0,
        analysis=analysis,
    )
    engine = EngineSettings(name="ann", potential="Li-P-S-dynamics")
    flow = ConductivityFlowMaker(engine=engine, settings=settings).make(
        crystal("gamma-Li3PS4"), label="gamma"
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, ensure_success=True, log=False)
    found = TransportDocument.from_store(store.get_output(flow.output.uuid, load=True))
    cold, warm, hot = found.runs
    assert (cold.D, warm.D, hot.D) == (cold.D, warm.D, None)
    assert None not in {cold.D, warm.D}
    assert "no cell at 9000 K" in hot.reason
    # the line is extrapolated for the relaxed cell, and each run counts its own
    assert found.structure.volume == pytest.approx(
        supercell_near(crystal("gamma-Li3PS4"), 20).volume
    )
    run = MDRunDocument.from_store(store.get_output(warm.run_uuid, load=True))
    assert run.volume != pytest.approx(found.structure.volume, rel=1e-4)
    broken = MDRunDocument.from_store(store.get_output(hot.run_uuid, load=True))
    assert not GuardSettings().unsure(broken)  # there is nothing to learn from
    # nor does a run whose analysis failed
    collect = flow.jobs[-1]
    assert collect.config.on_missing_references == OnMissing.NONE
    make = type(collect.maker).make.original
    uuids = [warm.run_uuid, "lost"]
    known = make(collect.maker, [run, None], uuids, "gamma", start=run.structure)
    assert [r.run_uuid for r in known.runs] == [warm.run_uuid]
    assert any("not analysed (job lost)" in warning for warning in known.warnings)
    with pytest.raises(EmptyTrajectoryError, match="none of the runs"):
        make(collect.maker, [None], ["lost"], "gamma")


def test_each_run_counts_the_ions_of_its_own_cell():
    runs = [(T, 1e-6, (8e-7, 1.2e-6)) for T in (700.0, 900.0)]
    facts = {"charge": 1.0, "reference_temperature": 300.0}
    one = summarise_transport(runs, number_density=0.02, **facts)
    own = summarise_transport(
        runs, number_density=0.02, densities={900.0: 0.01}, **facts
    )
    assert own.conductivity == one.conductivity
    assert own.conductivities["700"] == one.conductivities["700"]
    assert own.conductivities["900"] == pytest.approx(one.conductivities["900"] / 2)


def test_an_engine_with_jobs_of_its_own_has_no_constant_pressure():
    with pytest.raises(EngineError) as caught:
        needs_process(get_engine(EngineSettings(name="vasp")), 5000.0)
    assert caught.value.field == "conductivity.npt"
    assert caught.value.value == 5000.0


@pytest.mark.parametrize(("n_seeds", "npt"), [(1, 0.0), (2, 0.0), (2, 400.0)])
def test_every_seed_is_a_run_and_every_temperature_has_its_cell(n_seeds, npt):
    settings = ConductivitySettings(
        temperatures=(500.0, 700.0),
        equilibration=0.0,
        production=1000.0,
        n_seeds=n_seeds,
        npt=npt,
    )
    flow = ConductivityFlowMaker(
        engine=EngineSettings(name="chgnet"), settings=settings
    ).make(crystal("beta-Li3PS4"), label="beta")
    names = [job.name for job, _ in flow.iterflow()]
    assert len(names) == len(set(names))
    assert sum(name.endswith("cell") for name in names) == (2 if npt else 0)
    assert sum("analysis" in name for name in names) == 2 * n_seeds
    chunks = [job for job, _ in flow.iterflow() if " md " in job.name]
    seeds = {job.maker.settings.seed for job in chunks}
    assert seeds == set(range(n_seeds))
    if npt:
        cells = {j.uuid for j, _ in flow.iterflow() if j.name.endswith("cell")}
        assert {job.function_args[0].uuid for job in chunks} == cells


def test_runs_of_one_temperature_are_averaged_and_enter_the_line_each():
    line = [(T, 1e-2 * np.exp(-0.2 / (8.617e-5 * T))) for T in (700.0, 900.0, 1200.0)]
    runs = [
        (T, D * factor, (0.8 * D * factor, 1.25 * D * factor))
        for T, D in line
        for factor in (0.9, 1.1)
    ]
    kwargs = {"number_density": 0.02, "charge": 1.0, "reference_temperature": 300.0}
    found = summarise_transport(runs, **kwargs)
    alone = summarise_transport(
        [(T, D, (0.8 * D, 1.25 * D)) for T, D in line], **kwargs
    )
    assert found.conductivity == pytest.approx(alone.conductivity, rel=0.02)
    assert found.conductivities["700"] == pytest.approx(alone.conductivities["700"])
    assert np.ptp(found.conductivity_interval) < np.ptp(alone.conductivity_interval)


def test_ratios_that_scatter_more_than_their_errors_widen_the_interval():
    calm = pooled_ratio([(0.5, (0.45, 0.55)), (0.5, (0.45, 0.55))])
    wild = pooled_ratio([(0.25, (0.23, 0.27)), (1.0, (0.93, 1.08))])
    assert wild[0] == pytest.approx(0.5, rel=0.1)
    assert np.log(wild[1][1] / wild[1][0]) > 5 * np.log(calm[1][1] / calm[1][0])
    assert pooled_ratio([]) is None
