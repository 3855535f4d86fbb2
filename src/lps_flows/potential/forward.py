"""Evaluation of the element networks atom by atom, compiled.

Small networks on few atoms: one compiled loop over atoms beats a library's matrix
products, whose call overhead is larger than the work.
"""

# ruff: noqa: PLR0912, PLR0915, PLR0917 - compiled loops: plain arrays, no objects

from __future__ import annotations

import math

import numpy as np

from lps_flows.potential.kernels import compiled

_MT_A, _MT_B, _TWIST = 1.7159, 2.0 / 3.0, 0.1


@compiled
def run_networks(
    values: np.ndarray,
    element: np.ndarray,
    scaling: tuple[np.ndarray, np.ndarray],
    networks: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    output: np.ndarray,
    slope: np.ndarray,
    want_slope: bool,
) -> None:
    """Evaluate every member's network of each atom's element.

    Parameters
    ----------
    values
        (n, n_features) raw descriptor values.
    element
        (n) index of each atom's element.
    scaling
        Mean and inverse deviation of the values, (n_elements, n_features) each.
    networks
        Nodes of each layer; number of layers beyond the input; activation codes;
        where each layer's weights (n_in, n_out) and then biases start; and the packed
        weights of all elements, (n_members, n_weights).
    output
        (n_members, n) written: network output.
    slope
        (n, n_members, n_features) written when `want_slope`: derivative of the output
        with respect to the raw values.
    """
    mean, inverse_std = scaling
    sizes, n_layers, codes, offsets, weights = networks
    depth = codes.shape[1]
    widest = sizes.max()
    x = np.empty((depth + 1, widest), values.dtype)
    d = np.empty((depth + 1, widest), values.dtype)
    back = np.empty((2, widest), values.dtype)
    for i in range(values.shape[0]):
        z = element[i]
        n_in = sizes[z, 0]
        x0 = x[0]
        for k in range(n_in):
            x0[k] = (values[i, k] - mean[z, k]) * inverse_std[z, k]
        for e in range(weights.shape[0]):
            w = weights[e]
            for layer in range(n_layers[z]):
                rows, columns = sizes[z, layer], sizes[z, layer + 1]
                at = offsets[z, layer]
                bias = at + rows * columns
                y, a, dy = x[layer + 1], x[layer], d[layer + 1]
                for o in range(columns):
                    y[o] = w[bias + o]
                for k in range(rows):
                    v = a[k]
                    p = at + k * columns
                    for o in range(columns):
                        y[o] += v * w[p + o]
                code = codes[z, layer]
                for o in range(columns):
                    v = y[o]
                    if code == 0:
                        dy[o] = 1.0
                    elif code == 1:
                        v = math.tanh(v)
                        y[o] = v
                        dy[o] = 1.0 - v * v
                    elif code == 2:
                        v = 1.0 / (1.0 + math.exp(-v))
                        y[o] = v
                        dy[o] = v * (1.0 - v)
                    else:
                        h = math.tanh(_MT_B * v)
                        y[o] = _MT_A * h
                        dy[o] = _MT_A * _MT_B * (1.0 - h * h)
                        if code == 4:
                            y[o] += _TWIST * v
                            dy[o] += _TWIST
            last = n_layers[z]
            output[e, i] = x[last, 0]
            if not want_slope:
                continue
            g, h = back[0], back[1]
            g[0] = 1.0
            for layer in range(last - 1, -1, -1):
                rows, columns = sizes[z, layer], sizes[z, layer + 1]
                at = offsets[z, layer]
                dy = d[layer + 1]
                for o in range(columns):
                    g[o] *= dy[o]
                for k in range(rows):
                    p = at + k * columns
                    total = g[0] * 0
                    for o in range(columns):
                        total += g[o] * w[p + o]
                    h[k] = total
                g, h = h, g
            c = slope[i, e]
            for k in range(n_in):
                c[k] = g[k] * inverse_std[z, k]
