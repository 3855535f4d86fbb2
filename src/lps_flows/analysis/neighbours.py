"""Structures as the analyses take them, and their periodic neighbour pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from pymatgen.core import Structure
from pymatgen.core.structure import IMolecule, IStructure

from lps_flows.chemistry import AnyStructure, StructureError, element_symbols

_VACUUM = 20.0
"""Distance between the images of an isolated molecule (Å): beyond every cutoff."""


class Pairs(NamedTuple):
    """Directed neighbour pairs: each pair appears as i-j and as j-i."""

    first: np.ndarray
    """Index of the first atom, shape (n_pairs,)."""
    second: np.ndarray
    """Index of the second atom, shape (n_pairs,)."""
    shifts: np.ndarray
    """Lattice translation of the second atom, shape (n_pairs, 3), integers."""
    distances: np.ndarray
    """Distances, shape (n_pairs,) (Å)."""


def periodic_structure(structure: AnyStructure) -> Structure | IStructure:
    """Return what the analyses work on: a periodic structure of pymatgen.

    Parameters
    ----------
    structure
        pymatgen's Structure (returned as it is) or Molecule, or ASE's Atoms. What is
        isolated is put into a box whose images are 20 Å apart.

    Raises
    ------
    StructureError
        When it is something else, has no atoms, or is periodic without a cell.
    """
    if isinstance(structure, IStructure):
        return structure
    if not isinstance(structure, (Atoms, IMolecule)):
        raise StructureError(
            "this is no structure",
            field="structure",
            value=type(structure).__name__,
            remedy="pass pymatgen's Structure or Molecule, or ASE's Atoms",
        )
    symbols = element_symbols(structure)
    if isinstance(structure, IMolecule):
        return _boxed(structure.species_and_occu, structure.cart_coords)
    if not structure.pbc.any():
        return _boxed(symbols.tolist(), structure.positions)
    if structure.cell.rank < 3:
        raise StructureError(
            "a periodic structure needs three cell vectors",
            field="structure.cell",
            value=structure.cell.array.tolist(),
            remedy="complete the cell, for example with ase.geometry.complete_cell",
        )
    return Structure.from_ase_atoms(structure)


def _boxed(species: Sequence[Any], positions: np.ndarray) -> Structure:
    lengths = np.ptp(positions, axis=0) + _VACUUM
    return Structure(np.diag(lengths), species, positions, coords_are_cartesian=True)


def neighbour_pairs(structure: Structure | IStructure, cutoff: float) -> Pairs:
    """Return all pairs within a cutoff (Å), images of the atom itself included."""
    from vesin import NeighborList

    first, second, shifts, distances = NeighborList(
        cutoff=cutoff, full_list=True, n_threads=1
    ).compute(
        points=structure.cart_coords,
        box=structure.lattice.matrix,
        periodic=structure.lattice.pbc,
        quantities="ijSd",
    )
    return Pairs(first.astype(int), second.astype(int), shifts.astype(int), distances)
