"""The path of the GPU, on a GPU where there is one, else on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms

from lps_flows.potential.network import ACTIVATIONS
from tests.potential.toy import random_potential, random_structure

DEVICE = "cuda" if torch.cuda.is_available() else "torch"


def check(potential, structures, committee=False, tolerance=1e-10):
    expected = potential.evaluate(structures, committee=committee)
    found = potential.to(device=DEVICE).evaluate(structures, committee=committee)
    for a, b in zip(found, expected, strict=True):
        assert a.energy == pytest.approx(b.energy, abs=tolerance)
        assert np.allclose(a.atomic_energies, b.atomic_energies, atol=tolerance)
        assert np.allclose(a.forces, b.forces, atol=tolerance)
        if b.stress is not None:
            assert np.allclose(a.stress, b.stress, atol=tolerance)
        if committee:
            assert a.energy_std == pytest.approx(b.energy_std, abs=tolerance)
            assert np.allclose(a.forces_std, b.forces_std, atol=tolerance)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_same_as_the_compiled_path(activation):
    potential = random_potential(activation=activation, members=2, angular_cutoff=4.5)
    check(potential, [random_structure(k, n=4 + 3 * k) for k in range(5)], True)


@pytest.mark.parametrize(
    "shape",
    [
        {"species": ("Li",), "radial_order": 0, "angular_order": 0},
        {"species": ("S", "Li"), "radial_order": 1, "angular_order": 1},
        {"radial_order": 7, "angular_order": 2, "radial_cutoff": 4.0},
    ],
)
def test_other_descriptors(shape):
    potential = random_potential(**shape)
    species = shape.get("species", ("Li", "P", "S"))
    check(potential, [random_structure(k, species=species) for k in range(3)])


def test_atoms_without_neighbours():
    lonely = Atoms("Li", [[1, 2, 3]])
    pair = Atoms("LiS", [[0, 0, 0], [50, 0, 0]])
    check(random_potential(), [lonely, pair, random_structure()])


def test_energies_alone_and_auto():
    potential = random_potential()
    atoms = random_structure()
    found = potential.to(device=DEVICE).evaluate(atoms, forces=False, stress=False)
    assert found.energy == pytest.approx(potential.evaluate(atoms).energy, abs=1e-10)
    assert found.forces is None
    auto = potential.to(device="auto")
    assert auto.device == ("cuda" if torch.cuda.is_available() else "cpu")


def test_float32():
    potential = random_potential().to(dtype="float32")
    check(potential, [random_structure(k) for k in range(2)], tolerance=2e-3)
