"""The training loss on a device: `objective.Objective` in plain torch.

Gradients are torch's own; the sums are `Objective`'s but for their order, which a GPU
does not fix: trainings there agree to rounding, not bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lps_flows.potential.objective import Chunk, Objective, Values
from lps_flows.potential.parametrisation import Parametrisation
from lps_flows.potential.torch_features import activated, expand
from lps_flows.potential.torch_pull import PullBack, forces_of

ATOMS_PER_CHUNK = 32_768
"""Larger than on the CPU: a GPU is filled by one chunk at a time."""


@dataclass(frozen=True)
class _Tensors:
    """A chunk on the device; see `Chunk`."""

    targets: torch.Tensor
    counts: torch.Tensor
    inputs: tuple[torch.Tensor, ...]
    atoms: tuple[torch.Tensor, ...]
    owner: torch.Tensor
    pull: _Pull | None


@dataclass(frozen=True)
class _Pull:
    """The neighbours of a chunk, and the forces that count."""

    centre: torch.Tensor
    neighbour: torch.Tensor
    vectors: torch.Tensor
    weights: torch.Tensor
    forces: torch.Tensor


class TorchObjective(Objective):
    """Loss and gradient of any number of members on a device."""

    def __init__(
        self,
        parametrisation: Parametrisation,
        chunks: Sequence[Chunk],
        *,
        device: str,
        **weights: Any,
    ) -> None:
        super().__init__(parametrisation, chunks, threads=1, **weights)
        self.device = torch.device("cpu" if device == "torch" else device)
        self._maps = [self._tensor(m) for m in parametrisation.input_maps]
        self._on_device = [self._tensors(chunk) for chunk in chunks]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        if array.dtype.kind == "i":
            array = array.astype(np.int64)
        return torch.tensor(array, device=self.device)

    def _tensors(self, chunk: Chunk) -> _Tensors:
        pairs, pull = chunk.pairs, None
        if pairs is not None and chunk.forces is not None and self.n_components:
            weights = self.parametrisation.descriptor.weights
            centre = np.repeat(np.arange(len(chunk.owner)), np.diff(pairs.first))
            pull = _Pull(
                self._tensor(centre),
                self._tensor(pairs.neighbour),
                self._tensor(pairs.vectors),
                self._tensor(weights[chunk.element[pairs.neighbour]]),
                self._tensor(chunk.forces),
            )
        return _Tensors(
            self._tensor(chunk.targets),
            self._tensor(chunk.counts),
            tuple(self._tensor(x) for x in chunk.inputs),
            tuple(self._tensor(a) for a in chunk.atoms),
            self._tensor(chunk.owner),
            pull,
        )

    def _sums(self, flat: np.ndarray, gradient: bool) -> Values:
        x = self._tensor(flat).requires_grad_(gradient)
        sums = torch.zeros(2, len(flat), dtype=x.dtype, device=self.device)
        for chunk in self._on_device:
            energy, force = self._squares(chunk, x, gradient)
            sums += torch.stack([energy, force]).detach()
            if gradient:
                loss = (self.energy_weight / self.n_structures) * energy.sum()
                loss = loss + self.force_weight / max(self.n_components, 1) * (
                    force.sum()
                )
                loss.backward()  # adds to x.grad
        energies, forces = sums.cpu().numpy()
        pulled = None if x.grad is None else x.grad.cpu().numpy()
        return Values(np.zeros(len(flat)), energies, forces, pulled)

    def _squares(
        self, chunk: _Tensors, x: torch.Tensor, gradient: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the squared errors of each member, summed over the chunk."""
        members, n = len(x), len(chunk.owner)
        pull = chunk.pull
        with torch.set_grad_enabled(gradient or pull is not None):
            inputs = [y.expand(members, *y.shape) for y in chunk.inputs]
            if pull is not None:
                inputs = [y.clone().requires_grad_() for y in inputs]
            outputs = [self._run(z, x, y) for z, y in enumerate(inputs)]
            atomic = x.new_zeros(members, n)
            for output, atoms in zip(outputs, chunk.atoms, strict=True):
                atomic = atomic.index_copy(1, atoms, output)
            energies = x.new_zeros(members, len(chunk.counts))
            energies = energies.index_add(1, chunk.owner, atomic) / chunk.counts
            energy = ((energies - chunk.targets) ** 2).sum(dim=1)
            if pull is None:
                return energy, torch.zeros_like(energy)
            slopes = torch.autograd.grad(
                [output.sum() for output in outputs], inputs, create_graph=gradient
            )
            width = self.parametrisation.descriptor.n_features
            slope = x.new_zeros(members, n, width)
            for part, atoms, input_map in zip(
                slopes, chunk.atoms, self._maps, strict=True
            ):
                back = (input_map.T @ part).transpose(1, 2)
                slope = slope.index_copy(1, atoms, back)
            return energy, self._force_squares(pull, slope)

    def _run(self, z: int, x: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs (members, n_atoms) of the networks of an element."""
        layout = self.parametrisation.layouts[z]
        a, at = inputs, layout.start
        for name, n_in, n_out in zip(
            layout.activations, layout.sizes[:-1], layout.sizes[1:], strict=True
        ):
            w = x[:, at : at + n_in * n_out].reshape(len(x), n_out, n_in)
            at += n_in * n_out
            a = activated(name, w @ a + x[:, at : at + n_out, None])
            at += n_out
        return a[:, 0]

    def _force_squares(self, pull: _Pull, slope: torch.Tensor) -> torch.Tensor:
        """Return them for the forces that `slope` (members, n, n_features) gives."""
        d = self.parametrisation.descriptor
        terms = expand(d.radial, d.angular, pull.vectors, pull.centre)
        back = PullBack(d.radial, d.angular, terms, pull.centre, pull.weights)
        squares = []
        for part in slope:
            force = forces_of(back(part), pull.centre, pull.neighbour, len(part))
            squares.append(((force - pull.forces) ** 2).sum())
        return torch.stack(squares)
