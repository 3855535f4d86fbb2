import numpy as np
import pytest
from ase import Atoms
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import closest_contact, crystal, remove_units
from lps_flows.potential import (
    OverlappingAtomsError,
    RelaxationSettings,
    StructureError,
    relax_batch,
)
from lps_flows.potential.coordinates import RelaxedCoordinates
from tests.potential.toy import random_potential
from tests.toy_potential import ToyPotential, ToyResult

FIXED = RelaxationSettings(relax_cell=False, max_steps=25)


@pytest.fixture(scope="module")
def structures():
    rng = np.random.default_rng(3)
    gamma = crystal("gamma-Li3PS4")
    return [gamma, *(remove_units(gamma, "Li2S", 1, rng) for _ in range(3))]


@pytest.mark.parametrize("optimizer", ["lbfgs", "fire"])
@pytest.mark.parametrize("relax_cell", [False, True])
def test_relaxing_lowers_energy_and_forces(structures, optimizer, relax_cell):
    potential = ToyPotential()
    start = potential.evaluate(structures)
    settings = RelaxationSettings(
        optimizer=optimizer,
        relax_cell=relax_cell,
        max_steps=40,
        max_volume_change=3,
        min_distance=0.3,
    )
    for before, after in zip(
        start, relax_batch(structures, potential, settings), strict=True
    ):
        assert after.failure is None
        assert after.energy < before.energy - 0.1
        again = potential.evaluate([after.structure])[0]
        assert again.energy == pytest.approx(after.energy, abs=1e-9)
        np.testing.assert_allclose(again.forces, after.forces, atol=1e-8)


def test_a_batch_gives_what_each_structure_gives_alone(structures):
    together = relax_batch(structures, ToyPotential(), FIXED)
    for structure, result in zip(structures, together, strict=True):
        (alone,) = relax_batch([structure], ToyPotential(), FIXED)
        assert alone.n_steps == result.n_steps
        assert alone.energy == pytest.approx(result.energy, abs=1e-9)


def test_one_evaluation_per_step_and_converged_ones_drop_out(structures):
    settings = RelaxationSettings(relax_cell=False, max_steps=300, max_force=0.3)
    potential = ToyPotential()
    results = relax_batch(structures, potential, settings)
    steps = [result.n_steps for result in results]
    assert all(result.converged for result in results)
    assert len(set(steps)) > 1
    assert potential.n_calls == max(steps) + 1
    assert potential.n_evaluated == sum(steps) + len(steps)


def test_converged_means_below_the_thresholds(structures):
    settings = RelaxationSettings(
        max_steps=400, max_force=0.1, max_stress=0.002, max_volume_change=3
    )
    for result in relax_batch(structures[:2], ToyPotential(), settings):
        if result.converged:
            assert np.linalg.norm(result.forces, axis=1).max() < 0.1
            assert np.abs(result.stress).max() < 0.002


def test_zero_steps_evaluate_only(structures):
    settings = RelaxationSettings(max_steps=0)
    results = relax_batch(structures, ToyPotential(), settings)
    for structure, result in zip(structures, results, strict=True):
        assert result.n_steps == 0
        np.testing.assert_allclose(
            result.structure.cart_coords, structure.cart_coords, atol=1e-9
        )


def test_failures_are_recorded_and_leave_the_others_alone(structures):
    class Faulty(ToyPotential):
        def _one(self, atoms):
            result = super()._one(atoms)
            if len(atoms) == 15:
                result.energy = float("nan")
            if len(atoms) == 14:
                result.forces = result.forces + 1e4
            return result

    gamma = structures[0]
    close = gamma.copy()
    close.translate_sites([0], 0.95 * (gamma[8].frac_coords - gamma[0].frac_coords))
    nan, wild = gamma.copy(), gamma.copy()
    nan.remove_sites([0])
    wild.remove_sites([0, 1])
    results = relax_batch([close, nan, gamma, wild], Faulty(), FIXED)
    assert [r.failure for r in results] == [
        "minimum distance",
        "not finite",
        None,
        "exploded",
    ]
    (alone,) = relax_batch([gamma], ToyPotential(), FIXED)
    assert results[2].energy == pytest.approx(alone.energy)
    assert not any(r.converged for r in results if r.failure)


