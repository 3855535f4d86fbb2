"""The same evaluation in plain torch, for a GPU.

Neighbours come from the compiled search; everything after them is tensors on the
device. What does not change between steps stays there: only positions and cells go up,
only energies, forces and virials come down. With ``device="torch"`` it runs on the CPU,
which is how it is tested where there is no GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lps_flows.potential.torch_features import activated, expand, summed
from lps_flows.potential.torch_pull import PullBack, forces_of

if TYPE_CHECKING:
    from lps_flows.potential.committee import Committee
    from lps_flows.potential.geometry import Batch
    from lps_flows.potential.pairs import PairList, SkinPairs

_NEAR = 1e-3
"""How far (Å) above the smallest distance allowed the host looks itself."""

Layer = tuple[str, torch.Tensor, torch.Tensor]
"""Activation, weights (n_members, n_in, n_out) and biases (n_members, 1, n_out)."""


@dataclass(frozen=True)
class Neighbourhood:
    """Lists of neighbours on the device, and what depends on the elements of atoms.

    `structure` (n_atoms) and `owner` (n_pairs) are indices of structures; `order` sorts
    the atoms by element, `place` takes that back, and there are `counts` of each.
    """

    source: PairList
    centre: torch.Tensor
    neighbour: torch.Tensor
    shift: torch.Tensor
    weights: torch.Tensor
    structure: torch.Tensor
    owner: torch.Tensor
    order: torch.Tensor
    place: torch.Tensor
    counts: list[int]
    mean: torch.Tensor
    inverse_std: torch.Tensor


class TorchEvaluation:
    """Evaluates batches on the potential's device, and keeps there what it can."""

    def __init__(self, potential: Committee) -> None:
        self.potential = potential
        where = "cpu" if potential.device == "torch" else potential.device
        self.device = torch.device(where)
        self.dtype = getattr(torch, potential.dtype)
        self._kept: Neighbourhood | None = None
        self._layers: dict[bool, list[list[Layer]]] = {}

    def evaluate(
        self, batch: Batch, lists: SkinPairs, *, derivatives: bool, committee: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Evaluate a batch, for which the `lists` were brought up to date.

        Returns the three arrays of `evaluation.BatchValues`.
        """
        descriptor, n = self.potential.descriptor, len(batch.positions)
        near = self.neighbourhood(batch, lists.joined)
        vectors = self.vectors(batch, near)
        nearest = descriptor.minimum_distance + _NEAR
        if len(vectors) and not vectors.square().sum(1).min() > nearest**2:
            descriptor.check_distances(lists.pairs(batch, 0, n).closest)
        vectors = vectors.to(self.dtype)
        shape = (descriptor.radial, descriptor.angular)
        terms = expand(*shape, vectors, near.centre)
        features = summed(terms, near.centre, near.weights, n)
        output, slopes = self.networks(features, near, derivatives, committee)
        if slopes is None:
            return self.downloaded([output])[0], None, None
        back = PullBack(*shape, terms, near.centre, near.weights)
        forces, virial = [], []
        for slope in slopes:
            pull = back(slope)
            forces.append(forces_of(pull, near.centre, near.neighbour, n))
            work = (vectors[:, :, None] * pull[:, None, :]).flatten(1)
            # over atoms first: sums of all pairs into one row wait for each other
            work = work.new_zeros(n, 9).index_add(0, near.centre, work)
            virial.append(
                work.new_zeros(len(batch), 9).index_add(0, near.structure, work)
            )
        found = self.downloaded([output, torch.stack(forces), torch.stack(virial)])
        return found[0], found[1], found[2].reshape(len(output), -1, 3, 3)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=self.dtype, device=self.device)

    def _index(self, array: np.ndarray) -> torch.Tensor:
        # converted there: half as much to upload
        return torch.as_tensor(array, device=self.device).long()

    def neighbourhood(self, batch: Batch, joined: PairList) -> Neighbourhood:
        """Return the lists on the device, uploaded where they are others than kept."""
        if self._kept is None or self._kept.source is not joined:
            norm = self.potential.normalisation
            element = self._index(batch.element)
            structure = self._index(batch.structure)
            neighbour = self._index(joined.neighbour)
            centre = torch.repeat_interleave(
                self._index(np.diff(joined.first)), output_size=len(joined.neighbour)
            )
            order = torch.argsort(element, stable=True)
            self._kept = Neighbourhood(
                joined,
                centre,
                neighbour,
                torch.as_tensor(joined.shift, device=self.device).double(),
                self._tensor(self.potential.descriptor.weights)[element[neighbour]],
                structure,
                structure[centre],
                order,
                torch.argsort(order),
                np.bincount(batch.element, minlength=len(norm.mean)).tolist(),
                self._tensor(norm.mean)[element],
                self._tensor(norm.inverse_std)[element],
            )
        return self._kept

    def vectors(self, batch: Batch, near: Neighbourhood) -> torch.Tensor:
        """Return the vectors (n_pairs, 3) from atoms to their neighbours (Å)."""
        flat = np.concatenate([batch.positions.ravel(), batch.cells.ravel()])
        there = torch.as_tensor(flat, device=self.device).view(-1, 3)
        n = len(batch.positions)
        positions, cells = there[:n], there[n:].view(-1, 3, 3)
        images = (near.shift[:, :, None] * cells[near.owner]).sum(1)
        return positions[near.neighbour] - positions[near.centre] + images

    def networks(
        self,
        features: torch.Tensor,
        near: Neighbourhood,
        derivatives: bool,
        committee: bool,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return outputs (n_members, n_atoms) and their derivatives by the features."""
        layers = self._stacked(committee)
        members = len(layers[0][0][1])
        scaled = ((features - near.mean) * near.inverse_std)[near.order]
        with torch.set_grad_enabled(derivatives):
            inputs = [
                x.repeat(members, 1, 1).requires_grad_(derivatives)
                for x in scaled.split(near.counts)
            ]
            outputs = []
            for x, network in zip(inputs, layers, strict=True):
                a = x
                for name, weight, bias in network:
                    a = activated(name, torch.baddbmm(bias, a, weight))
                outputs.append(a[:, :, 0])
            output = torch.cat(outputs, dim=1)
        if not derivatives:
            return output[:, near.place], None
        slope = torch.cat(torch.autograd.grad(output.sum(), inputs), dim=1)
        slope = slope[:, near.place] * near.inverse_std
        return output.detach()[:, near.place], slope

    def _stacked(self, committee: bool) -> list[list[Layer]]:
        """Return the layers of each element's networks, members stacked."""
        if committee not in self._layers:
            chosen = self.potential.evaluated_members(committee)
            self._layers[committee] = [
                [
                    (
                        name,
                        self._tensor(np.stack([net.weights[k].T for net in nets])),
                        self._tensor(np.stack([net.biases[k][None] for net in nets])),
                    )
                    for k, name in enumerate(nets[0].activations)
                ]
                for nets in (
                    [member[symbol] for member in chosen]
                    for symbol in self.potential.species
                )
            ]
        return self._layers[committee]

    def downloaded(self, tensors: list[torch.Tensor]) -> list[np.ndarray]:
        """Return the tensors as arrays of float64, copied at once."""
        flat = torch.cat([t.flatten() for t in tensors]).double().cpu().numpy()
        ends = np.cumsum([t.numel() for t in tensors])
        return [
            part.reshape(t.shape)
            for part, t in zip(np.split(flat, ends[:-1]), tensors, strict=True)
        ]
