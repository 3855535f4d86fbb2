"""Triangles of an isosurface on a periodic grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def isosurface(values: Array, level: float) -> Array:
    """Return the triangles on which a periodic field has the value `level`.

    Marching cubes (Lewiner's) over a grid whose first planes are repeated at the end:
    the surface goes on over the boundary.

    Parameters
    ----------
    values
        Field on the grid, shape (n_a, n_b, n_c); point i lies at i/n.

    Returns
    -------
    ndarray
        Corners of the triangles in fractional coordinates, shape (n, 3, 3).
    """
    from skimage.measure import marching_cubes

    if not values.min() < level < values.max():
        return np.empty((0, 3, 3))
    periodic = np.pad(values, [(0, 1)] * 3, mode="wrap")
    corners, triangles, *_ = marching_cubes(periodic, level)
    return np.asarray(corners[triangles] / np.array(values.shape), dtype=float)
