"""The 3 N + 6 unknowns of a relaxation in cell and positions, and their curvature."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import StructureError
from lps_flows.potential.coordinates import RelaxedCoordinates
from lps_flows.potential.relaxation import BatchPotential

_STEP = 0.01
"""Displacement (Å) of the central differences."""


class Unknowns:
    """A structure as a point in space: displacements, then strain.

    The coordinates are those of `RelaxedCoordinates`, counted from the structure
    handed in; of the symmetric strain, six orthonormal components.

    Raises
    ------
    StructureError
        When it is disordered.
    """

    def __init__(self, structure: Structure) -> None:
        if not structure.is_ordered:
            raise StructureError(
                "the structure is disordered",
                field="structure",
                value=structure.formula,
                remedy="Order it first",
            )
        self.structure = structure
        atoms = structure.to_ase_atoms(msonable=False)
        self._coordinates = RelaxedCoordinates(
            Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True),
            relax_cell=True,
        )
        self._origin = self._coordinates.get_x()
        self.size = 3 * len(structure) + 6
        strains = np.zeros((6, 3, 3))
        for strain, (a, b) in zip(
            strains, combinations_with_replacement(range(3), 2), strict=True
        ):
            strain[a, b] = strain[b, a] = 1.0 if a == b else np.sqrt(0.5)
        self._strains = strains.reshape(6, 9)

    def place(self, u: np.ndarray) -> Atoms:
        """Return the atoms at `u` (Å); the same object at every call."""
        strain = u[-6:] @ self._strains
        self._coordinates.set_x(self._origin + np.concatenate([u[:-6], strain]))
        return self._coordinates.atoms

    def build(self, u: np.ndarray) -> Structure:
        """Return the structure at `u` (Å), with the sites of the one at the origin."""
        atoms = self.place(u)
        return Structure(
            Lattice(atoms.cell.array),
            self.structure.species,
            atoms.positions,
            coords_are_cartesian=True,
            site_properties=self.structure.site_properties,
            properties=self.structure.properties,
        )

    def gradient(
        self, u: np.ndarray, forces: np.ndarray, stress: np.ndarray
    ) -> np.ndarray:
        """Return the derivative of the energy by the unknowns at `u` (eV/Å).

        Parameters
        ----------
        u
            (size) (Å).
        forces
            (n_atoms, 3) (eV/Å).
        stress
            (3, 3), positive under tension (eV/Å^3).
        """
        self.place(u)
        self._coordinates.set_values(0.0, forces, stress)
        full = self._coordinates.get_gradient()
        return np.concatenate([full[:-9], self._strains @ full[-9:]])

    def hessian(self, potential: BatchPotential) -> np.ndarray:
        """Return the potential's second derivatives at the origin (eV/Å^2).

        Central differences of its gradients, 2 x (3 N + 6) structures evaluated in
        one batch.

        Raises
        ------
        PotentialError
            When the potential cannot evaluate the structure.
        """
        points = [
            sign * _STEP * axis for axis in np.eye(self.size) for sign in (1.0, -1.0)
        ]
        results = potential.evaluate([self.place(u).copy() for u in points])
        gradients = np.array(
            [
                self.gradient(u, result.forces, result.stress)
                for u, result in zip(points, results, strict=True)
            ]
        )
        rows = (gradients[0::2] - gradients[1::2]) / (2.0 * _STEP)
        return 0.5 * (rows + rows.T)


def moves(u: np.ndarray) -> np.ndarray:
    """Return the length of each atom's move, and of two halves of the strain's (Å)."""
    return np.linalg.norm(u.reshape(-1, 3), axis=1)
