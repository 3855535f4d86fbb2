"""What must not change the energy, and that forces and stress are its derivatives."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ase.build import make_supercell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lps_flows.potential.network import ACTIVATIONS
from tests.potential.toy import random_potential, random_structure

POTENTIAL = random_potential(angular_cutoff=4.0)
quickly = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
seeds = st.integers(0, 10_000)


def energy(atoms):
    return POTENTIAL.evaluate(atoms, forces=False, stress=False).energy


@quickly
@given(seeds, st.tuples(*[st.floats(-50, 50)] * 3))
def test_translation(seed, vector):
    atoms = random_structure(seed)
    before = POTENTIAL.evaluate(atoms)
    atoms.translate(vector)
    after = POTENTIAL.evaluate(atoms)
    assert after.energy == pytest.approx(before.energy, abs=1e-10)
    assert np.allclose(after.forces, before.forces, atol=1e-10)


@quickly
@given(seeds)
def test_rotation(seed):
    atoms = random_structure(seed)
    r = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    before = POTENTIAL.evaluate(atoms)
    atoms.set_cell(atoms.cell.array @ r.T)
    atoms.set_positions(atoms.positions @ r.T)
    after = POTENTIAL.evaluate(atoms)
    assert after.energy == pytest.approx(before.energy, abs=1e-10)
    assert np.allclose(after.forces, before.forces @ r.T, atol=1e-10)
    assert np.allclose(after.stress, r @ before.stress @ r.T, atol=1e-10)


@quickly
@given(seeds)
def test_permutation(seed):
    atoms = random_structure(seed)
    order = np.random.default_rng(seed).permutation(len(atoms))
    before, after = POTENTIAL.evaluate(atoms), POTENTIAL.evaluate(atoms[order])
    assert after.energy == pytest.approx(before.energy, abs=1e-10)
    assert np.allclose(after.forces, before.forces[order], atol=1e-10)


@quickly
@given(seeds, st.sampled_from([(2, 1, 1), (1, 2, 2), (1, 1, 3)]))
def test_supercell(seed, repeats):
    atoms = random_structure(seed, n=5, length=4.5)
    big = make_supercell(atoms, np.diag(repeats))
    before, after = POTENTIAL.evaluate(atoms), POTENTIAL.evaluate(big)
    n = int(np.prod(repeats))
    assert after.energy == pytest.approx(n * before.energy, abs=1e-9)
    assert np.allclose(after.forces, np.tile(before.forces, (n, 1)), atol=1e-10)
    assert np.allclose(after.stress, before.stress, atol=1e-10)


@quickly
@given(seeds)
def test_choice_of_cell(seed):
    """Another cell of the same lattice, atoms anywhere in it."""
    atoms = random_structure(seed)
    before = POTENTIAL.evaluate(atoms)
    other = np.array([[1, 0, 0], [3, 1, 0], [-2, 1, 1]])
    atoms.set_cell(other @ atoms.cell.array)
    shifts = np.random.default_rng(seed).integers(-3, 4, (len(atoms), 3))
    atoms.positions += shifts @ atoms.cell.array
    after = POTENTIAL.evaluate(atoms)
    assert after.energy == pytest.approx(before.energy, abs=1e-10)
    assert np.allclose(after.forces, before.forces, atol=1e-10)


@quickly
@given(seeds, st.booleans())
def test_forces_are_the_slope_of_the_energy(seed, periodic):
    atoms = random_structure(seed, n=6, length=5.0)
    atoms.pbc = periodic
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(len(atoms), 3))
    forces = POTENTIAL.evaluate(atoms).forces
    h = 1e-4
    up, down = atoms.copy(), atoms.copy()
    up.positions += h * direction
    down.positions -= h * direction
    slope = (energy(up) - energy(down)) / (2 * h)
    assert -np.sum(forces * direction) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    assert np.allclose(forces.sum(axis=0), 0, atol=1e-10)


@quickly
@given(seeds)
def test_stress_is_the_slope_along_a_strain(seed):
    atoms = random_structure(seed, n=6, length=5.0)
    strain = np.random.default_rng(seed).normal(size=(3, 3))
    strain = 0.5 * (strain + strain.T)
    stress = POTENTIAL.evaluate(atoms).stress
    h = 1e-5
    found = []
    for sign in (1, -1):
        other = atoms.copy()
        other.set_cell(
            atoms.cell.array @ (np.eye(3) + sign * h * strain), scale_atoms=True
        )
        found.append(energy(other))
    slope = (found[0] - found[1]) / (2 * h * atoms.get_volume())
    assert np.sum(stress * strain) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("species", "hidden"),
    [
        (("Li",), ()),
        (("S", "Li"), (7,)),
        (("P", "S", "Li"), {"Li": (3, 9, 2), "P": (), "S": (12,)}),
        (("Li", "P", "S", "O"), (16, 16)),
        (("O", "Li", "Cl", "S", "P"), (4, 4, 4)),
    ],
)
def test_forces_of_all_kinds_of_networks(activation, species, hidden):
    potential = random_potential(
        species, hidden, activation, radial_order=5, angular_order=3, seed=3
    )
    atoms = random_structure(5, n=8, species=species, length=5.0)
    result = potential.evaluate(atoms)
    assert result.energy == pytest.approx(result.atomic_energies.sum(), abs=1e-10)
    h = 1e-4
    for axis in range(3):
        found = []
        for sign in (1, -1):
            other = atoms.copy()
            other.positions[2, axis] += sign * h
            found.append(potential.evaluate(other).energy)
        slope = -(found[0] - found[1]) / (2 * h)
        assert result.forces[2, axis] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_batch_makes_no_difference():
    many = [random_structure(k, n=3 + k % 20) for k in range(40)]
    together = POTENTIAL.evaluate(many)
    for atoms, result in zip(many, together, strict=True):
        alone = POTENTIAL.evaluate(atoms)
        assert result.energy == pytest.approx(alone.energy, abs=1e-10)
        assert np.allclose(result.forces, alone.forces, atol=1e-10)
        assert np.allclose(result.stress, alone.stress, atol=1e-10)


def test_threads_make_no_difference():
    many = [random_structure(k, n=30, length=9) for k in range(7)]
    one = POTENTIAL.evaluator(threads=1).evaluate(many)
    three = POTENTIAL.evaluator(threads=3).evaluate(many)
    for a, b in zip(one, three, strict=True):
        assert a.energy == pytest.approx(b.energy, abs=1e-10)
        assert np.allclose(a.forces, b.forces, atol=1e-10)
        assert np.allclose(a.stress, b.stress, atol=1e-10)
    big = make_supercell(many[0], np.diag([3, 3, 2]))
    a = POTENTIAL.evaluator(threads=1).evaluate(big)
    b = POTENTIAL.evaluator(threads=4).evaluate(big)
    assert np.allclose(a.forces, b.forces, atol=1e-10)
    assert np.allclose(a.stress, b.stress, atol=1e-10)


def test_float32_is_close():
    many = [random_structure(k, n=20) for k in range(5)]
    exact = POTENTIAL.evaluate(many)
    rough = POTENTIAL.to(dtype="float32").evaluate(many)
    for a, b in zip(exact, rough, strict=True):
        assert a.energy == pytest.approx(b.energy, abs=1e-4 * 20)
        assert np.abs(a.forces - b.forces).max() < 1e-3
        assert a.energy != b.energy


@pytest.mark.slow
def test_fresh_and_cached_code_give_the_same_bits(tmp_path):
    """The first process of a machine compiles, later ones load what it compiled."""
    program = (
        "from tests.potential.toy import random_potential, random_structure\n"
        "result = random_potential(seed=3).evaluate(random_structure(1))\n"
        "print(result.forces.tobytes().hex(), result.stress.tobytes().hex())"
    )
    run = partial(
        subprocess.run,
        [sys.executable, "-c", program],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
    )
    fresh, cached = run().stdout, run().stdout
    assert fresh == cached
