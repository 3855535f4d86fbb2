"""The Chebyshev descriptor and its derivatives, compiled.

Three maps, each over a range of atoms so that threads can share the work:

- `features`: vectors to neighbours -> descriptor values G.
- `pull_back`: dE/dG -> forces and virial (reverse mode), never storing dG/dx.
- `push_forward`: displacements of atoms -> change of G (forward mode), the adjoint of
  `pull_back`, which the force term of the training loss needs.

With d the distance, Rc a cutoff and x = 2 d / Rc - 1, the cosine cutoff function is
fc = (cos(pi d / Rc) + 1) / 2 = (1 - sin(pi x / 2)) / 2. Sine and cosine are taken from
their Taylor series, exact to double precision on [-1, 1], because a loop of plain
multiplications is vectorised by the compiler and a call of cos is not.
"""

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
# columns of the scratch table of one atom's neighbours
_X, _FC, _DFC, _S, _DX, _DY, _DZ, _INV = range(8)
_T0, _T1, _D0, _D1 = range(8, 12)
_ROWS = 12


@numba.njit(nogil=True, cache=True, fastmath=_FAST, inline="always")
def _sin_half_pi(x: float) -> float:  # pragma: no cover - compiled
    y = x * x
    r = _SIN[11]
    for k in range(10, -1, -1):
        r = r * y + _SIN[k]
    return r * x


@numba.njit(nogil=True, cache=True, fastmath=_FAST, inline="always")
def _cos_half_pi(x: float) -> float:  # pragma: no cover - compiled
    y = x * x
    r = _COS[12]
    for k in range(11, -1, -1):
        r = r * y + _COS[k]
    return r


