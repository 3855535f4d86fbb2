"""Descriptor and activations as plain torch, which TorchScript compiles, too.

One definition serves a GPU, the CPU's tests of its code, training on a device and the
exported model. (No postponed annotations here: TorchScript reads them.)
"""

# ruff: noqa: PLR0917 - TorchScript calls by position

import torch


def _chebyshev(x: torch.Tensor, order: int) -> torch.Tensor:
    """Return T_0 to T_order of x, stacked along a new last axis."""
    terms = [torch.ones_like(x), x]
    for _ in range(2, order + 1):
        terms.append(2.0 * x * terms[-1] - terms[-2])
    return torch.stack(terms[: order + 1], dim=-1)


def _cutoff(d: torch.Tensor, cutoff: float) -> torch.Tensor:
    inside = d < cutoff
    return 0.5 * (torch.cos(3.141592653589793 * d / cutoff) + 1.0) * inside


def _triplets(
    centre: torch.Tensor, d: torch.Tensor, inner: float
) -> tuple[torch.Tensor, torch.Tensor]:
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
    return close[one], close[one + 1 + step]


def _collect(values: torch.Tensor, index: torch.Tensor, n_atoms: int) -> torch.Tensor:
    out = torch.zeros(
        [n_atoms, values.shape[1]], dtype=values.dtype, device=values.device
    )
    return out.index_add(0, index, values)


def chebyshev_features(
    radial: tuple[float, int],
    angular: tuple[float, int],
    vectors: torch.Tensor,
    centre: torch.Tensor,
    spin: torch.Tensor,
    n_atoms: int,
    weighted: bool,
) -> torch.Tensor:
    """Compute features (n_atoms, n_features), differentiable in `vectors`.

    Parameters
    ----------
    radial, angular
        Cutoff (Å) and order of either expansion.
    vectors
        (n_pairs, 3) from each `centre`, in ascending order, to its neighbour (Å), whose
        species weighs `spin`.
    """
    d = torch.linalg.vector_norm(vectors, dim=1)
    rr, nr = radial
    ra, na = angular
    phi = _chebyshev(2.0 * d / rr - 1.0, nr) * _cutoff(d, rr)[:, None]
    one, two = _triplets(centre, d.detach(), ra)
    unit = vectors / d[:, None]
    psi = _chebyshev((unit[one] * unit[two]).sum(dim=1), na)
    psi = psi * (_cutoff(d[one], ra) * _cutoff(d[two], ra))[:, None]
    parts = [_collect(phi, centre, n_atoms), _collect(psi, centre[one], n_atoms)]
    if weighted:
        both = (spin[one] * spin[two])[:, None]
        parts.append(_collect(phi * spin[:, None], centre, n_atoms))
        parts.append(_collect(psi * both, centre[one], n_atoms))
    return torch.cat(parts, dim=1)


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
