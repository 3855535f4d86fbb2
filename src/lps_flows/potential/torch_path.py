"""The same evaluation in plain torch, for a GPU.

Neighbours come from the compiled search; everything after them is tensors on the
device, differentiated by torch. With ``device="torch"`` it runs on the CPU, which is
how it is tested where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from lps_flows.potential.torch_features import activated, chebyshev_features

if TYPE_CHECKING:
    from lps_flows.potential.committee import Committee, Member
    from lps_flows.potential.geometry import Batch
    from lps_flows.potential.pairs import NeighbourPairs


def _networks(
    potential: Committee,
    values: torch.Tensor,
    element: torch.Tensor,
    chosen: Sequence[Member],
) -> torch.Tensor:
    """Return the outputs of the chosen members, (n_members, n_atoms)."""

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, dtype=values.dtype, device=values.device)

    norm = potential.normalisation
    out = values.new_zeros(len(chosen), len(values))
    for z, symbol in enumerate(potential.species):
        rows = torch.nonzero(element == z).squeeze(1)
        x = (values[rows] - tensor(norm.mean[z])) * tensor(norm.inverse_std[z])
        nets = [member[symbol] for member in chosen]
        a = x.T[None]
        for layer, name in enumerate(nets[0].activations):
            w = tensor(np.stack([net.weights[layer] for net in nets]))
            b = tensor(np.stack([net.biases[layer] for net in nets]))
            a = activated(name, w @ a + b[:, :, None])
        out = out.index_copy(1, rows, a[:, 0])
    return out


def evaluate_batch(
    potential: Committee,
    batch: Batch,
    pairs: NeighbourPairs,
    *,
    derivatives: bool,
    committee: bool,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Evaluate a batch, whose neighbours are `pairs`, on the potential's device.

    Returns the three arrays of `evaluation.BatchValues`.
    """
    device = "cpu" if potential.device == "torch" else potential.device
    dtype = getattr(torch, potential.dtype)
    descriptor, n = potential.descriptor, len(batch.positions)
    descriptor.check_distances(pairs.closest)
    chosen = potential.evaluated_members(committee)

    def index(array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array.astype(np.int64), device=device)

    centre = index(np.repeat(np.arange(n), np.diff(pairs.first)))
    neighbour = index(pairs.neighbour)
    vectors = torch.as_tensor(pairs.vectors, dtype=dtype, device=device)
    vectors.requires_grad_(derivatives)
    spin = torch.as_tensor(
        descriptor.spins[batch.element[pairs.neighbour]], dtype=dtype, device=device
    )
    with torch.set_grad_enabled(derivatives):
        values = chebyshev_features(
            descriptor.radial,
            descriptor.angular,
            vectors,
            centre,
            spin,
            n,
            len(descriptor.species) > 1,
        )
        output = _networks(potential, values, index(batch.element), chosen)
    if not derivatives:
        return output.cpu().double().numpy(), None, None
    owner = index(batch.structure)[centre]
    forces = np.empty((len(chosen), n, 3))
    virial = np.empty((len(chosen), len(batch), 3, 3))
    for k in range(len(chosen)):
        (pull,) = torch.autograd.grad(
            output[k].sum(), vectors, retain_graph=k + 1 < len(chosen)
        )
        zero = pull.new_zeros(n, 3)
        force = zero.index_add(0, centre, pull).index_add(0, neighbour, -pull)
        work = vectors.detach()[:, :, None] * pull[:, None, :]
        total = pull.new_zeros(len(batch), 3, 3).index_add(0, owner, work)
        forces[k] = force.cpu().numpy()
        virial[k] = total.cpu().numpy()
    return output.detach().cpu().double().numpy(), forces, virial
