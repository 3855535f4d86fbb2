"""How close atoms are, measured by their covalent radii."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from pymatgen.core import Lattice, Structure
from pymatgen.optimization.neighbors import find_points_in_spheres

from lps_flows.chemistry.symbols import check_sites

_COLLAPSED = 0.05
"""Below this an atom overlaps with its own image: no other pair is looked at."""

_OVERLAP = 0.5
"""Part of their covalent radii to which no two atoms come close; the shortest known
bonds (U=O, Cr-Cr) are above 0.6, Li and S in dynamics at 1500 K at 0.76."""


def overlap(structure: Structure | Atoms) -> str | None:
    """Say how close two atoms are that are closer than any can be; None without such.

    Half the sum of the covalent radii is the limit: Li and S 1.2 Å apart. No solid or
    melt has such distances, but a potential may have a minimum there, outside of all
    that it was trained on, and hold the two atoms in it.

    Parameters
    ----------
    structure
        As `closest_contact` takes it.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, overlap
    >>> squeezed = crystal("Li2S")
    >>> overlap(squeezed)
    >>> _ = squeezed.scale_lattice(squeezed.volume / 10)
    >>> overlap(squeezed)
    'two atoms are 0.49 of the sum of their covalent radii apart'
    """
    contact = closest_contact(structure)
    if contact >= _OVERLAP:
        return None
    return f"two atoms are {contact:.2g} of the sum of their covalent radii apart"


def closest_contact(structure: Structure | Atoms) -> float:
    """Return the smallest distance over the sum of covalent radii, inf without pairs.

    Parameters
    ----------
    structure
        Periodic; pairs beyond twice the largest radius are not looked at. Where a
        coordinate is no number, atoms count as being in one place.

    Raises
    ------
    StructureError
        When it is disordered, or has no atoms.

    Examples
    --------
    >>> from lps_flows.chemistry import closest_contact, crystal
    >>> print(f"{closest_contact(crystal('beta-Li3PS4')):.2f}")  # P-S of a PS4
    0.96
    """
    check_sites(structure)
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
