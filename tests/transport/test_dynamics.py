from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones
from ase.md.nose_hoover_chain import NoseHooverChainNVT
from pymatgen.core import Lattice, Structure

from lps_flows.analysis.framework import sampling_statistics
from lps_flows.chemistry import closest_contact
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.jobs.dynamics import (
    DynamicsError,
    DynamicsSettings,
    final_structure,
    initial_atoms,
    run_chunk,
)
from lps_flows.jobs.nose_hoover import (
    RestartableNoseHoover,
    kinetic_temperature,
    velocities_from_ase,
    velocities_to_ase,
)
from tests.potential.toy import random_potential

CELL = Structure(
    Lattice.cubic(9.0),
    ["Li"] * 12 + ["P"] * 4 + ["S"] * 11,
    [[i / 3, j / 3, k / 3] for i in range(3) for j in range(3) for k in range(3)],
)
SETTINGS = DynamicsSettings(frame_interval=5, damping_time=25.0, seed=3)


class Springs(Calculator):
    """Atoms tied to their sites: a solid whose temperature is known exactly."""

    implemented_properties: ClassVar = ["energy", "free_energy", "forces"]

    def __init__(self, sites, stiffness=2.0):
        super().__init__()
        self.sites, self.stiffness = sites, stiffness

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        off = atoms.positions - self.sites
        off = off - off.mean(axis=0)
        energy = 0.5 * self.stiffness * float((off**2).sum())
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": -self.stiffness * off,
        }


@pytest.fixture(scope="module")
def ann(tmp_path_factory):
    path = tmp_path_factory.mktemp("ann") / "potential"
    random_potential(radial_cutoff=4.0, angular_cutoff=3.0).save(path)
    found = next(path.parent.glob("potential*"))
    engine = get_engine(EngineSettings(name="ann", potential=str(found)))
    return engine.calculator


def unpacked(result):
    frames = result.frames
    return (
        frames.steps.unpack(),
        frames.positions.unpack(),
        frames.temperatures.unpack(),
        frames.conserved_energies.unpack(),
    )


def test_chunked_run_on_the_ann_engine_equals_the_unbroken_one(ann):
    run = {"temperature": 600.0, "settings": SETTINGS}
    whole = run_chunk(CELL, ann(), n_steps=60, **run)
    parts, state, step, structure = [], None, 0, CELL
    for n in (20, 5, 35):
        part = run_chunk(
            structure, ann(), n_steps=n, first_step=step, state=state, **run
        )
        parts.append(unpacked(part))
        # as between two jobs: through JSON
        state = type(part.state).model_validate_json(part.state.model_dump_json())
        structure = final_structure(part.atoms)
        step += n
    for together, alone in zip(zip(*parts, strict=True), unpacked(whole), strict=True):
        np.testing.assert_array_equal(np.concatenate(together), alone)
    assert list(unpacked(whole)[0]) == list(range(0, 61, 5))
    assert state == whole.state


def test_temperature_and_its_fluctuation_are_canonical():
    # anharmonic, and no two atoms ever meet
    solid = LennardJones(sigma=2.6, epsilon=0.3, rc=4.2, smooth=True)
    result = run_chunk(
        CELL,
        solid,
        temperature=500.0,
        n_steps=3000,
        settings=DynamicsSettings(frame_interval=10, damping_time=25.0, time_step=2.0),
        keep_positions=False,
    )
    kinetic = result.frames.temperatures.unpack()[50:]
    found = sampling_statistics(kinetic, 20.0 * np.arange(len(kinetic)))
    assert found.mean == pytest.approx(500, abs=3 * found.error + 2)
    canonical = 500 * np.sqrt(2 / (3 * len(CELL) - 3))
    assert found.fluctuation == pytest.approx(canonical, rel=0.2)


def test_integrator_is_that_of_ase_with_the_degrees_of_freedom_there_are(ann):
    ours = initial_atoms(CELL, 500.0, 1, draw=True)
    theirs = ours.copy()
    ours.calc, theirs.calc = ann(), ann()
    kwargs = {"temperature_K": 700.0, "tdamp": 20 * units.fs}
    integrator = RestartableNoseHoover(ours, units.fs, **kwargs)
    reference = NoseHooverChainNVT(theirs, units.fs, **kwargs)
    reference._thermostat._num_atoms_global = len(CELL) - 1
    reference._thermostat._Q[0] *= (len(CELL) - 1) / len(CELL)
    for _ in range(20):
        integrator.step()
        reference.step()
    integrator.synchronise()
    assert ours.positions == pytest.approx(theirs.positions, abs=1e-9)
    assert ours.get_momenta() == pytest.approx(theirs.get_momenta(), abs=1e-9)
    assert integrator.conserved_energy() == pytest.approx(
        reference.get_conserved_energy(), abs=1e-9
    )


def test_energy_of_atoms_and_thermostat_is_conserved(ann):
    result = run_chunk(CELL, ann(), temperature=300.0, n_steps=200, settings=SETTINGS)
    conserved = result.frames.conserved_energies.unpack()
    kinetic = 1.5 * units.kB * 300 * len(CELL)
    assert np.ptp(conserved) < 0.02 * kinetic


def test_start_has_the_asked_temperature_and_no_momentum():
    atoms = initial_atoms(CELL, 700.0, 0, draw=True)
    assert kinetic_temperature(atoms) == pytest.approx(700)
    assert np.abs(atoms.get_momenta().sum(axis=0)).max() < 1e-10
    other = initial_atoms(CELL, 700.0, 1, draw=True)
    assert np.abs(atoms.get_velocities() - other.get_velocities()).max() > 0


