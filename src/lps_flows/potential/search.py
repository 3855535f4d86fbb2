"""Neighbour search: linked cells, compiled, for any cell and any mix of periodicity.

Our own rather than a library's: the structures here are small (tens to hundreds of
atoms) and evaluated thousands of times, where a library call per structure costs
more than the potential itself, and a degenerate cell must not end the process.
"""

# ruff: noqa: PLR0917 - compiled loops: plain arrays, no objects

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_BINS_PER_ATOM = 8


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _invert(
    cell: np.ndarray, inverse: np.ndarray, heights: np.ndarray
) -> None:  # pragma: no cover - compiled
    """Write the inverse of the cell and the distances between its faces."""
    volume = 0.0
    for d in range(3):
        a, b = (d + 1) % 3, (d + 2) % 3
        for c in range(3):
            e, f = (c + 1) % 3, (c + 2) % 3
            inverse[c, d] = cell[a, e] * cell[b, f] - cell[a, f] * cell[b, e]
    for c in range(3):
        volume += cell[0, c] * inverse[c, 0]
    for d in range(3):
        area = 0.0
        for c in range(3):
            area += inverse[c, d] * inverse[c, d]
            inverse[c, d] /= volume
        heights[d] = abs(volume) / math.sqrt(area)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _wrap(
    positions: np.ndarray,
    cell: np.ndarray,
    pbc: np.ndarray,
    rc: float,
    fractional: np.ndarray,
    wrap: np.ndarray,
    bins: np.ndarray,
    reach: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Write fractions in [0, 1], what was wrapped off, and the division into bins."""
    n = positions.shape[0]
    inverse = np.empty((3, 3))
    heights = np.empty(3)
    _invert(cell, inverse, heights)
    for d in range(3):
        low, high = np.inf, -np.inf
        for k in range(n):
            f = 0.0
            for c in range(3):
                f += positions[k, c] * inverse[c, d]
            wrap[k, d] = 0
            if pbc[d]:
                whole = math.floor(f)
                wrap[k, d] = whole
                f -= whole
            fractional[k, d] = f
            low, high = min(low, f), max(high, f)
        if not pbc[d]:
            # stretch the occupied part over [0, 1]
            span = max(high - low, 1e-12)
            heights[d] *= span
            for k in range(n):
                fractional[k, d] = (fractional[k, d] - low) / span
        bins[d] = int(min(max(1.0, 2.0 * heights[d] / rc), 1e6))
    while bins[0] * bins[1] * bins[2] > _BINS_PER_ATOM * n + 64:
        most = 0
        for d in range(1, 3):
            if bins[d] > bins[most]:
                most = d
        bins[most] = (bins[most] + 1) // 2
    for d in range(3):
        reach[d] = int(min(math.ceil(rc * bins[d] / heights[d]), 1e9))
        if not pbc[d]:
            reach[d] = min(reach[d], bins[d] - 1)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _sort(
    positions: np.ndarray,
    cell: np.ndarray,
    fractional: np.ndarray,
    wrap: np.ndarray,
    bins: np.ndarray,
    where: np.ndarray,
    bin_first: np.ndarray,
    order: np.ndarray,
    wrapped: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Sort atoms into bins: each atom's bin, bins' first entries, wrapped positions."""
    n = positions.shape[0]
    flat = np.empty(n, np.int64)
    for k in range(n):
        for d in range(3):
            where[k, d] = min(max(int(fractional[k, d] * bins[d]), 0), bins[d] - 1)
        flat[k] = (where[k, 0] * bins[1] + where[k, 1]) * bins[2] + where[k, 2]
        bin_first[flat[k] + 2] += 1
    for b in range(2, bin_first.size):
        bin_first[b] += bin_first[b - 1]
    for k in range(n):
        # bin_first[b + 1] counts up from the first to the last entry of bin b
        at = bin_first[flat[k] + 1]
        bin_first[flat[k] + 1] += 1
        order[at] = k
        for c in range(3):
            x = positions[k, c]
            for d in range(3):
                x -= wrap[k, d] * cell[d, c]
            wrapped[at, c] = x


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _scan(
    k: int,
    rc2: float,
    cell: np.ndarray,
    pbc: np.ndarray,
    bins: np.ndarray,
    reach: np.ndarray,
    where: np.ndarray,
    bin_first: np.ndarray,
    order: np.ndarray,
    wrapped: np.ndarray,
    centre: np.ndarray,
    who: np.ndarray,
    image: np.ndarray,
    found: int,
) -> int:  # pragma: no cover - compiled
    """Append the neighbours of atom `k`; return how many are wanted in all."""
    capacity = who.size
    bx0, by0, bz0 = where[k, 0], where[k, 1], where[k, 2]
    for bx in range(bx0 - reach[0], bx0 + reach[0] + 1):
        sx = bx // bins[0]
        if sx != 0 and not pbc[0]:
            continue
        for by in range(by0 - reach[1], by0 + reach[1] + 1):
            sy = by // bins[1]
            if sy != 0 and not pbc[1]:
                continue
            row = ((bx - sx * bins[0]) * bins[1] + by - sy * bins[1]) * bins[2]
            for bz in range(bz0 - reach[2], bz0 + reach[2] + 1):
                sz = bz // bins[2]
                if sz != 0 and not pbc[2]:
                    continue
                b = row + bz - sz * bins[2]
                if bin_first[b] == bin_first[b + 1]:
                    continue
                tx = sx * cell[0, 0] + sy * cell[1, 0] + sz * cell[2, 0] - centre[0]
                ty = sx * cell[0, 1] + sy * cell[1, 1] + sz * cell[2, 1] - centre[1]
                tz = sx * cell[0, 2] + sy * cell[1, 2] + sz * cell[2, 2] - centre[2]
                home = sx == 0 and sy == 0 and sz == 0
                for at in range(bin_first[b], bin_first[b + 1]):
                    dx = wrapped[at, 0] + tx
                    dy = wrapped[at, 1] + ty
                    dz = wrapped[at, 2] + tz
                    if dx * dx + dy * dy + dz * dz >= rc2:
                        continue
                    if home and order[at] == k:
                        continue
                    if found < capacity:
                        who[found] = order[at]
                        image[found, 0] = sx
                        image[found, 1] = sy
                        image[found, 2] = sz
                    found += 1
    return found


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _grow(
    who: np.ndarray, image: np.ndarray, found: int, capacity: int
) -> Any:  # pragma: no cover - compiled
    """Copy the lists into longer ones."""
    more = np.empty(capacity, np.int32)
    wider = np.empty((capacity, 3), np.int32)
    for p in range(found):
        more[p] = who[p]
        for d in range(3):
            wider[p, d] = image[p, d]
    return more, wider


@numba.njit(nogil=True, cache=True, error_model="numpy")
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
    who = np.empty(64 * (end - begin) + 64, np.int32)
    image = np.empty((who.size, 3), np.int32)
    found = 0
    bins = np.empty(3, np.int64)
    reach = np.empty(3, np.int64)
    for s in range(starts.size - 1):
        s0, s1 = starts[s], starts[s + 1]
        if s1 <= begin or s0 >= end:
            continue
        n = s1 - s0
        mine = positions[s0:s1]
        fractional = np.empty((n, 3))
        wrap = np.empty((n, 3), np.int64)
        where = np.empty((n, 3), np.int64)
        order = np.empty(n, np.int64)
        wrapped = np.empty((n, 3))
        _wrap(mine, cells[s], pbc[s], rc, fractional, wrap, bins, reach)
        bin_first = np.zeros(bins[0] * bins[1] * bins[2] + 2, np.int64)
        _sort(
            mine,
            cells[s],
            fractional,
            wrap,
            bins,
            where,
            bin_first,
            order,
            wrapped,
        )
        place = np.empty(n, np.int64)
        for at in range(n):
            place[order[at]] = at
        for i in range(max(s0, begin), min(s1, end)):
            k = i - s0
            while True:
                wanted = _scan(
                    k,
                    rc * rc,
                    cells[s],
                    pbc[s],
                    bins,
                    reach,
                    where,
                    bin_first,
                    order,
                    wrapped,
                    wrapped[place[k]],
                    who,
                    image,
                    found,
                )
                if wanted <= who.size:
                    break
                who, image = _grow(who, image, found, 2 * wanted)
            for p in range(found, wanted):
                j = who[p]
                who[p] = s0 + j
                for d in range(3):
                    image[p, d] += wrap[k, d] - wrap[j, d]
            found = wanted
            first[i - begin + 1] = found
    return first, who[:found], image[:found]
