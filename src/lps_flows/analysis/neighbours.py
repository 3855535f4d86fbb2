"""Periodic neighbour pairs of a structure, from the vesin neighbour list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from vesin import NeighborList

from lps_flows.foundation import LpsFlowsError

if TYPE_CHECKING:
    from pymatgen.core import Structure


class StructureError(LpsFlowsError):
    """A structure that cannot be analysed: disordered sites or no atoms."""


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


def element_symbols(structure: Structure) -> np.ndarray:
    """Return the element symbol of every site, shape (n_atoms,).

    Raises
    ------
    StructureError
        When a site is partially occupied or the structure is empty.
    """
    if len(structure) == 0:
        raise StructureError(
            "the structure has no atoms", field="structure", remedy="pass atoms"
        )
    if not structure.is_ordered:
        raise StructureError(
            "the structure has partially occupied sites",
            field="structure",
            value=structure.formula,
            remedy="order it first, for example with pymatgen's transformations",
        )
    return np.array([site.specie.symbol for site in structure])


def neighbour_pairs(structure: Structure, cutoff: float) -> Pairs:
    """Return all pairs within a cutoff, images of the atom itself included.

    Parameters
    ----------
    structure
        Periodic structure; cells smaller than the cutoff are fine.
    cutoff
        Largest distance (Å).
    """
    first, second, shifts, distances = NeighborList(
        cutoff=cutoff, full_list=True, n_threads=1
    ).compute(
        points=structure.cart_coords,
        box=structure.lattice.matrix,
        periodic=True,
        quantities="ijSd",
    )
    return Pairs(first.astype(int), second.astype(int), shifts.astype(int), distances)
