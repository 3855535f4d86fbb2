"""A potential near the tests' Lennard-Jones engine, to lead relaxations on it."""

from types import SimpleNamespace

from ase import Atoms
from pymatgen.io.ase import AseAtomsAdaptor

from tests.engines.stub import Spiteful


class NearPotential:
    """The stub's method, its wells a little deeper and wider; or any calculator."""

    def __init__(self, calculator=None):
        self.calculator = calculator
        if calculator is None:
            self.calculator = Spiteful()
            self.calculator.parameters.update(epsilon=0.11, sigma=2.12)

    def evaluate(self, structures, **_):
        return [self._one(structure) for structure in structures]

    def _one(self, structure):
        atoms = structure
        if not isinstance(atoms, Atoms):
            atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
        atoms = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        atoms.calc = self.calculator
        return SimpleNamespace(
            energy=atoms.get_potential_energy(),
            forces=atoms.get_forces(),
            stress=atoms.get_stress(voigt=False),
            energy_std=None,
        )
