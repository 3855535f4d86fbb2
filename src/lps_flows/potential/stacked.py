"""All restarts of one element as one stacked network: values and gradients.

Arrays are (members, nodes, atoms), so that one matrix product serves all members.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lps_flows.potential.network import ElementNetwork

_MT_A, _MT_B, _TWIST = 1.7159, 2.0 / 3.0, 0.1


def activate(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the activation of z, its derivative, and what `curvature` needs.

    For tanh, z is overwritten.
    """
    if name == "tanh":
        np.tanh(z, out=z)
        return z, 1.0 - z * z, z
    if name == "sigmoid":
        y = 1.0 / (1.0 + np.exp(-z))
        return y, y * (1.0 - y), y
    if name in ("mtanh", "twist"):
        t = np.tanh(_MT_B * z)
        y, d = _MT_A * t, _MT_A * _MT_B * (1.0 - t * t)
        return (y, d, t) if name == "mtanh" else (y + _TWIST * z, d + _TWIST, t)
    return z, np.ones_like(z), z


def curvature(name: str, core: np.ndarray, d: np.ndarray) -> np.ndarray | float:
    """Return the second derivative from the first and `activate`'s third value."""
    if name == "tanh":
        return -2.0 * core * d
    if name == "sigmoid":
        return (1.0 - 2.0 * core) * d
    if name == "mtanh":
        return -2.0 * _MT_B * core * d
    if name == "twist":
        return -2.0 * _MT_B * core * (d - _TWIST)
    return 0.0


@dataclass(frozen=True)
class Layout:
    """Where the weights of one element's network lie in a flat parameter vector.

    Parameters
    ----------
    start
        Where they begin; per layer the weights (n_out, n_in) and then the biases.
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    start: int

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(
            (a + 1) * b for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        )

    def views(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return (weights (M, n_out, n_in), biases (M, n_out)) of each layer, as views.

        `flat` is (M, n_parameters).
        """
        layers, at = [], self.start
        for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            w = flat[:, at : at + n_in * n_out].reshape(len(flat), n_out, n_in)
            at += n_in * n_out
            layers.append((w, flat[:, at : at + n_out]))
            at += n_out
        return layers

    def network(self, flat: np.ndarray) -> ElementNetwork:
        """Return the network of one member's parameters (n_parameters)."""
        layers = self.views(flat[None])
        return ElementNetwork(
            tuple(w[0].copy() for w, _ in layers),
            tuple(b[0].copy() for _, b in layers),
            self.activations,
        )

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """Draw parameters as ænet does: uniform within sqrt(3 / (n_in + 1))."""
        parts = []
        for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            bound = np.sqrt(3.0 / (n_in + 1))
            parts.append(rng.uniform(-bound, bound, (n_in + 1) * n_out))
        return np.concatenate(parts)


class Pass:
    """One forward pass of all members over some atoms, and what follows from it.

    `flat` (M, n_parameters) are the parameters, `inputs` (n_in, n_atoms) the features.
    """

    def __init__(self, layout: Layout, flat: np.ndarray, inputs: np.ndarray) -> None:
        self.layout, self.layers = layout, layout.views(flat)
        self.inputs = inputs
        members, n = len(flat), inputs.shape[1]
        self.values: list[np.ndarray] = []
        self.slopes: list[np.ndarray] = []
        self.cores: list[np.ndarray] = []
        a: np.ndarray | None = None
        for name, (w, b) in zip(layout.activations, self.layers, strict=True):
            if a is None:
                # the inputs are the same for all members: one large product
                z = (w.reshape(-1, w.shape[2]) @ inputs).reshape(members, w.shape[1], n)
            else:
                z = w @ a
            z += b[:, :, None]
            a, d, core = activate(name, z)
            self.values.append(a)
            self.cores.append(core)
            self.slopes.append(d)
        self.output = self.values[-1][:, 0]

    def input_slopes(self) -> np.ndarray:
        """Return dE/dinput, (M, n_in, n_atoms)."""
        delta = self.slopes[-1]
        for k in range(len(self.layers) - 1, 0, -1):
            delta = (self.layers[k][0].transpose(0, 2, 1) @ delta) * self.slopes[k - 1]
        return self.layers[0][0].transpose(0, 2, 1) @ delta

    def add_gradient(
        self, weight: np.ndarray, direction: np.ndarray | None, gradient: np.ndarray
    ) -> None:
        """Add the gradient of sum_i weight_i E_i + sum_i direction_i . dE_i/dinput_i.

        Parameters
        ----------
        weight
            (M, n_atoms).
        direction
            (M, n_in, n_atoms), or None when the loss has no force term. The second sum
            is the derivative of the energies along it, so it is taken forward through
            the network and the whole then backward.
        gradient
            (M, n_parameters), added to.
        """
        tangents, sloped = self._tangents(direction)
        out = self.layout.views(gradient)
        abar = weight[:, None, :]
        dbar: np.ndarray | None = None if direction is None else np.ones_like(abar)
        for k in range(len(self.layers) - 1, -1, -1):
            zbar = abar * self.slopes[k]
            if dbar is not None:
                bend = curvature(
                    self.layout.activations[k], self.cores[k], self.slopes[k]
                )
                zbar += dbar * bend * sloped[k]
                dbar = dbar * self.slopes[k]
            gw, gb = out[k]
            if k == 0:
                flat = zbar.reshape(gw.shape[0] * gw.shape[1], -1 if zbar.size else 0)
                gw += (flat @ self.inputs.T).reshape(gw.shape)
            else:
                gw += zbar @ self.values[k - 1].transpose(0, 2, 1)
            gb += zbar.sum(axis=2)
            if dbar is not None:
                gw += dbar @ tangents[k].transpose(0, 2, 1)
            if k:
                turned = self.layers[k][0].transpose(0, 2, 1)
                abar = turned @ zbar
                if dbar is not None:
                    dbar = turned @ dbar

    def _tangents(
        self, direction: np.ndarray | None
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the tangent of each layer's input, and of each layer's sums."""
        if direction is None:
            return [], []
        tangents, sloped = [direction], []
        for k, (w, _) in enumerate(self.layers):
            sloped.append(w @ tangents[-1])
            tangents.append(self.slopes[k] * sloped[-1])
        return tangents, sloped
