"""How close atoms are, measured by their covalent radii."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from pymatgen.core import Structure
from vesin import NeighborList


def closest_contact(structure: Structure | Atoms) -> float:
    """Return the smallest distance over the sum of covalent radii, inf without pairs.

    Parameters
    ----------
    structure
        Periodic; pairs beyond twice the largest radius are not looked at.

    Examples
    --------
    >>> from lps_flows.chemistry import closest_contact, crystal
    >>> print(f"{closest_contact(crystal('beta-Li3PS4')):.2f}")  # P-S of a PS4
    0.96
    """
    if isinstance(structure, Atoms):
        numbers, positions = structure.numbers, structure.positions
        cell = structure.cell.array
    else:
        numbers, positions = np.array(structure.atomic_numbers), structure.cart_coords
        cell = structure.lattice.matrix
    radii = covalent_radii[numbers]
    finder = NeighborList(cutoff=2.0 * float(radii.max()), full_list=False)
    first, second, distance = finder.compute(
        points=positions, box=cell, periodic=True, quantities="ijd"
    )
    if not len(distance):
        return float("inf")
    return float((distance / (radii[first] + radii[second])).min())
