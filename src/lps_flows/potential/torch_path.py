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

if TYPE_CHECKING:
    from lps_flows.potential.committee import Committee, Member
    from lps_flows.potential.descriptor import ChebyshevDescriptor
    from lps_flows.potential.geometry import Batch
    from lps_flows.potential.pairs import NeighbourPairs


def _chebyshev(x: torch.Tensor, order: int) -> torch.Tensor:
    """Return T_0 to T_order of x, stacked along a new last axis."""
    terms = [torch.ones_like(x), x]
    for _ in range(2, order + 1):
        terms.append(2.0 * x * terms[-1] - terms[-2])
    return torch.stack(terms[: order + 1], dim=-1)


def _cutoff(d: torch.Tensor, cutoff: float) -> torch.Tensor:
    return 0.5 * (torch.cos(torch.pi * d / cutoff) + 1.0) * (d < cutoff)


def _triplets(pairs: NeighbourPairs, inner: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the two pairs of every angle, each unordered pair of neighbours once."""
    close = np.flatnonzero((pairs.vectors**2).sum(axis=1) < inner**2)
    centre = np.repeat(np.arange(len(pairs.first) - 1), np.diff(pairs.first))[close]
    # neighbours of one centre are consecutive: pair each with those after it
    end = np.searchsorted(centre, centre, side="right")
    after = end - np.arange(len(close)) - 1
    one = np.repeat(np.arange(len(close)), after)
    step = np.arange(len(one)) - np.repeat(np.cumsum(after) - after, after)
    return close[one], close[one + 1 + step]


def chebyshev_features(
    descriptor: ChebyshevDescriptor,
    vectors: torch.Tensor,
    *,
    centre: torch.Tensor,
    spin: torch.Tensor,
    triplets: tuple[torch.Tensor, torch.Tensor],
    n_atoms: int,
) -> torch.Tensor:
    """Compute features (n_atoms, n_features), differentiable in `vectors`.

    `vectors` (n_pairs, 3) lead from each `centre` to its neighbour (Å), whose species
    weighs `spin`; `triplets` are the two pairs of each angle.
    """
    d = vectors.norm(dim=1)
    rr, ra = descriptor.radial_cutoff, descriptor.angular_cutoff
    phi = _chebyshev(2.0 * d / rr - 1.0, descriptor.radial_order)
    phi = phi * _cutoff(d, rr)[:, None]
    one, two = triplets
    unit = vectors / d[:, None]
    psi = _chebyshev((unit[one] * unit[two]).sum(dim=1), descriptor.angular_order)
    psi = psi * (_cutoff(d[one], ra) * _cutoff(d[two], ra))[:, None]

    def collect(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        out = values.new_zeros(n_atoms, values.shape[1])
        return out.index_add(0, index, values)

    parts = [collect(phi, centre), collect(psi, centre[one])]
    if len(descriptor.species) > 1:
        parts.append(collect(phi * spin[:, None], centre))
        parts.append(collect(psi * (spin[one] * spin[two])[:, None], centre[one]))
    return torch.cat(parts, dim=1)


_ACTIVATIONS = {
    "linear": lambda x: x,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "mtanh": lambda x: 1.7159 * torch.tanh(2.0 / 3.0 * x),
    "twist": lambda x: 1.7159 * torch.tanh(2.0 / 3.0 * x) + 0.1 * x,
}


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
            a = _ACTIVATIONS[name](w @ a + b[:, :, None])
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
    one, two = _triplets(pairs, descriptor.angular_cutoff)
    with torch.set_grad_enabled(derivatives):
        values = chebyshev_features(
            descriptor,
            vectors,
            centre=centre,
            spin=spin,
            triplets=(index(one), index(two)),
            n_atoms=n,
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
