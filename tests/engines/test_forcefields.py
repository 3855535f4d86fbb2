import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import crystal
from lps_flows.engines import (
    Engine,
    EngineError,
    EngineSettings,
    get_engine,
    read_calculation,
    read_path,
)
from lps_flows.engines.engine import refuse_unphysical
from lps_flows.jobs.dynamics import DynamicsSettings, run_chunk


@pytest.fixture(scope="module")
def engine() -> Engine:
    return get_engine(EngineSettings(fmax=0.05, max_steps=60))


@pytest.fixture(scope="module")
def cell() -> Structure:
    """Three atoms of Li2S."""
    return crystal("Li2S").get_primitive_structure()


def strained(cell: Structure, factor: float) -> Structure:
    return Structure(
        Lattice(cell.lattice.matrix * factor), cell.species, cell.frac_coords
    )


@pytest.mark.parametrize("name", ["chgnet", "diep"])
def test_forces_and_stress_are_derivatives_of_the_energy(name, cell):
    engine = get_engine(EngineSettings(name=name))
    moved = cell.copy()
    moved.translate_sites([0], [0.1, 0.05, 0.0], frac_coords=False)
    result = read_calculation(engine.compute(moved, relax=False))
    step = 1e-2

    def energy(structure):
        return read_calculation(engine.compute(structure, relax=False)).energy

    up, down = moved.copy(), moved.copy()
    up.translate_sites([0], [step, 0, 0], frac_coords=False)
    down.translate_sites([0], [-step, 0, 0], frac_coords=False)
    force = -(energy(up) - energy(down)) / (2 * step)
    assert result.forces[0, 0] == pytest.approx(force, abs=5e-3)
    larger, smaller = strained(moved, 1.005), strained(moved, 0.995)
    # dE/dstrain of all three axes together: the trace of the stress, ASE's sign
    slope = (energy(larger) - energy(smaller)) / 0.01 / moved.volume
    assert np.trace(result.stress) == pytest.approx(slope, rel=0.05, abs=1e-3)


def test_relaxation_reaches_its_threshold(engine, cell):
    result = read_calculation(engine.compute(strained(cell, 1.04), relax=True))
    assert result.converged
    assert result.max_force < 0.05
    assert result.structure.volume == pytest.approx(cell.volume, rel=0.05)


def test_atoms_held_by_selective_dynamics_are_relaxed_all_the_same(engine, cell):
    moved = cell.copy()
    moved.translate_sites([0], [0.2, 0.1, 0.0], frac_coords=False)
    held = moved.copy()
    held.add_site_property("selective_dynamics", [[False] * 3] * len(held))
    free, said = (
        read_calculation(engine.compute(each, relax=True)) for each in (moved, held)
    )
    assert said.energy == pytest.approx(free.energy, abs=1e-6)
    real = read_calculation(engine.compute(said.structure, relax=False))
    assert said.max_force == pytest.approx(real.max_force, abs=1e-4)


def test_path_ends_where_the_relaxation_ends(engine, cell):
    task = engine.with_path(2).compute(strained(cell, 1.06), relax=True)
    path, end = read_path(task), read_calculation(task)
    assert path[-1].energy == end.energy
    assert not end.converged
    assert path[0].structure.volume == pytest.approx(cell.volume * 1.06**3)
    assert path[-1].energy < path[0].energy


def test_documents_stay_small(engine, cell):
    task = engine.compute(strained(cell, 1.03), relax=True)
    assert all(  # energies alone, for the change in the last step
        step.forces is None and step.stress is None and step.mol_or_struct is None
        for step in task.output.ionic_steps
    )
    assert not task.objects


def test_atoms_are_moved_inside_the_process(engine, cell):
    assert engine.in_process
    ends = []
    for seed in (3, 3, 4):
        settings = DynamicsSettings(frame_interval=2, seed=seed)
        run = run_chunk(
            cell, engine.calculator(), temperature=600, n_steps=8, settings=settings
        )
        assert run.frames.steps.unpack().tolist() == [0, 2, 4, 6, 8]
        assert np.isfinite(run.frames.temperatures.unpack()).all()
        ends.append(run.atoms.positions)
    assert np.array_equal(ends[0], ends[1])
    assert not np.allclose(ends[0], ends[2], atol=1e-6)


def test_threads_are_set():
    torch = pytest.importorskip("torch")
    chosen = get_engine(EngineSettings(threads=1))
    chosen.compute(crystal("Li2S").get_primitive_structure(), relax=False)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        (
            Structure(Lattice.cubic(4), ["Li", "S"], [[np.nan, 0, 0], [0.5] * 3]),
            "not finite",
        ),
        (
            Structure(Lattice.cubic(4), ["Li", "S"], [[0, 0, 0], [0.05, 0, 0]]),
            "closer than",
        ),
        (Structure(Lattice.cubic(1), ["Li", "S"], [[0, 0, 0], [0.5] * 3]), "per atom"),
    ],
)
def test_unphysical_structures_never_reach_the_engine(structure, reason):
    with pytest.raises(EngineError, match=reason):
        refuse_unphysical(structure)


def test_isolated_atoms_are_an_error_not_a_wrong_energy(engine):
    lonely = Structure(Lattice.cubic(20), ["Li", "S"], [[0, 0, 0], [0.5] * 3])
    with pytest.raises(ValueError, match="isolated"):
        engine.compute(lonely, relax=False)


def test_engine_of_other_processes_refuses_to_run_here(cell):
    vasp = get_engine(EngineSettings(name="vasp"))
    assert not vasp.in_process
    with pytest.raises(EngineError, match="cannot run inside"):
        vasp.compute(cell, relax=False)
    with pytest.raises(EngineError, match="cannot move atoms"):
        vasp.calculator()


def test_engine_of_this_process_has_no_jobs_of_dynamics(engine):
    with pytest.raises(EngineError, match="50 steps of 2 fs at 600 K"):
        engine.with_md(temperature=600, n_steps=50, time_step=2)


def test_nothing_to_compute_is_said(engine):
    with pytest.raises(EngineError, match="no structure"):
        engine.compute(None, relax=True)


@pytest.mark.parametrize("name", ["chgnet", "diep"])
def test_force_and_stress_are_both_below_their_thresholds(name):
    engine, loose = (
        get_engine(
            EngineSettings(name=name, fmax=0.02, max_stress=limit, max_steps=300)
        )
        for limit in (0.02, 1.0)
    )
    cell = crystal("Li2S").get_primitive_structure()
    cell.apply_strain(0.03)
    tight, slack = (
        read_calculation(each.compute(cell, relax=True)) for each in (engine, loose)
    )
    assert tight.converged
    assert slack.converged
    assert tight.max_stress <= 0.02 < slack.max_stress <= 1.0
    assert tight.energy < slack.energy
    assert tight.energy_change <= 0


def test_the_shape_relaxes_at_fixed_volume():
    cell = crystal("gamma-Li3PS4")
    cell.apply_strain([0.03, -0.02, 0.0])
    shaped = read_calculation(
        get_engine(EngineSettings(max_steps=60))
        .with_fixed_volume()
        .compute(cell, relax=True)
    )
    assert shaped.structure.volume == pytest.approx(cell.volume, rel=1e-4)
    assert shaped.structure.lattice.a != pytest.approx(cell.lattice.a, rel=5e-3)