def test_a_cell_that_grows_without_end_has_exploded():
    class Pushing:
        def evaluate(self, structures, forces=True, stress=True, committee=False):
            return [
                ToyResult(-a.get_volume(), np.zeros((len(a), 3)), -0.5 * np.eye(3))
                for a in structures
            ]

    (result,) = relax_batch([crystal("Li2S")], Pushing())
    assert result.failure == "exploded"


def test_an_atom_beyond_all_reach_has_exploded(structures):
    far = structures[0].copy()
    far.translate_sites([0], [1e9, 0, 0], to_unit_cell=False)
    lost, kept = relax_batch([far, structures[1]], ToyPotential(), FIXED)
    assert lost.failure == "exploded"
    assert kept.failure is None


def test_overlaps_found_by_the_potential_drop_only_their_structures(structures):
    class Refusing(ToyPotential):
        def evaluate(self, structures, *args, **kwargs):
            bad = tuple(i for i, a in enumerate(structures) if len(a) == 16)
            if bad:
                error = OverlappingAtomsError("too close")
                error.structures = bad
                raise error
            return super().evaluate(structures, *args, **kwargs)

    results = relax_batch(structures, Refusing(), FIXED)
    assert [r.failure for r in results] == ["minimum distance", None, None, None]


def slab_of(structure):
    """The same atoms, periodic in two directions."""
    lattice = Lattice(structure.lattice.matrix, pbc=(True, True, False))
    return Structure(lattice, structure.species, structure.frac_coords)


def test_a_slab_stays_one_where_its_cell_is_fixed(structures):
    potential = random_potential(radial_cutoff=4.0, angular_cutoff=3.0)
    slab = slab_of(structures[0])
    (result,) = relax_batch([slab], potential, FIXED)
    assert result.n_steps > 0
    assert result.structure.lattice == slab.lattice
    again = potential.evaluate(result.structure)
    assert again.energy == pytest.approx(result.energy, abs=1e-9)
    np.testing.assert_allclose(again.forces, result.forces, atol=1e-8)


def test_what_cannot_relax_is_refused_before_any_step(structures):
    with pytest.raises(StructureError, match="periodic in all three"):
        relax_batch([structures[1], slab_of(structures[0])], ToyPotential())
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5, "P": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="disordered"):
        relax_batch([mixed], ToyPotential(), FIXED)


def test_uncertainty_comes_from_the_committee(structures):
    class Committee(ToyPotential):
        members = (1, 2)

        def evaluate(self, structures, forces=True, stress=True, committee=False):
            results = super().evaluate(structures)
            if committee:
                for result in results:
                    result.energy_std = 0.002
            return results

    results = relax_batch(structures, Committee(), FIXED)
    assert [r.energy_std for r in results] == [0.002] * 4
    assert relax_batch(structures, ToyPotential(), FIXED)[0].energy_std is None


def test_the_gradient_in_relaxed_coordinates_is_the_derivative():
    atoms = AseAtomsAdaptor.get_atoms(crystal("gamma-Li3PS4"), msonable=False)
    potential, rng = ToyPotential(), np.random.default_rng(1)
    coordinates = RelaxedCoordinates(atoms, relax_cell=True)
    x = coordinates.get_x()
    x[:-9] += rng.normal(scale=0.05, size=x.size - 9)
    tilt = rng.normal(scale=0.3, size=(3, 3))
    x[-9:] += (tilt + tilt.T).ravel()
    coordinates.set_x(x)
    result = potential.evaluate([atoms])[0]
    coordinates.set_values(result.energy, result.forces, result.stress)
    direction = rng.normal(size=x.size)
    tilt = rng.normal(size=(3, 3))
    direction[-9:] = (tilt + tilt.T).ravel()
    expected = coordinates.get_gradient() @ direction
    energies = []
    for sign in (1, -1):
        coordinates.set_x(x + sign * 1e-5 * direction)
        energies.append(potential.evaluate([atoms])[0].energy)
    assert (energies[0] - energies[1]) / 2e-5 == pytest.approx(expected, rel=1e-6)


