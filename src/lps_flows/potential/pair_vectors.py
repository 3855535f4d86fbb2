"""Vectors from atoms to their neighbours, compiled."""

# ruff: noqa: PLR0917 - compiled loops: plain arrays, no objects

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True, cache=True, error_model="numpy")
def displacements(
    positions: np.ndarray,
    cells: np.ndarray,
    starts: np.ndarray,
    first: np.ndarray,
    neighbour: np.ndarray,
    shift: np.ndarray,
    begin: int,
    vectors: np.ndarray,
) -> Any:
    """Write the vector from each atom to each neighbour (Å) into `vectors`.

    Returns, per structure, the smallest squared distance met (Å^2).
    """
    closest = np.full(starts.size - 1, np.inf)
    s = 0
    for k in range(first.size - 1):
        i = begin + k
        while i >= starts[s + 1]:
            s += 1
        cell = cells[s]
        for p in range(first[k], first[k + 1]):
            j = neighbour[p]
            a, b, c = float(shift[p, 0]), float(shift[p, 1]), float(shift[p, 2])
            r2 = 0.0
            for q in range(3):
                v = positions[j, q] - positions[i, q]
                v += a * cell[0, q] + b * cell[1, q] + c * cell[2, q]
                vectors[p, q] = v
                r2 += v * v
            closest[s] = min(closest[s], r2)
    return closest
