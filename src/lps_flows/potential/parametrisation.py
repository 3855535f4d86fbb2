"""How a flat vector of parameters stands for the networks of a potential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.network import ElementNetwork
from lps_flows.potential.normalisation import Normalisation
from lps_flows.potential.stacked import Layout
from lps_flows.potential.training_data import TrainingData
from lps_flows.potential.training_settings import TrainingSettings


@dataclass(frozen=True)
class Parametrisation:
    """What turns parameters into a potential; fixed during a training.

    Parameters
    ----------
    layouts
        Per element where its parameters lie in the vector.
    input_maps
        Per element the matrix from centred features to the inputs in training.
    """

    descriptor: ChebyshevDescriptor
    normalisation: Normalisation
    layouts: Sequence[Layout]
    input_maps: Sequence[np.ndarray]

    @classmethod
    def of(
        cls,
        data: TrainingData,
        normalisation: Normalisation,
        features: np.ndarray,
        train: np.ndarray,
        settings: TrainingSettings,
    ) -> Parametrisation:
        """Lay the networks of the settings out, with inputs decorrelated.

        Chebyshev features are strongly correlated, which makes the loss
        ill-conditioned. Training sees y = (Lambda + w)^(-1/2) V^T x instead of the
        normalised features x, with V Lambda V^T their correlation matrix over the
        training part and w the `whitening`; the matrix is folded into the first
        layer's weights afterwards, so the potential is an ordinary one.
        """
        sizes = (data.descriptor.n_features, *settings.hidden, 1)
        names = (settings.activation,) * len(settings.hidden) + ("linear",)
        inside = np.isin(data.batch.structure, train)
        layouts: list[Layout] = []
        input_maps = []
        for z in range(len(data.descriptor.species)):
            start = layouts[-1].start + layouts[-1].size if layouts else 0
            layouts.append(Layout(sizes, names, start))
            inverse_std = normalisation.inverse_std[z]
            if settings.whitening is None:
                input_maps.append(np.diag(inverse_std))
                continue
            g = features[inside & (data.batch.element == z)]
            x = (g - normalisation.mean[z]) * inverse_std
            values, vectors = np.linalg.eigh(x.T @ x / max(len(x), 1))
            scale = 1.0 / np.sqrt(np.maximum(values, 0.0) + settings.whitening)
            input_maps.append(scale[:, None] * vectors.T * inverse_std)
        return cls(data.descriptor, normalisation, layouts, input_maps)

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the parameters of one member."""
        return np.concatenate([layout.random(rng) for layout in self.layouts])

    def flat(self, member: Mapping[str, ElementNetwork]) -> np.ndarray:
        """Return the parameters of networks of this normalisation: `member`, undone."""
        parts = []
        for z, element in enumerate(self.descriptor.species):
            network = member[element]
            folded = self.input_maps[z] * self.normalisation.std[z]
            first = network.weights[0] @ np.linalg.pinv(folded)
            for weights, biases in zip(
                (first, *network.weights[1:]), network.biases, strict=True
            ):
                parts += [weights.ravel(), biases]
        return np.concatenate(parts)

    def member(self, flat: np.ndarray) -> dict[str, ElementNetwork]:
        """Return the networks of one member's parameters, maps folded in."""
        member = {}
        for z, element in enumerate(self.descriptor.species):
            network = self.layouts[z].network(flat)
            first = network.weights[0] @ self.input_maps[z] * self.normalisation.std[z]
            member[element] = replace(network, weights=(first, *network.weights[1:]))
        return member