def test_closest_contact_counts_periodic_images():
    single = Structure(Lattice.cubic(1.0), ["Li"], [[0, 0, 0]])
    atoms = AseAtomsAdaptor.get_atoms(single, msonable=False)
    assert closest_contact(atoms) == pytest.approx(1.0 / 2.56)
    # so do those of a cell that has collapsed
    single.scale_lattice(0.05**3)
    assert closest_contact(single) == pytest.approx(0.05 / 2.56)


def test_closest_contact_refuses_what_has_no_atoms_to_measure():
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5, "P": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="disordered"):
        closest_contact(mixed)
    with pytest.raises(StructureError, match="no atoms"):
        closest_contact(Atoms())


class Scripted:
    """Says of the n-th evaluation what is written, the same on every atom.

    Parameters
    ----------
    energies, forces
        Energy (eV), and force along x (eV/Å); the last ones hold from there on.
    """

    members = (1, 2)

    def __init__(self, energies, forces):
        self.energies, self.forces, self.asked = energies, forces, []

    def evaluate(self, structures, forces=True, stress=True, committee=False):
        (atoms,) = structures
        if committee:
            self.judged = atoms.positions.copy()
        k = min(len(self.asked), len(self.energies) - 1)
        self.asked.append(atoms.positions.copy())
        along = np.zeros((len(atoms), 3))
        along[:, 0] = self.forces[k]
        return [ToyResult(self.energies[k], along, np.zeros((3, 3)), energy_std=0.1)]


SIXTEEN = crystal("gamma-Li3PS4")


def test_the_end_is_where_it_converged_though_it_was_lower_on_the_way():
    potential = Scripted([-2.0, -1.9], [1.0, 0.0])
    (found,) = relax_batch([SIXTEEN], potential, FIXED)
    assert (found.converged, found.n_steps) == (True, 1)
    assert found.energy == -1.9
    assert not found.forces.any()


def test_what_rose_goes_back_and_is_judged_where_it_ends():
    potential = Scripted([-1.0, -2.0, -1.5], [1.0, 0.5, 0.25])
    settings = FIXED.model_copy(update={"max_steps": 3})
    (found,) = relax_batch([SIXTEEN], potential, settings)
    assert (found.converged, found.energy) == (False, -2.0)
    lowest = potential.asked[1]
    np.testing.assert_allclose(found.structure.cart_coords, lowest, atol=1e-12)
    np.testing.assert_allclose(potential.judged, lowest, atol=1e-12)
    assert not np.allclose(lowest, potential.asked[2])


def test_fires_steps_are_limited_for_each_atom_not_for_all_together():
    """Its first step of 0.1^2 times the force moves sixteen atoms by 0.08 Å each."""
    settings = RelaxationSettings(
        relax_cell=False, optimizer="fire", max_steps=1, max_step=0.1
    )
    potential = Scripted([-1.0, -2.0], [8.0, 8.0])
    (found,) = relax_batch([SIXTEEN], potential, settings)
    moved = found.structure.cart_coords - SIXTEEN.cart_coords
    assert moved[:, 0] == pytest.approx(0.08)


def test_atoms_that_end_on_each_other_have_not_converged():
    """The potential is content where no two atoms can be."""
    pair = Structure(Lattice.cubic(9), ["Li", "S"], [[0, 0, 0], [0.2, 0, 0]])

    class Closing(Scripted):
        def evaluate(self, structures, **options):
            (result,) = super().evaluate(structures, **options)
            result.forces[1] *= -1
            return [result]

    settings = RelaxationSettings(
        relax_cell=False, optimizer="fire", max_steps=9, max_step=1.0
    )
    contact = closest_contact(pair)
    assert contact > settings.min_distance > 0.5
    potential = Closing([-1.0, -2.0, -3.0, -4.0], [9.0, 9.0, 9.0, 0.0])
    (found,) = relax_batch([pair], potential, settings)
    assert closest_contact(found.structure) < settings.min_distance
    assert (found.failure, found.converged) == ("minimum distance", False)
