"""Triangles of an isosurface on a periodic grid, by marching tetrahedra."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def isosurface(values: Array, level: float) -> Array:
    """Return the triangles on which a periodic field has the value `level`.

    Every cube of the grid is cut into the six tetrahedra around its diagonal, in
    which the field is linear; so the surface has no holes, also over the boundary.

    Parameters
    ----------
    values
        Field on the grid, shape (n_a, n_b, n_c); point i lies at i/n.

    Returns
    -------
    ndarray
        Corners of the triangles in fractional coordinates, shape (n, 3, 3).
    """
    shape = np.array(values.shape)
    periodic = np.pad(values, [(0, 1)] * 3, mode="wrap")
    origin = np.indices(values.shape).reshape(3, -1).T
    # only cubes that the surface crosses
    eight = np.stack(
        [periodic[tuple((origin + corner).T)] for corner in np.ndindex(2, 2, 2)]
    )
    crossed = (eight.min(axis=0) <= level) & (eight.max(axis=0) > level)
    origin = origin[crossed]
    triangles = []
    for path in permutations(np.eye(3, dtype=int)):
        steps = np.cumsum([np.zeros(3, dtype=int), *path], axis=0)
        corners = origin[:, None, :] + steps
        field = periodic[tuple(corners.reshape(-1, 3).T)].reshape(-1, 4)
        order = np.argsort(-field, axis=1)
        field = np.take_along_axis(field, order, axis=1)
        points = np.take_along_axis(corners, order[..., None], axis=1).astype(float)
        inside = (field > level).sum(axis=1)

        def cut(
            which: NDArray[np.bool_],
            i: int,
            j: int,
            field: Array = field,
            points: Array = points,
        ) -> Array:
            a, b = field[which, i], field[which, j]
            weight = ((a - level) / np.where(a == b, 1.0, a - b))[:, None]
            here, there = points[which, i], points[which, j]
            return np.asarray(here + weight * (there - here))

        for n, corner in ((1, (0, 1, 2, 3)), (3, (3, 0, 1, 2))):
            which = inside == n
            lone, *others = corner
            triangles.append(
                np.stack([cut(which, lone, other) for other in others], axis=1)
            )
        which = inside == 2
        quad = [cut(which, *edge) for edge in ((0, 2), (0, 3), (1, 3), (1, 2))]
        triangles += [
            np.stack([quad[0], quad[1], quad[2]], axis=1),
            np.stack([quad[0], quad[2], quad[3]], axis=1),
        ]
    return np.asarray(np.concatenate(triangles) / shape)
