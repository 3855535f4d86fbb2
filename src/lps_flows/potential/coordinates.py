"""Coordinates in which a relaxation moves: positions, or positions and cell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.utils.abc import Optimizable
from pymatgen.core import Structure

from lps_flows.chemistry import StructureError, element_symbols


def check_relaxable(structure: Structure, relax_cell: bool) -> None:
    """Raise `StructureError` where atoms, or atoms and cell, cannot be relaxed.

    The stress on a cell has no meaning along a direction that is not periodic.
    """
    element_symbols(structure)
    if relax_cell and not all(structure.lattice.pbc):
        raise StructureError(
            "a cell relaxes only where it is periodic in all three directions",
            field="structure",
            value=f"{structure.formula}, pbc = {structure.lattice.pbc}",
            remedy="Relax it with relax_cell=False, or make it periodic",
        )


class RelaxedCoordinates(Optimizable):
    """Atoms as ASE's optimisers see them, with values computed elsewhere.

    The unknowns are the positions in the undeformed frame and, where the cell
    relaxes, the symmetric logarithm L of the deformation F = exp(L) that carries
    frame and cell along. L is scaled by sqrt(N) Å, which makes its curvature,
    volume times elastic constants over N, about that of an atom's position whatever
    the size of the cell.

    ASE's own cell filter does the same for any F; this one costs tens of
    microseconds instead of milliseconds, since exp and its derivative follow from
    the eigenvalues of a symmetric matrix (Daleckii and Krein).

    Parameters
    ----------
    atoms
        Atoms to move; they are changed in place.
    """

    def __init__(self, atoms: Atoms, relax_cell: bool) -> None:
        self.atoms = atoms
        self.relax_cell = relax_cell
        self._cell = atoms.cell.array.copy()
        self._x = atoms.positions.ravel().copy()
        self._scale = np.sqrt(len(atoms))
        self._eigenvalues, self._axes = np.zeros(3), np.eye(3)
        self._deformation = np.eye(3)
        if relax_cell:
            self._x = np.concatenate([self._x, np.zeros(9)])
        self._gradient = np.zeros_like(self._x)
        self._energy = np.nan

    def set_values(
        self, energy: float, forces: np.ndarray, stress: np.ndarray | None
    ) -> None:
        """Take what the potential says of the present positions.

        Parameters
        ----------
        energy
            Total energy (eV).
        forces
            (n_atoms, 3) (eV/Å).
        stress
            (3, 3), positive under tension (eV/Å^3); needed where the cell relaxes.
        """
        self._energy = energy
        if not self.relax_cell or stress is None:
            self._gradient = -forces.ravel()
            return
        n = forces.size
        self._gradient = np.empty(n + 9)
        self._gradient[:n] = -(forces @ self._deformation).ravel()
        # dE/dF F^T is the virial V sigma; with symmetric F, dE/dF = V sigma F^-1.
        slope = self.atoms.get_volume() * stress @ np.linalg.inv(self._deformation)
        axes, value = self._axes, self._eigenvalues
        difference = value[:, None] - value[None, :]
        growth = np.exp(value)
        same = np.abs(difference) < 1e-9
        ratio = np.where(
            same,
            growth[:, None],
            (growth[:, None] - growth[None, :]) / np.where(same, 1.0, difference),
        )
        inner = axes @ (ratio * (axes.T @ slope @ axes)) @ axes.T
        self._gradient[n:] = (0.5 * (inner + inner.T) / self._scale).ravel()

    def get_x(self) -> np.ndarray:
        """Return the unknowns (Å)."""
        return self._x.copy()

    def set_x(self, x: np.ndarray) -> None:
        """Move atoms and cell to these unknowns (Å)."""
        self._x = np.array(x, dtype=float)
        if not self.relax_cell:
            self.atoms.positions = self._x.reshape(-1, 3)
            return
        logarithm = self._x[-9:].reshape(3, 3) / self._scale
        if not np.isfinite(logarithm).all():
            return  # the next evaluation finds the positions not finite
        self._eigenvalues, self._axes = np.linalg.eigh(0.5 * (logarithm + logarithm.T))
        growth = np.exp(np.clip(self._eigenvalues, -5.0, 5.0))
        self._deformation = (self._axes * growth) @ self._axes.T
        self.atoms.cell.array[:] = self._cell @ self._deformation
        self.atoms.positions = self._x[:-9].reshape(-1, 3) @ self._deformation

    def get_gradient(self) -> np.ndarray:
        """Return the derivative of the energy by the unknowns (eV/Å)."""
        return self._gradient

    def get_value(self) -> float:
        """Return the energy (eV)."""
        return self._energy

    def ndofs(self) -> int:
        """Return the number of unknowns."""
        return self._x.size

    def iterimages(self) -> Iterator[Atoms]:
        """Yield the atoms."""
        yield self.atoms
