"""Descriptor and activations as plain torch, which TorchScript compiles, too.

One definition serves a GPU, the CPU's tests of its code, training on a device and the
exported model. (No postponed annotations here: TorchScript reads them.)
"""

from typing import NamedTuple

import torch


class Expansions(NamedTuple):
    """What pairs of atoms and angles contribute to, before it is summed over atoms.

    Parameters
    ----------
    d, unit
        (n_pairs) distances (Å) and (n_pairs, 3) directions.
    radial, outer
        (n_pairs, order + 1) Chebyshev polynomials of the scaled distance and (n_pairs)
        their cutoff function.
    ends
        (2, n_angles) the two pairs that make an angle.
    cosine, angular, inner
        (n_angles) of the angle, (n_angles, order + 1) its Chebyshev polynomials, and
        (n_pairs) the cutoff function of either end.
    """

    d: torch.Tensor
    unit: torch.Tensor
    radial: torch.Tensor
    outer: torch.Tensor
    ends: torch.Tensor
    cosine: torch.Tensor
    angular: torch.Tensor
    inner: torch.Tensor


def _chebyshev(x: torch.Tensor, order: int) -> torch.Tensor:
    """Return T_0 to T_order of x, along a new last axis.

    T_{k+j} = 2 T_k T_j - T_{k-j} doubles what is known: few kernels for a GPU to start.
    """
    terms = torch.stack([torch.ones_like(x), x], dim=1)
    while terms.shape[1] <= order:
        last = terms.shape[1] - 1
        new = min(last, order - last)
        before = terms[:, last - new : last].flip(1)
        product = 2.0 * terms[:, last:] * terms[:, 1 : new + 1]
        terms = torch.cat([terms, product - before], dim=1)
    return terms[:, : order + 1]


def _cutoff(d: torch.Tensor, cutoff: float) -> torch.Tensor:
    inside = d < cutoff
    return 0.5 * (torch.cos(3.141592653589793 / cutoff * d) + 1.0) * inside


def _angles(centre: torch.Tensor, d: torch.Tensor, inner: float) -> torch.Tensor:
    """Return the two pairs of every angle, each unordered pair of neighbours once.

    Pairs of one `centre` are consecutive.
    """
    close = torch.nonzero(d < inner).squeeze(1)
    owner = centre[close]
    # pair each neighbour of a centre with those after it
    end = torch.searchsorted(owner, owner, right=True)
    here = torch.arange(close.shape[0], device=close.device)
    after = end - here - 1
    one = torch.repeat_interleave(here, after)
    before = torch.cumsum(after, dim=0) - after
    step = torch.arange(one.shape[0], device=one.device) - before[one]
    return close[torch.stack([one, one + 1 + step])]


def expand(
    radial: tuple[float, int],
    angular: tuple[float, int],
    vectors: torch.Tensor,
    centre: torch.Tensor,
) -> Expansions:
    """Expand pairs and angles, differentiable in `vectors`.

    Parameters
    ----------
    radial, angular
        Cutoff (Å) and order of either expansion.
    vectors
        (n_pairs, 3) from each `centre`, in ascending order, to its neighbour (Å).
    """
    d = torch.linalg.vector_norm(vectors, dim=1)
    rr, nr = radial
    ra, na = angular
    unit = vectors / d[:, None]
    ends = _angles(centre, d.detach(), ra)
    cosine = (unit[ends[0]] * unit[ends[1]]).sum(dim=1)
    return Expansions(
        d,
        unit,
        _chebyshev(2.0 / rr * d - 1.0, nr),
        _cutoff(d, rr),
        ends,
        cosine,
        _chebyshev(cosine, na),
        _cutoff(d, ra),
    )


def _collect(
    values: torch.Tensor, weights: torch.Tensor, index: torch.Tensor, n_atoms: int
) -> torch.Tensor:
    """Sum the weighted values (n, orders) over atoms: (n_atoms, n_weights, orders)."""
    weighted = weights[:, :, None] * values[:, None, :]
    out = torch.zeros(
        [n_atoms, weights.shape[1], values.shape[1]],
        dtype=values.dtype,
        device=values.device,
    )
    return out.index_add(0, index, weighted)


def summed(
    e: Expansions, centre: torch.Tensor, weights: torch.Tensor, n_atoms: int
) -> torch.Tensor:
    """Sum expansions to features (n_atoms, n_features).

    The `weights` (n_pairs, 1 or 2) of a neighbour are one and, where there are several
    species, its spin.
    """
    outer = e.outer[:, None] * weights
    ends = e.inner[:, None] * weights
    inner = ends[e.ends[0]] * ends[e.ends[1]]
    sums = [
        _collect(e.radial, outer, centre, n_atoms),
        _collect(e.angular, inner, centre[e.ends[0]], n_atoms),
    ]
    return torch.cat(sums, dim=2).flatten(1)


def activated(name: str, x: torch.Tensor) -> torch.Tensor:
    """Apply an activation of ænet's."""
    if name == "tanh":
        return torch.tanh(x)
    if name == "sigmoid":
        return torch.sigmoid(x)
    if name == "mtanh":
        return 1.7159 * torch.tanh(2.0 / 3.0 * x)
    if name == "twist":
        return 1.7159 * torch.tanh(2.0 / 3.0 * x) + 0.1 * x
    return x
