"""The Chebyshev descriptor, compiled, over a range of atoms so that threads can share.

With d the distance, Rc a cutoff and x = 2 d / Rc - 1, the cosine cutoff function is
fc = (cos(pi d / Rc) + 1) / 2 = (1 - sin(pi x / 2)) / 2. Sine and cosine are taken from
their Taylor series, exact to double precision on [-1, 1], because a loop of plain
multiplications is vectorised by the compiler and a call of cos is not.
"""

# ruff: noqa: PLR0917 - compiled loops: plain arrays, no objects

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_PAD = 8  # neighbours are padded to whole vector registers
_FAST = {"reassoc", "contract", "nsz", "arcp"}
_SIN = tuple(
    (-1) ** k * (math.pi / 2) ** (2 * k + 1) / math.factorial(2 * k + 1)
    for k in range(12)
)
_COS = tuple(
    (-1) ** k * (math.pi / 2) ** (2 * k) / math.factorial(2 * k) for k in range(13)
)
# rows of the scratch table of one atom's neighbours
X, FC, S, DX, DY, DZ, INV = range(7)
T0, T1, D0, D1 = range(7, 11)
_ROWS = 11

compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
inlined = numba.njit(
    nogil=True, cache=True, error_model="numpy", fastmath=_FAST, inline="always"
)


@inlined
def sin_half_pi(x: float) -> float:
    """Return sin(pi x / 2) for x in [-1, 1]."""
    y = x * x
    r = _SIN[11]
    for k in range(10, -1, -1):
        r = r * y + _SIN[k]
    return r * x


@inlined
def cos_half_pi(x: float) -> float:
    """Return cos(pi x / 2) for x in [-1, 1]."""
    y = x * x
    r = _COS[12]
    for k in range(11, -1, -1):
        r = r * y + _COS[k]
    return r


@inlined
def scratch(first: np.ndarray, vectors: np.ndarray) -> Any:
    """Make room for one atom's neighbours: their table, who they are, which are near.

    As wide as the most neighbours of any atom, padded to whole registers.
    """
    most = 0
    for k in range(first.size - 1):
        most = max(most, first[k + 1] - first[k])
    width = ((most + _PAD - 1) // _PAD + 1) * _PAD
    table = np.zeros((_ROWS, width), vectors.dtype)
    return table, np.empty(width, np.int32), np.empty(width, np.int64)


@inlined
def collect(
    i: int,
    first: np.ndarray,
    neighbour: np.ndarray,
    vectors: np.ndarray,
    species: np.ndarray,
    spin: np.ndarray,
    cutoff: float,
    inner: float,
    t: np.ndarray,
    who: np.ndarray,
    near: np.ndarray,
) -> Any:
    """Collect the neighbours of atom i: fill the table `t`, list those in `inner`."""
    m, a = 0, 0
    for p in range(first[i], first[i + 1]):
        x, y, z = vectors[p, 0], vectors[p, 1], vectors[p, 2]
        d = math.sqrt(x * x + y * y + z * z)
        if d >= cutoff:
            continue
        if d < inner:
            near[a] = m
            a += 1
        j = neighbour[p]
        who[m] = j
        t[X, m] = 2.0 * d / cutoff - 1.0
        t[S, m] = spin[species[j]]
        t[DX, m] = x
        t[DY, m] = y
        t[DZ, m] = z
        t[INV, m] = 1.0 / d
        m += 1
    full = (m + _PAD - 1) // _PAD * _PAD
    for k in range(m, full):
        t[X, k] = 1.0  # fc(cutoff) = 0: padding adds nothing
        t[S, k] = 0.0
        t[DX, k] = 0.0
        t[DY, k] = 0.0
        t[DZ, k] = 0.0
        t[INV, k] = 0.0
        who[k] = -1
    for k in range(full):
        t[FC, k] = 0.5 - 0.5 * sin_half_pi(t[X, k])
    for k in range(m, full):
        t[FC, k] = 0.0
    return m, full, a


@compiled
def features(
    first: np.ndarray,
    neighbour: np.ndarray,
    vectors: np.ndarray,
    species: np.ndarray,
    spin: np.ndarray,
    radial: tuple[float, int],
    angular: tuple[float, int],
    out: np.ndarray,
) -> None:
    """Write the descriptor of each atom of the range into the rows of `out`."""
    (cutoff, nr), (inner, na) = radial, angular
    half = nr + na + 2
    weighted = out.shape[1] > half
    t, who, near = scratch(first, vectors)
    fa = np.empty(near.size)
    x, s, t0, t1 = t[X], t[S], t[T0], t[T1]
    for i in range(first.size - 1):
        g = out[i]
        g[:] = 0.0
        _, full, a = collect(
            i, first, neighbour, vectors, species, spin, cutoff, inner, t, who, near
        )
        for k in range(full):
            t0[k] = t[FC, k]
            t1[k] = x[k] * t0[k]
            x[k] += x[k]
        for n in range(nr + 1):
            plain, spun = g[0] * 0, g[0] * 0
            for k in range(full):
                v = t0[k]
                plain += v
                spun += s[k] * v
                t0[k] = t1[k]
                t1[k] = x[k] * t1[k] - v
            g[n] = plain
            if weighted:
                g[half + n] = spun
        for q in range(a):
            k = near[q]
            d = 1.0 / t[INV, k]
            fa[q] = 0.5 - 0.5 * sin_half_pi(2.0 * d / inner - 1.0)
        for q in range(a):
            k = near[q]
            for r in range(q + 1, a):
                h = near[r]
                cosine = (
                    t[DX, k] * t[DX, h] + t[DY, k] * t[DY, h] + t[DZ, k] * t[DZ, h]
                ) * (t[INV, k] * t[INV, h])
                low = fa[q] * fa[r]
                high = cosine * low
                both = s[k] * s[h]
                for n in range(na + 1):
                    g[nr + 1 + n] += low
                    if weighted:
                        g[half + nr + 1 + n] += both * low
                    low, high = high, 2.0 * cosine * high - low
