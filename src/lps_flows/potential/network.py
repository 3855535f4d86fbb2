"""Feed-forward networks of one element, with the activations ænet knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lps_flows.potential.errors import PotentialError, check_numbers

ACTIVATIONS = ("linear", "tanh", "sigmoid", "mtanh", "twist")
"""Names in the order of ænet's codes 0 to 4."""

_MOST_LAYERS = 20


@dataclass(frozen=True)
class ElementNetwork:
    """Weights of the network of one element.

    Parameters
    ----------
    weights
        One matrix (n_out, n_in) per layer.
    biases
        One vector (n_out) per layer.
    activations
        One name of `ACTIVATIONS` per layer; the last layer has one node.

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.potential import ElementNetwork
    >>> weights = np.ones((3, 16)), np.ones((1, 3))
    >>> biases = np.zeros(3), np.zeros(1)
    >>> ElementNetwork(weights, biases, ("tanh", "linear")).sizes
    (16, 3, 1)
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activations: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (len(self.weights) == len(self.biases) == len(self.activations) > 0):
            raise PotentialError(
                "a network needs as many weight matrices as biases and activations",
                field="layers",
                value=(len(self.weights), len(self.biases), len(self.activations)),
            )
        if len(self.weights) > _MOST_LAYERS:
            raise PotentialError(
                f"a network has at most {_MOST_LAYERS} layers",
                field="layers",
                value=len(self.weights),
            )
        n_in = self.weights[0].shape[-1] if self.weights[0].ndim else 0
        for k, (w, b, name) in enumerate(
            zip(self.weights, self.biases, self.activations, strict=True)
        ):
            if name not in ACTIVATIONS:
                raise PotentialError(
                    f"layer {k + 1} has an unknown activation",
                    field="activations",
                    value=name,
                    remedy=f"Use one of {', '.join(ACTIVATIONS)}",
                )
            if w.ndim != 2 or w.shape[1] != n_in or b.shape != (w.shape[0],):
                raise PotentialError(
                    f"the shapes of layer {k + 1} do not fit together",
                    field="weights",
                    value=(w.shape, b.shape),
                )
            check_numbers(f"weights of layer {k + 1}", np.append(w, b))
            n_in = w.shape[0]
        if n_in != 1:
            raise PotentialError(
                "the last layer of a network must have one node",
                field="nodes",
                value=n_in,
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes per layer, input first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def shape(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Sizes and activations: what two networks must share to be stacked."""
        return self.sizes, self.activations

    @classmethod
    def from_layers(cls, layers: Sequence[Mapping[str, Any]]) -> ElementNetwork:
        """Build from one mapping of ``weight``, ``bias``, ``activation`` per layer."""
        return cls(
            tuple(np.array(layer["weight"], dtype=np.float64) for layer in layers),
            tuple(np.array(layer["bias"], dtype=np.float64) for layer in layers),
            tuple(str(layer["activation"]) for layer in layers),
        )


def pack_networks(
    species: Sequence[str], members: Sequence[Mapping[str, ElementNetwork]]
) -> tuple[np.ndarray, ...]:
    """Pack the networks of all elements and members into flat arrays.

    Networks of one element have the same shape in all members.

    Returns
    -------
    tuple of numpy.ndarray
        As `run_networks` takes them: nodes of each layer, layers, activation codes,
        where each layer's weights start, and the weights (n_members, n_weights).
    """
    depth = max(len(net.weights) for net in members[0].values())
    sizes = np.ones((len(species), depth + 1), np.int64)
    n_layers = np.zeros(len(species), np.int64)
    codes = np.zeros((len(species), depth), np.int64)
    offsets = np.zeros((len(species), depth), np.int64)
    total = 0
    for z, element in enumerate(species):
        net = members[0][element]
        n_layers[z] = len(net.weights)
        sizes[z, : n_layers[z] + 1] = net.sizes
        for layer, w in enumerate(net.weights):
            codes[z, layer] = ACTIVATIONS.index(net.activations[layer])
            offsets[z, layer] = total
            total += w.size + w.shape[0]
    weights = [
        part
        for member in members
        for element in species
        for w, b in zip(member[element].weights, member[element].biases, strict=True)
        for part in (w.T.ravel(), b)
    ]
    flat = np.concatenate(weights).reshape(len(members), total)
    return sizes, n_layers, codes, offsets, flat
