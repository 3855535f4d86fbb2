"""Isosurface of the probability density of mobile ions (the paper's Fig. 8b)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from numpy.typing import NDArray
from pymatgen.core import Structure

from lps_flows.appearance import BLACK, ELEMENTS, GREEN
from lps_flows.plotting.density_shape import density_shape
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
    shape = density_shape(
        structure, density, mobile=mobile, share=share, smearing=smearing, bond=bond
    )
    matrix, triangles = structure.lattice.matrix, shape.triangles
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
        for edge in shape.edges:
            axis.plot(*edge.T, color=BLACK, lw=0.6)
        for element, pairs in shape.bonds.items():
            for pair in pairs:
                axis.plot(*pair.T, color=ELEMENTS.get(element, BLACK), lw=1.0)
        for element, places in shape.atoms.items():
            axis.scatter(
                *places.T,
                s=22 if element == shape.centre else 9,
                color=ELEMENTS.get(element, BLACK),
                label=element,
            )
        if shape.atoms:
            axis.legend(loc="lower left")
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
