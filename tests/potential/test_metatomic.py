"""The exported model says what the potential says, through metatomic's own ASE door."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from lps_flows.potential.network import ACTIVATIONS
from tests.potential.toy import random_potential, random_structure

metatomic_ase = pytest.importorskip(
    "metatomic_ase", reason="metatomic is not installed (extra metatomic)"
)

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


def agrees(path, potential, structures):
    calculator = metatomic_ase.MetatomicCalculator(path, check_consistency=True)
    for atoms in structures:
        expected = potential.evaluate(atoms)
        atoms.calc = calculator
        energies = atoms.get_potential_energies()
        assert atoms.get_potential_energy() == pytest.approx(expected.energy, abs=1e-10)
        assert np.abs(energies - expected.atomic_energies).max() < 1e-10
        assert np.abs(atoms.get_forces() - expected.forces).max() < 1e-10
        if expected.stress is not None:
            stress = atoms.get_stress(voigt=False)
            assert np.abs(stress - expected.stress).max() < 1e-10


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_energy_forces_and_stress(tmp_path, activation):
    potential = random_potential(
        hidden={"Li": (5, 4), "P": (3,), "S": (2, 2, 2)},
        activation=activation,
        members=3,
        angular_cutoff=4.5,
    )
    potential.best = 1
    path = potential.to_metatomic(tmp_path / "new" / "ann.pt")
    small = random_structure(3, n=4, length=4.0)  # thinner than the cutoff
    isolated = Atoms("LiPS", [[0, 0, 0], [2.1, 0.2, 0], [0.3, 2.2, 0.4]])
    agrees(path, potential.member(1), [small, isolated])
    agrees(path, potential.member(1), [random_structure(5, n=20)])


@pytest.mark.parametrize("species", [("S",), ("S", "Li"), ("O", "Li", "P", "S")])
def test_numbers_of_species(tmp_path, species):
    potential = random_potential(species, angular_order=0, radial_order=1)
    path = potential.to_metatomic(tmp_path / "ann.pt")
    agrees(path, potential, [random_structure(1, species=species)])
