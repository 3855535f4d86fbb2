"""Isosurface of the probability density of mobile ions (the paper's Fig. 8b)."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import scipy
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from numpy.typing import NDArray
from pymatgen.core import Structure

from lps_flows.appearance import BLACK, ELEMENTS, GREEN
from lps_flows.plotting.isosurface import isosurface
from lps_flows.plotting.style import COLUMN, figure_style


def density_figure(
    structure: Structure,
    density: NDArray[np.float64],
    *,
    mobile: str = "Li",
    share: float = 0.8,
    smearing: float = 0.35,
    bond: float = 2.55,
) -> Figure:
    """Return the cell with an isosurface of the density of its mobile ions.

    Parameters
    ----------
    structure
        Cell; the atoms that are not mobile are drawn, with their bonds.
    density
        Density (Å^-3), shape (n_a, n_b, n_c).
    share
        The surface encloses this share of all density.
    smearing
        Standard deviation of a Gaussian that smooths the counts (Å).
    bond
        Longest bond drawn between other atoms (Å).
    """
    matrix = structure.lattice.matrix
    shape = np.array(density.shape)
    smooth = scipy.ndimage.gaussian_filter(
        density, smearing * shape / np.array(structure.lattice.abc), mode="wrap"
    )
    level = enclosing_level(smooth, share)
    triangles = isosurface(smooth, level) @ matrix
    with figure_style():
        figure = plt.figure(figsize=(COLUMN, COLUMN))
        axis = figure.add_subplot(projection="3d", computed_zorder=False)
        normals = np.cross(
            triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
        )
        length = np.linalg.norm(normals, axis=1)[:, None]
        light = np.abs((normals / np.maximum(length, 1e-12)) @ _LIGHT)
        colours = np.ones((len(triangles), 4))
        colours[:, :3] = np.array(to_rgb(ELEMENTS.get(mobile, GREEN))) * (
            0.45 + 0.55 * light[:, None]
        )
        colours[:, 3] = 0.55
        axis.add_collection3d(Poly3DCollection(triangles, facecolors=colours, lw=0))
        _draw_cell(axis, matrix)
        _draw_framework(axis, structure, mobile, bond)
        span = np.abs(matrix).sum(axis=0)
        axis.set_box_aspect(span)
        low = np.minimum(matrix, 0).sum(axis=0)
        high = np.maximum(matrix, 0).sum(axis=0)
        for name, a, b in zip("xyz", low, high, strict=True):
            getattr(axis, f"set_{name}lim")(a, b)
        axis.view_init(elev=16, azim=-62)
        axis.set_axis_off()
        axis.set_title(
            f"{mobile} density: the surface encloses {100 * share:.0f} %", y=0.98
        )
    return figure


_LIGHT = np.array([0.4, -0.6, 0.69])


def enclosing_level(density: NDArray[np.float64], share: float) -> float:
    """Return the level above which the given share of a density lies."""
    ordered = np.sort(density.ravel())[::-1]
    reached = np.searchsorted(np.cumsum(ordered), share * ordered.sum())
    return float(ordered[min(reached, len(ordered) - 1)])


def _draw_cell(axis: Any, matrix: NDArray[np.float64]) -> None:
    for i in range(3):
        others = [j for j in range(3) if j != i]
        for u in (0, 1):
            for v in (0, 1):
                start = u * matrix[others[0]] + v * matrix[others[1]]
                edge = np.stack([start, start + matrix[i]])
                axis.plot(*edge.T, color=BLACK, lw=0.6)


def _draw_framework(axis: Any, structure: Structure, mobile: str, bond: float) -> None:
    rest = [site for site in structure if site.specie.symbol != mobile]
    if not rest:
        return
    frame = Structure.from_sites(rest, to_unit_cell=True)
    # the rarer element binds the other; its ligands are drawn in the image it binds
    symbols = [site.specie.symbol for site in frame]
    centre = min(set(symbols), key=lambda element: (symbols.count(element), element))
    shown: dict[str, list[NDArray[np.float64]]] = {name: [] for name in set(symbols)}
    for site in frame:
        shown[site.specie.symbol].append(site.coords)
    first, second, images, _ = frame.get_neighbor_list(bond)
    for i, j, image in zip(first, second, images, strict=True):
        if symbols[i] != centre or symbols[j] == centre:
            continue
        end = frame[j].coords + image @ frame.lattice.matrix
        shown[symbols[j]].append(end)
        pair = np.stack([frame[i].coords, end])
        axis.plot(*pair.T, color=ELEMENTS.get(symbols[j], BLACK), lw=1.0)
    for element in sorted(shown):
        axis.scatter(
            *np.array(shown[element]).T,
            s=22 if element == centre else 9,
            color=ELEMENTS.get(element, BLACK),
            label=element,
        )
    axis.legend(loc="lower left")
