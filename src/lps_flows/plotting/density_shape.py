"""What a picture of the density of mobile ions shows: surface, other atoms, cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from pymatgen.core import Structure

from lps_flows.analysis.density import smoothed
from lps_flows.plotting.isosurface import isosurface

Array = NDArray[np.float64]

SMEARING = 0.35
"""Standard deviation of the Gaussian that smooths a shown density (Å)."""


@dataclass(frozen=True)
class DensityShape:
    """All of it in Cartesian coordinates (Å).

    Attributes
    ----------
    triangles
        Corners of the surface's triangles, shape (n, 3, 3).
    atoms
        Places of the atoms that are not mobile, by element; ligands also in the image
        that a centre binds.
    bonds
        Ends of their bonds, by the ligand's element, each of shape (2, 3).
    edges
        Ends of the cell's edges, shape (12, 2, 3).
    centre
        The element that binds the others; None without one.
    """

    triangles: Array
    atoms: Mapping[str, Array]
    bonds: Mapping[str, list[Array]]
    edges: Array
    centre: str | None


def density_shape(
    structure: Structure,
    density: Array,
    *,
    mobile: str,
    share: float,
    smearing: float = SMEARING,
    bond: float = 2.55,
    spacing: float | None = None,
) -> DensityShape:
    """Return the surface that encloses a share of a density, and what is around it.

    Parameters
    ----------
    structure
        Cell.
    density
        Density of the mobile ions (Å^-3), shape (n_a, n_b, n_c).
    mobile
        Mobile element.
    share
        The surface encloses this share of all density.
    smearing
        Standard deviation of a Gaussian that smooths the counts (Å).
    bond
        Longest bond between other atoms (Å).
    spacing
        Distance of points to which the grid is thinned first (Å); none keeps it.
    """
    smooth = smoothed(density, structure.lattice, smearing)
    if spacing is not None:
        for axis, length in enumerate(structure.lattice.abc):
            n = min(smooth.shape[axis], int(np.ceil(length / spacing)))
            smooth = scipy.signal.resample(smooth, n, axis=axis)
    matrix = structure.lattice.matrix
    triangles = isosurface(smooth, enclosing_level(smooth, share)) @ matrix
    centre, atoms, bonds = _framework(structure, mobile, bond)
    return DensityShape(triangles, atoms, bonds, _edges(matrix), centre)


def enclosing_level(density: Array, share: float) -> float:
    """Return the level above which the given share of a density lies."""
    ordered = np.sort(density.ravel())[::-1]
    reached = np.searchsorted(np.cumsum(ordered), share * ordered.sum())
    return float(ordered[min(reached, len(ordered) - 1)])


def _edges(matrix: Array) -> Array:
    edges = []
    for i in range(3):
        others = [j for j in range(3) if j != i]
        for u, v in np.ndindex(2, 2):
            start = u * matrix[others[0]] + v * matrix[others[1]]
            edges.append([start, start + matrix[i]])
    return np.array(edges)


def _framework(
    structure: Structure, mobile: str, bond: float
) -> tuple[str | None, dict[str, Array], dict[str, list[Array]]]:
    rest = [site for site in structure if site.specie.symbol != mobile]
    if not rest:
        return None, {}, {}
    frame = Structure.from_sites(rest, to_unit_cell=True)
    # the rarer element binds the other; its ligands are drawn in the image it binds
    symbols = [site.specie.symbol for site in frame]
    centre = min(set(symbols), key=lambda element: (symbols.count(element), element))
    shown: dict[str, list[Array]] = {name: [] for name in sorted(set(symbols))}
    bonds: dict[str, list[Array]] = {}
    for site in frame:
        shown[site.specie.symbol].append(site.coords)
    first, second, images, _ = frame.get_neighbor_list(bond)
    for i, j, image in zip(first, second, images, strict=True):
        if symbols[i] != centre or symbols[j] == centre:
            continue
        end = frame[j].coords + image @ frame.lattice.matrix
        shown[symbols[j]].append(end)
        bonds.setdefault(symbols[j], []).append(np.stack([frame[i].coords, end]))
    return centre, {name: np.array(places) for name, places in shown.items()}, bonds