def test_a_net_force_of_the_engine_does_not_move_the_cell():
    class Pulled(Springs):
        def calculate(self, atoms=None, properties=None, system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            self.results["forces"] = self.results["forces"] + [0.01, 0.0, 0.0]

    start = initial_atoms(CELL, 500.0, 1, draw=False)
    result = run_chunk(
        CELL,
        Pulled(start.positions.copy()),
        temperature=500.0,
        n_steps=200,
        settings=SETTINGS,
    )
    assert result.failure is None
    assert np.abs(result.atoms.get_momenta().sum(axis=0)).max() < 1e-9
    assert result.atoms.get_center_of_mass() == pytest.approx(
        start.get_center_of_mass(), abs=1e-9
    )


def test_velocities_keep_their_size_between_codes():
    # 1 Å/fs = 1e5 m/s: a Li atom (6.94 u) at that speed has 360 eV.
    atoms = Atoms("Li", positions=[[0, 0, 0]])
    atoms.set_velocities(velocities_to_ase(np.array([[1.0, 0, 0]])))
    joule = 0.5 * atoms.get_masses()[0] * 1.66053906660e-27 * 1e10
    assert atoms.get_kinetic_energy() == pytest.approx(joule / 1.602176634e-19)
    back = velocities_from_ase(atoms.get_velocities())
    assert back == pytest.approx(np.array([[1.0, 0, 0]]))


def test_velocities_of_a_structure_start_the_run():
    first = initial_atoms(CELL, 400.0, 0, draw=True)
    structure = final_structure(first)
    again = initial_atoms(structure, 900.0, 0, draw=True)
    assert again.get_velocities() == pytest.approx(first.get_velocities())
    copied = Structure.from_dict(structure.as_dict())
    assert copied.site_properties["velocities"] is not None


def test_an_explosion_is_recorded_not_raised():
    class Exploding(Springs):
        def calculate(self, atoms=None, properties=None, system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            self.results["forces"] = self.results["forces"] * -50

    sites = initial_atoms(CELL, 500.0, 1, draw=False).positions.copy()
    result = run_chunk(
        CELL, Exploding(sites), temperature=500.0, n_steps=200, settings=SETTINGS
    )
    assert "K at a thermostat of 500 K" in result.failure
    assert result.state is None
    assert result.n_frames < 41
    assert len(result.frames.positions.unpack()) == result.n_frames


def test_atoms_held_in_one_place_end_a_run():
    """As a potential does with Li and S where nothing taught it: calm, and wrong."""
    sites = initial_atoms(CELL, 500.0, 1, draw=False).positions.copy()
    sites[1] = sites[0] + [0.8, 0.0, 0.0]
    result = run_chunk(
        CELL, Springs(sites), temperature=500.0, n_steps=2000, settings=SETTINGS
    )
    assert "of the sum of their covalent radii apart" in result.failure
    assert result.state is None
    # what led there is kept: a potential may learn from it
    kept = result.frames.positions.unpack()
    assert len(kept) == result.n_frames > 1
    for positions in kept:
        frame = Structure(
            CELL.lattice, CELL.species, positions, coords_are_cartesian=True
        )
        assert closest_contact(frame) > 0.5


@pytest.mark.parametrize("stiffness", [2.0, -100.0])
def test_positions_of_an_equilibration_are_kept_where_it_failed(stiffness):
    sites = initial_atoms(CELL, 500.0, 1, draw=False).positions.copy()
    result = run_chunk(
        CELL,
        Springs(sites, stiffness),
        temperature=500.0,
        n_steps=200,
        settings=SETTINGS,
        keep_positions=False,
    )
    assert (result.failure is None) == (stiffness > 0)
    assert (result.frames.positions is None) == (stiffness > 0)


def test_a_melt_that_is_cooled_in_a_step_has_not_exploded():
    """It comes to the cold thermostat as hot as the one before left it."""
    sites = initial_atoms(CELL, 500.0, 1, draw=False).positions.copy()
    hot = run_chunk(
        CELL, Springs(sites), temperature=500.0, n_steps=200, settings=SETTINGS
    )
    cold = run_chunk(
        final_structure(hot.atoms),
        Springs(sites),
        temperature=10.0,
        n_steps=200,
        settings=SETTINGS,
        before=500.0,
    )
    assert cold.frames.temperatures.unpack()[0] > 4 * 10
    assert cold.failure is None


def test_chunks_are_whole_frame_intervals():
    settings = DynamicsSettings(frame_interval=20, chunk_length=1000.0)
    assert settings.chunks(2510.0) == [1000, 1000, 520]
    assert settings.chunks(0.0) == []
    # none is longer than asked, but for frames further apart than that
    uneven = DynamicsSettings(frame_interval=20, chunk_length=30.0)
    assert uneven.chunks(60.0) == [20, 20, 20]
    assert uneven.chunks(30.0) == [40]
    assert DynamicsSettings(chunk_length=5.0).chunks(40.0) == [20, 20]
    with pytest.raises(DynamicsError):
        run_chunk(CELL, Springs(0), temperature=1.0, n_steps=7, settings=SETTINGS)


@pytest.mark.parametrize("velocities", [None, [[0.0, 0.0, 0.0]]])
def test_a_single_atom_is_refused(velocities):
    one = Structure(Lattice.cubic(3.2), ["Li"], [[0, 0, 0]])
    if velocities is not None:
        one.add_site_property("velocities", velocities)
    with pytest.raises(DynamicsError, match="single atom"):
        run_chunk(one, Springs(0), temperature=300.0, n_steps=5, settings=SETTINGS)
