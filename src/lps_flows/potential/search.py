"""Neighbour search: linked cells, compiled, for any cell and any mix of periodicity.

Our own rather than a library's: the structures here are small (tens to hundreds of
atoms) and evaluated thousands of times, where a library call per structure costs
more than the potential itself, and a degenerate cell must not end the process.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_BINS_PER_ATOM = 8


@numba.njit(nogil=True, cache=True)
def _frame(
    cell: np.ndarray, pbc: np.ndarray, lo: np.ndarray, hi: np.ndarray, rc: float, n: int
) -> Any:  # pragma: no cover - compiled
    """Divide a cell into bins: numbers of bins and how many bins reach the cutoff."""
    cross = np.empty((3, 3))
    for d in range(3):
        a, b = (d + 1) % 3, (d + 2) % 3
        cross[d, 0] = cell[a, 1] * cell[b, 2] - cell[a, 2] * cell[b, 1]
        cross[d, 1] = cell[a, 2] * cell[b, 0] - cell[a, 0] * cell[b, 2]
        cross[d, 2] = cell[a, 0] * cell[b, 1] - cell[a, 1] * cell[b, 0]
    volume = (
        cell[0, 0] * cross[0, 0] + cell[0, 1] * cross[0, 1] + cell[0, 2] * cross[0, 2]
    )
    inverse = cross.T / volume
    bins = np.ones(3, np.int64)
    reach = np.zeros(3, np.int64)
    length = np.empty(3)
    for d in range(3):
        area = np.sqrt(cross[d, 0] ** 2 + cross[d, 1] ** 2 + cross[d, 2] ** 2)
        height = abs(volume) / area
        length[d] = height if pbc[d] else height * max(hi[d] - lo[d], 1e-12)
        bins[d] = np.int64(min(max(1.0, np.floor(2.0 * length[d] / rc)), 1e6))
    while bins[0] * bins[1] * bins[2] > _BINS_PER_ATOM * n + 64:
        d = np.argmax(bins)
        bins[d] = (bins[d] + 1) // 2
    for d in range(3):
        reach[d] = np.int64(np.ceil(rc / (length[d] / bins[d])))
        if not pbc[d]:
            reach[d] = min(reach[d], bins[d] - 1)
    return inverse, bins, reach


@numba.njit(nogil=True, cache=True)
def search(
    positions: np.ndarray,
    cells: np.ndarray,
    pbc: np.ndarray,
    starts: np.ndarray,
    rc: float,
    begin: int,
    end: int,
) -> Any:  # pragma: no cover - compiled
    """Find all neighbours within `rc` of the atoms `begin` to `end`.

    Parameters
    ----------
    positions
        (n_atoms, 3) Cartesian positions of all structures, one after another (Å).
    cells
        (n_structures, 3, 3) cell vectors as rows, completed where not periodic (Å).
    pbc
        (n_structures, 3) periodic along each cell vector.
    starts
        (n_structures + 1) first atom of each structure.
    rc
        Cutoff (Å).
    begin, end
        The atoms whose neighbours are wanted.

    Returns
    -------
    first (end - begin + 1), neighbour (n_pairs), shift (n_pairs, 3)
        The neighbours of atom ``begin + k`` are entries ``first[k]`` to
        ``first[k + 1]``; `neighbour` counts over all structures; `shift` is the
        cell translation of the neighbour. Both directions of a pair are listed.
    """
    first = np.zeros(end - begin + 1, np.int64)
    capacity = 64 * (end - begin) + 64
    neighbour = np.empty(capacity, np.int32)
    shift = np.empty((capacity, 3), np.int32)
    found = 0
    rc2 = rc * rc
    for s in range(starts.size - 1):
        s0, s1 = starts[s], starts[s + 1]
        if s1 <= begin or s0 >= end:
            continue
        n = s1 - s0
        cell = cells[s]
        lo = np.zeros(3)
        hi = np.ones(3)
        inverse, bins, reach = _frame(cell, pbc[s], lo, hi, rc, n)
        fractional = np.empty((n, 3))
        wrap = np.zeros((n, 3), np.int64)
        for d in range(3):
            low, high = np.inf, -np.inf
            for k in range(n):
                f = 0.0
                for c in range(3):
                    f += positions[s0 + k, c] * inverse[c, d]
                if pbc[s, d]:
                    wrap[k, d] = np.int64(np.floor(f))
                    f -= wrap[k, d]
                fractional[k, d] = f
                low, high = min(low, f), max(high, f)
            if not pbc[s, d]:
                lo[d], hi[d] = low, high
        inverse, bins, reach = _frame(cell, pbc[s], lo, hi, rc, n)
        # sort the atoms into bins (counting sort)
        where = np.empty((n, 3), np.int64)
        flat = np.empty(n, np.int64)
        n_bins = bins[0] * bins[1] * bins[2]
        bin_first = np.zeros(n_bins + 1, np.int64)
        for k in range(n):
            for d in range(3):
                span = max(hi[d] - lo[d], 1e-300)
                b = np.int64((fractional[k, d] - lo[d]) / span * bins[d])
                where[k, d] = min(max(b, 0), bins[d] - 1)
            flat[k] = (where[k, 0] * bins[1] + where[k, 1]) * bins[2] + where[k, 2]
            bin_first[flat[k] + 1] += 1
        for b in range(n_bins):
            bin_first[b + 1] += bin_first[b]
        fill = bin_first[:-1].copy()
        order = np.empty(n, np.int64)
        x = np.empty((n, 3))
        for k in range(n):
            at = fill[flat[k]]
            fill[flat[k]] += 1
            order[at] = k
            for c in range(3):
                x[at, c] = positions[s0 + k, c]
                for d in range(3):
                    x[at, c] -= wrap[k, d] * cell[d, c]
        for i in range(max(s0, begin), min(s1, end)):
            k = i - s0
            xi = positions[i, 0]
            yi = positions[i, 1]
            zi = positions[i, 2]
            for d in range(3):
                xi -= wrap[k, d] * cell[d, 0]
                yi -= wrap[k, d] * cell[d, 1]
                zi -= wrap[k, d] * cell[d, 2]
            for bx in range(where[k, 0] - reach[0], where[k, 0] + reach[0] + 1):
                sx = bx // bins[0]
                if sx != 0 and not pbc[s, 0]:
                    continue
                for by in range(where[k, 1] - reach[1], where[k, 1] + reach[1] + 1):
                    sy = by // bins[1]
                    if sy != 0 and not pbc[s, 1]:
                        continue
                    plane = ((bx - sx * bins[0]) * bins[1] + by - sy * bins[1]) * bins[
                        2
                    ]
                    for bz in range(where[k, 2] - reach[2], where[k, 2] + reach[2] + 1):
                        sz = bz // bins[2]
                        if sz != 0 and not pbc[s, 2]:
                            continue
                        b = plane + bz - sz * bins[2]
                        tx = sx * cell[0, 0] + sy * cell[1, 0] + sz * cell[2, 0] - xi
                        ty = sx * cell[0, 1] + sy * cell[1, 1] + sz * cell[2, 1] - yi
                        tz = sx * cell[0, 2] + sy * cell[1, 2] + sz * cell[2, 2] - zi
                        for at in range(bin_first[b], bin_first[b + 1]):
                            dx, dy, dz = x[at, 0] + tx, x[at, 1] + ty, x[at, 2] + tz
                            if dx * dx + dy * dy + dz * dz >= rc2:
                                continue
                            j = order[at]
                            if j == k and sx == 0 and sy == 0 and sz == 0:
                                continue
                            if found == capacity:
                                capacity *= 2
                                more = np.empty(capacity, np.int32)
                                more[:found] = neighbour
                                neighbour = more
                                wider = np.empty((capacity, 3), np.int32)
                                wider[:found] = shift
                                shift = wider
                            neighbour[found] = s0 + j
                            shift[found, 0] = sx - wrap[j, 0] + wrap[k, 0]
                            shift[found, 1] = sy - wrap[j, 1] + wrap[k, 1]
                            shift[found, 2] = sz - wrap[j, 2] + wrap[k, 2]
                            found += 1
            first[i - begin + 1] = found
    return first, neighbour[:found], shift[:found]


@numba.njit(nogil=True, cache=True)
def displacements(
    positions: np.ndarray,
    cells: np.ndarray,
    starts: np.ndarray,
    first: np.ndarray,
    neighbour: np.ndarray,
    shift: np.ndarray,
    begin: int,
    vectors: np.ndarray,
) -> Any:  # pragma: no cover - compiled
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
