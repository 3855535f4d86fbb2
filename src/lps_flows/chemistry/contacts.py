"""How close atoms are, measured by their covalent radii."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from pymatgen.core import Lattice, Structure
from pymatgen.optimization.neighbors import find_points_in_spheres

_COLLAPSED = 0.05
"""Below this an atom overlaps with its own image: no other pair is looked at."""


def closest_contact(structure: Structure | Atoms) -> float:
    """Return the smallest distance over the sum of covalent radii, inf without pairs.

    Parameters
    ----------
    structure
        Periodic; pairs beyond twice the largest radius are not looked at. Where a
        coordinate is no number, atoms count as being in one place.

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
    if not np.isfinite(positions).all():
        return 0.0
    radii = covalent_radii[numbers]
    # reduced and wrapped: what is sought in grows with the skew of the cell and with
    # the distance of an atom from it
    lattice = Lattice(cell).get_lll_reduced_lattice()
    own_image = min(lattice.abc) / (2.0 * float(radii.max()))
    if own_image < _COLLAPSED:
        return own_image
    wrapped = lattice.get_fractional_coords(positions) % 1.0
    points = np.ascontiguousarray(lattice.get_cartesian_coords(wrapped), dtype=float)
    first, second, images, distance = find_points_in_spheres(
        points,
        points,
        r=2.0 * float(radii.max()),
        pbc=np.ones(3, dtype=np.int64),
        lattice=np.ascontiguousarray(lattice.matrix, dtype=float),
        tol=1e-8,
    )
    pair = (first != second) | images.any(axis=1)
    reach = (radii[first] + radii[second])[pair]
    return float((distance[pair] / reach).min(initial=np.inf))
