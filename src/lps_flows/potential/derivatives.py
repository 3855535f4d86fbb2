"""Derivatives of the Chebyshev descriptor, compiled.

- `pull_back`: dE/dG -> forces and virial (reverse mode), never storing dG/dx.
- `push_forward`: displacements of atoms -> change of G (forward mode), the adjoint of
  `pull_back`, which the force term of the training loss needs.

Slopes follow from the recursion of the features themselves: with a_n = fc T_n and
b_n = da_n/dd, a_n = 2 x a_(n-1) - a_(n-2) gives
b_n = 2 x' a_(n-1) + 2 x b_(n-1) - b_(n-2).
"""

# ruff: noqa: PLR0912, PLR0915, PLR0917 - compiled loops: plain arrays, no objects

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lps_flows.potential.kernels import (
    D0,
    D1,
    DX,
    DY,
    DZ,
    FC,
    INV,
    T0,
    T1,
    S,
    X,
    collect,
    compiled,
    cos_half_pi,
    inlined,
    scratch,
    sin_half_pi,
)


@inlined
def _radial_slopes(
    nr: int, full: int, scale: float, t: np.ndarray, slopes: np.ndarray
) -> None:
    """Write d phi_n / d d of each neighbour into ``slopes[n]``; doubles ``t[X]``."""
    x, t0, t1, d0, d1 = t[X], t[T0], t[T1], t[D0], t[D1]
    # fc' = -pi / (2 Rc) cos(pi x / 2), and dx/dd = 2 / Rc = scale
    for k in range(full):
        t0[k] = t[FC, k]
        d0[k] = -0.25 * math.pi * scale * cos_half_pi(x[k])
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


@inlined
def _angular_cutoffs(
    a: int,
    inner: float,
    t: np.ndarray,
    near: np.ndarray,
    fa: np.ndarray,
    dfa: np.ndarray,
) -> None:
    """Write fc and dfc/dd of the near neighbours."""
    for q in range(a):
        x = 2.0 / (inner * t[INV, near[q]]) - 1.0
        fa[q] = 0.5 - 0.5 * sin_half_pi(x)
        dfa[q] = -0.5 * math.pi / inner * cos_half_pi(x)


@inlined
def _unit(t: np.ndarray, k: int) -> Any:
    """Return the direction of a neighbour."""
    return t[DX, k] * t[INV, k], t[DY, k] * t[INV, k], t[DZ, k] * t[INV, k]


@inlined
def _chebyshev(na: int, cosine: float, tn: np.ndarray, dn: np.ndarray) -> None:
    """Write T_0 to T_na of the cosine and their derivatives."""
    tn[0], tn[1], dn[0], dn[1] = 1.0, cosine, 0.0, 1.0
    for n in range(2, na + 1):
        tn[n] = 2.0 * cosine * tn[n - 1] - tn[n - 2]
        dn[n] = 2.0 * tn[n - 1] + 2.0 * cosine * dn[n - 1] - dn[n - 2]


@compiled
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
) -> None:
    """Turn dE/dG into forces and virials.

    `slope` is (n_atoms of the range, n_members, n_features). `forces`
    (n_members, n, 3), atom `origin` first, and `virial` (n_members, n_structures, 9),
    sum of D_a dE/dD_b over the pairs, are added to.
    """
    (cutoff, nr), (inner, na) = radial, angular
    members = slope.shape[1]
    half = nr + na + 2
    weighted = slope.shape[2] > half
    t, who, near = scratch(first, vectors)
    slopes = np.empty((nr + 1, near.size), vectors.dtype)
    pull = np.empty((members, 4, near.size), vectors.dtype)
    fa, dfa = np.empty(near.size), np.empty(near.size)
    tn, dn = np.empty(na + 2), np.empty(na + 2)
    s = t[S]
    for i in range(first.size - 1):
        m, full, a = collect(
            i, first, neighbour, vectors, species, spin, cutoff, inner, t, who, near
        )
        _radial_slopes(nr, full, 2.0 / cutoff, t, slopes)
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
                v = w[k] * t[INV, k]
                pull[e, 0, k] = v * t[DX, k]
                pull[e, 1, k] = v * t[DY, k]
                pull[e, 2, k] = v * t[DZ, k]
        _angular_cutoffs(a, inner, t, near, fa, dfa)
        for q in range(a):
            k = near[q]
            kx, ky, kz = _unit(t, k)
            for r in range(q + 1, a):
                h = near[r]
                hx, hy, hz = _unit(t, h)
                cosine = kx * hx + ky * hy + kz * hz
                _chebyshev(na, cosine, tn, dn)
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
                    tk, th = turn * t[INV, k], turn * t[INV, h]
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
                    vx += t[DX, k] * g[k]
                    vy += t[DY, k] * g[k]
                    vz += t[DZ, k] * g[k]
                f[me, b] += total
                vir[b] += vx
                vir[3 + b] += vy
                vir[6 + b] += vz
                for k in range(m):
                    f[who[k] - origin, b] -= g[k]


@compiled
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
) -> None:
    """Write the change of G per unit of the displacement field `moves`.

    `moves` is (n_members, n_atoms, 3); `out` (n_atoms of the range, n_members,
    n_features).
    """
    (cutoff, nr), (inner, na) = radial, angular
    members = moves.shape[0]
    half = nr + na + 2
    weighted = out.shape[2] > half
    t, who, near = scratch(first, vectors)
    slopes = np.empty((nr + 1, near.size), vectors.dtype)
    along = np.zeros((members, 4, near.size), vectors.dtype)
    fa, dfa = np.empty(near.size), np.empty(near.size)
    tn, dn = np.empty(na + 2), np.empty(na + 2)
    s = t[S]
    for i in range(first.size - 1):
        m, full, a = collect(
            i, first, neighbour, vectors, species, spin, cutoff, inner, t, who, near
        )
        _radial_slopes(nr, full, 2.0 / cutoff, t, slopes)
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
                v = ux[k] * t[DX, k] + uy[k] * t[DY, k] + uz[k] * t[DZ, k]
                r[k] = v * t[INV, k]
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
        _angular_cutoffs(a, inner, t, near, fa, dfa)
        for q in range(a):
            k = near[q]
            kx, ky, kz = _unit(t, k)
            for p in range(q + 1, a):
                h = near[p]
                hx, hy, hz = _unit(t, h)
                cosine = kx * hx + ky * hy + kz * hz
                _chebyshev(na, cosine, tn, dn)
                both = s[k] * s[h]
                for e in range(members):
                    ux, uy, uz, r = along[e]
                    change = dfa[q] * r[k] * fa[p] + fa[q] * dfa[p] * r[h]
                    turn = (
                        (hx * ux[k] + hy * uy[k] + hz * uz[k] - cosine * r[k])
                        * t[INV, k]
                        + (kx * ux[h] + ky * uy[h] + kz * uz[h] - cosine * r[h])
                        * t[INV, h]
                    ) * (fa[q] * fa[p])
                    g = out[i, e]
                    for n in range(na + 1):
                        v = change * tn[n] + turn * dn[n]
                        g[nr + 1 + n] += v
                        if weighted:
                            g[half + nr + 1 + n] += both * v