@numba.njit(nogil=True, cache=True)
def _most(first: np.ndarray) -> int:  # pragma: no cover - compiled
    most = 0
    for k in range(first.size - 1):
        most = max(most, first[k + 1] - first[k])
    return ((most + _PAD - 1) // _PAD + 1) * _PAD


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _gather(
    p0: int,
    p1: int,
    vectors: np.ndarray,
    neighbour: np.ndarray,
    species: np.ndarray,
    spin: np.ndarray,
    cutoff: float,
    inner: float,
    t: np.ndarray,
    who: np.ndarray,
    near: np.ndarray,
) -> Any:  # pragma: no cover - compiled
    """Collect one atom's neighbours: fill the table `t`, list those within `inner`."""
    m, a = 0, 0
    for p in range(p0, p1):
        x, y, z = vectors[p, 0], vectors[p, 1], vectors[p, 2]
        d = math.sqrt(x * x + y * y + z * z)
        if d >= cutoff:
            continue
        if d < inner:
            near[a] = m
            a += 1
        j = neighbour[p]
        who[m] = j
        t[_X, m] = 2.0 * d / cutoff - 1.0
        t[_S, m] = spin[species[j]]
        t[_DX, m] = x
        t[_DY, m] = y
        t[_DZ, m] = z
        t[_INV, m] = 1.0 / d
        m += 1
    full = (m + _PAD - 1) // _PAD * _PAD
    for k in range(m, full):
        t[_X, k] = 1.0  # fc(cutoff) = 0: padding adds nothing
        t[_S, k] = 0.0
        t[_DX, k] = 0.0
        t[_DY, k] = 0.0
        t[_DZ, k] = 0.0
        t[_INV, k] = 0.0
        who[k] = -1
    for k in range(full):
        t[_FC, k] = 0.5 - 0.5 * _sin_half_pi(t[_X, k])
    for k in range(m, full):
        t[_FC, k] = 0.0
    return m, full, a


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def features(
    first: np.ndarray,
    neighbour: np.ndarray,
    vectors: np.ndarray,
    species: np.ndarray,
    spin: np.ndarray,
    radial: tuple[float, int],
    angular: tuple[float, int],
    out: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Write the descriptor of each atom of the range into the rows of `out`."""
    cutoff, nr = radial
    inner, na = angular
    weighted = out.shape[1] > nr + na + 2
    half = nr + na + 2
    width = _most(first)
    t = np.zeros((_ROWS, width), vectors.dtype)
    who = np.empty(width, np.int32)
    near = np.empty(width, np.int64)
    fa = np.empty(width)
    for i in range(first.size - 1):
        g = out[i]
        g[:] = 0.0
        m, full, a = _gather(
            first[i],
            first[i + 1],
            vectors,
            neighbour,
            species,
            spin,
            cutoff,
            inner,
            t,
            who,
            near,
        )
        x, s = t[_X], t[_S]
        t0, t1 = t[_T0], t[_T1]
        for k in range(full):
            t0[k] = t[_FC, k]
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
            d = 1.0 / t[_INV, k]
            fa[q] = 0.5 - 0.5 * _sin_half_pi(2.0 * d / inner - 1.0)
        for q in range(a):
            k = near[q]
            for r in range(q + 1, a):
                h = near[r]
                cosine = (
                    t[_DX, k] * t[_DX, h]
                    + t[_DY, k] * t[_DY, h]
                    + t[_DZ, k] * t[_DZ, h]
                ) * (t[_INV, k] * t[_INV, h])
                low = fa[q] * fa[r]
                high = cosine * low
                both = s[k] * s[h]
                for n in range(na + 1):
                    g[nr + 1 + n] += low
                    if weighted:
                        g[half + nr + 1 + n] += both * low
                    low, high = high, 2.0 * cosine * high - low


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _radial_slopes(
    nr: int, full: int, scale: float, t: np.ndarray, slopes: np.ndarray
) -> None:  # pragma: no cover - compiled
    """Write d phi_n / d d of each neighbour into ``slopes[n]``; doubles ``t[_X]``."""
    x, t0, t1, d0, d1 = t[_X], t[_T0], t[_T1], t[_D0], t[_D1]
    # fc' = -pi / (2 Rc) cos(pi x / 2), and dx/dd = 2 / Rc = scale
    for k in range(full):
        t0[k] = t[_FC, k]
        d0[k] = -0.25 * math.pi * scale * _cos_half_pi(x[k])
        t1[k] = x[k] * t0[k]
        d1[k] = x[k] * d0[k] + scale * t0[k]
        x[k] += x[k]
    double = scale + scale
    for n in range(nr + 1):
        row = slopes[n]
        for k in range(full):
            row[k] = d0[k]
            nd = double * t1[k] + x[k] * d1[k] - d0[k]
            nt = x[k] * t1[k] - t0[k]
            d0[k] = d1[k]
            d1[k] = nd
            t0[k] = t1[k]
            t1[k] = nt


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def pull_back(
    first: np.ndarray,
    neighbour: np.ndarray,
    vectors: np.ndarray,
    species: np.ndarray,
    spin: np.ndarray,
    radial: tuple[float, int],
    angular: tuple[float, int],
    slope: np.ndarray,
    begin: int,
    structure: np.ndarray,
    origin: int,
    forces: np.ndarray,
    virial: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Turn dE/dG into forces and virials.

    `slope` is (n_atoms of the range, n_members, n_features). `forces`
    (n_members, n, 3), atom `origin` first, and `virial` (n_members, n_structures, 9),
    sum of D_a dE/dD_b over the pairs, are added to.
    """
    cutoff, nr = radial
    inner, na = angular
    members = slope.shape[1]
    half = nr + na + 2
    weighted = slope.shape[2] > half
    width = _most(first)
    t = np.zeros((_ROWS, width), vectors.dtype)
    slopes = np.empty((nr + 1, width), vectors.dtype)
    pull = np.empty((members, 4, width), vectors.dtype)
    who = np.empty(width, np.int32)
    near = np.empty(width, np.int64)
    fa = np.empty(width)
    dfa = np.empty(width)
    tn = np.empty(na + 2)
    dn = np.empty(na + 2)
    for i in range(first.size - 1):
        m, full, a = _gather(
            first[i],
            first[i + 1],
            vectors,
            neighbour,
            species,
            spin,
            cutoff,
            inner,
            t,
            who,
            near,
        )
        _radial_slopes(nr, full, 2.0 / cutoff, t, slopes)
        s = t[_S]
        for e in range(members):
            c = slope[i, e]
            w = pull[e, 3]
            for k in range(full):
                w[k] = 0.0
            for n in range(nr + 1):
                row = slopes[n]
                plain = c[n]
                if weighted:
                    spun = c[half + n]
                    for k in range(full):
                        w[k] += (plain + s[k] * spun) * row[k]
                else:
                    for k in range(full):
                        w[k] += plain * row[k]
            for k in range(full):
                v = w[k] * t[_INV, k]
                pull[e, 0, k] = v * t[_DX, k]
                pull[e, 1, k] = v * t[_DY, k]
                pull[e, 2, k] = v * t[_DZ, k]
        for q in range(a):
            x = 2.0 / (inner * t[_INV, near[q]]) - 1.0
            fa[q] = 0.5 - 0.5 * _sin_half_pi(x)
            dfa[q] = -0.5 * math.pi / inner * _cos_half_pi(x)
        for q in range(a):
            k = near[q]
            kx, ky, kz = (
                t[_DX, k] * t[_INV, k],
                t[_DY, k] * t[_INV, k],
                t[_DZ, k] * t[_INV, k],
            )
            for r in range(q + 1, a):
                h = near[r]
                hx, hy, hz = (
                    t[_DX, h] * t[_INV, h],
                    t[_DY, h] * t[_INV, h],
                    t[_DZ, h] * t[_INV, h],
                )
                cosine = kx * hx + ky * hy + kz * hz
                tn[0], tn[1], dn[0], dn[1] = 1.0, cosine, 0.0, 1.0
                for n in range(2, na + 1):
                    tn[n] = 2.0 * cosine * tn[n - 1] - tn[n - 2]
                    dn[n] = 2.0 * tn[n - 1] + 2.0 * cosine * dn[n - 1] - dn[n - 2]
                both = s[k] * s[h]
                for e in range(members):
                    c = slope[i, e]
                    value, turn = 0.0, 0.0
                    for n in range(na + 1):
                        v = float(c[nr + 1 + n])
                        if weighted:
                            v += both * c[half + nr + 1 + n]
                        value += v * tn[n]
                        turn += v * dn[n]
                    turn *= fa[q] * fa[r]
                    vk, vh = value * dfa[q] * fa[r], value * fa[q] * dfa[r]
                    tk, th = turn * t[_INV, k], turn * t[_INV, h]
                    pull[e, 0, k] += vk * kx + tk * (hx - cosine * kx)
                    pull[e, 1, k] += vk * ky + tk * (hy - cosine * ky)
                    pull[e, 2, k] += vk * kz + tk * (hz - cosine * kz)
                    pull[e, 0, h] += vh * hx + th * (kx - cosine * hx)
                    pull[e, 1, h] += vh * hy + th * (ky - cosine * hy)
                    pull[e, 2, h] += vh * hz + th * (kz - cosine * hz)
        me = begin + i - origin
        for e in range(members):
            vir = virial[e, structure[i]]
            f = forces[e]
            for b in range(3):
                total, vx, vy, vz = 0.0, 0.0, 0.0, 0.0
                g = pull[e, b]
                for k in range(full):
                    total += g[k]
                    vx += t[_DX, k] * g[k]
                    vy += t[_DY, k] * g[k]
                    vz += t[_DZ, k] * g[k]
                f[me, b] += total
                vir[b] += vx
                vir[3 + b] += vy
                vir[6 + b] += vz
                for k in range(m):
                    f[who[k] - origin, b] -= g[k]


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def push_forward(
    first: np.ndarray,
    neighbour: np.ndarray,
    vectors: np.ndarray,
    species: np.ndarray,
    spin: np.ndarray,
    radial: tuple[float, int],
    angular: tuple[float, int],
    moves: np.ndarray,
    begin: int,
    out: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Write the change of G per unit of the displacement field `moves`.

    `moves` is (n_members, n_atoms, 3); `out` (n_atoms of the range, n_members,
    n_features).
    """
    cutoff, nr = radial
    inner, na = angular
    members = moves.shape[0]
    half = nr + na + 2
    weighted = out.shape[2] > half
    width = _most(first)
    t = np.zeros((_ROWS, width), vectors.dtype)
    slopes = np.empty((nr + 1, width), vectors.dtype)
    along = np.zeros((members, 4, width), vectors.dtype)
    who = np.empty(width, np.int32)
    near = np.empty(width, np.int64)
    fa = np.empty(width)
    dfa = np.empty(width)
    tn = np.empty(na + 2)
    dn = np.empty(na + 2)
    for i in range(first.size - 1):
        m, full, a = _gather(
            first[i],
            first[i + 1],
            vectors,
            neighbour,
            species,
            spin,
            cutoff,
            inner,
            t,
            who,
            near,
        )
        _radial_slopes(nr, full, 2.0 / cutoff, t, slopes)
        s = t[_S]
        for e in range(members):
            u = moves[e]
            ux, uy, uz, r = along[e]
            for k in range(m):
                j = who[k]
                ux[k] = u[j, 0] - u[begin + i, 0]
                uy[k] = u[j, 1] - u[begin + i, 1]
                uz[k] = u[j, 2] - u[begin + i, 2]
            for k in range(m, full):
                ux[k] = 0.0
                uy[k] = 0.0
                uz[k] = 0.0
            for k in range(full):
                r[k] = (ux[k] * t[_DX, k] + uy[k] * t[_DY, k] + uz[k] * t[_DZ, k]) * t[
                    _INV, k
                ]
            g = out[i, e]
            g[:] = 0.0
            for n in range(nr + 1):
                row = slopes[n]
                plain, spun = r[0] * 0, r[0] * 0
                for k in range(full):
                    v = row[k] * r[k]
                    plain += v
                    spun += s[k] * v
                g[n] = plain
                if weighted:
                    g[half + n] = spun
        for q in range(a):
            x = 2.0 / (inner * t[_INV, near[q]]) - 1.0
            fa[q] = 0.5 - 0.5 * _sin_half_pi(x)
            dfa[q] = -0.5 * math.pi / inner * _cos_half_pi(x)
        for q in range(a):
            k = near[q]
            kx, ky, kz = (
                t[_DX, k] * t[_INV, k],
                t[_DY, k] * t[_INV, k],
                t[_DZ, k] * t[_INV, k],
            )
            for p in range(q + 1, a):
                h = near[p]
                hx, hy, hz = (
                    t[_DX, h] * t[_INV, h],
                    t[_DY, h] * t[_INV, h],
                    t[_DZ, h] * t[_INV, h],
                )
                cosine = kx * hx + ky * hy + kz * hz
                tn[0], tn[1], dn[0], dn[1] = 1.0, cosine, 0.0, 1.0
                for n in range(2, na + 1):
                    tn[n] = 2.0 * cosine * tn[n - 1] - tn[n - 2]
                    dn[n] = 2.0 * tn[n - 1] + 2.0 * cosine * dn[n - 1] - dn[n - 2]
                both = s[k] * s[h]
                for e in range(members):
                    ux, uy, uz, r = along[e]
                    fade = dfa[q] * r[k] * fa[p] + fa[q] * dfa[p] * r[h]
                    turn = (
                        (hx * ux[k] + hy * uy[k] + hz * uz[k] - cosine * r[k])
                        * t[_INV, k]
                        + (kx * ux[h] + ky * uy[h] + kz * uz[h] - cosine * r[h])
                        * t[_INV, h]
                    ) * (fa[q] * fa[p])
                    g = out[i, e]
                    for n in range(na + 1):
                        v = fade * tn[n] + turn * dn[n]
                        g[nr + 1 + n] += v
                        if weighted:
                            g[half + nr + 1 + n] += both * v
