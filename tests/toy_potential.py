"""A smooth pair potential with the `evaluate` of a trained one, for fast tests."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from pymatgen.io.ase import AseAtomsAdaptor
from vesin import NeighborList

CHARGES = {"Li": 1.0, "Na": 1.0, "P": 2.5, "S": -1.6}
RADII = {"Li": 0.7, "Na": 1.1, "P": 0.7, "S": 1.3}


@dataclass
class ToyResult:
    energy: float
    forces: np.ndarray
    stress: np.ndarray
    energy_std: float | None = None


class ToyPotential:
    """Screened charges and a steep repulsion, shifted to be smooth at 6 Å."""

    cutoff = 6.0

    def __init__(self) -> None:
        self.n_evaluated = 0
        self.n_calls = 0

    def evaluate(self, structures, forces=True, stress=True, committee=False):
        self.n_calls += 1
        self.n_evaluated += len(structures)
        return [self._one(structure) for structure in structures]

    def _one(self, structure):
        atoms = (
            structure
            if isinstance(structure, Atoms)
            else AseAtomsAdaptor.get_atoms(structure, msonable=False)
        )
        charge = np.array([CHARGES[s] for s in atoms.symbols])
        radius = np.array([RADII[s] for s in atoms.symbols])
        finder = NeighborList(cutoff=self.cutoff, full_list=True)
        i, j, d, vectors = finder.compute(
            points=atoms.positions,
            box=atoms.cell.array,
            periodic=True,
            quantities="ijdD",
        )
        z, r0 = charge[i] * charge[j], radius[i] + radius[j]
        value, slope = self._pair(d, z, r0)
        value_c, slope_c = self._pair(self.cutoff, z, r0)
        # Shifted force: value and slope vanish at the cutoff.
        value = value - value_c - (d - self.cutoff) * slope_c
        slope = slope - slope_c
        pull = (slope / d)[:, None] * vectors
        force = np.zeros((len(atoms), 3))
        np.add.at(force, i, pull)
        virial = 0.5 * np.einsum("pa,pb->ab", pull, vectors)
        return ToyResult(float(0.5 * value.sum()), force, virial / atoms.get_volume())

    @staticmethod
    def _pair(d, z, r0):
        def charges(at):
            return 14.4 / 3.0 * np.exp(-at / 3.0) / at

        # The repulsion puts the minimum of an attractive pair at r0.
        strength = np.abs(z) * charges(r0) * (1.0 / r0 + 1.0 / 3.0) * r0 / 9.0
        screened, repulsion = z * charges(d), strength * (r0 / d) ** 9
        return (
            screened + repulsion,
            -screened * (1.0 / d + 1.0 / 3.0) - 9.0 * repulsion / d,
        )
