"""The way back through the torch descriptor, written by hand.

It is linear in the slopes and keeps nothing for a second derivative: a third of the
kernels that torch's own differentiation starts, and the training loss on forces
differentiates it once more.
"""

from __future__ import annotations

from functools import cache
from math import pi

import numpy as np
import torch

from lps_flows.potential.torch_features import Expansions


@cache
def _chebyshev_slopes(
    order: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """Return the matrix that carries T_0 ... T_order to their derivatives."""
    rows = np.polynomial.chebyshev.chebder(np.eye(order + 1))
    full = np.zeros((order + 1, order + 1))
    full[: len(rows)] = rows
    return torch.as_tensor(full, dtype=dtype, device=device)


def _differentiated(terms: torch.Tensor) -> torch.Tensor:
    order = terms.shape[1] - 1
    return terms @ _chebyshev_slopes(order, terms.dtype, terms.device)


def _cutoff_slope(d: torch.Tensor, cutoff: float) -> torch.Tensor:
    return (-0.5 * pi / cutoff) * torch.sin(pi / cutoff * d) * (d < cutoff)


class PullBack:
    """From slopes by features to those by vectors.

    Parameters
    ----------
    radial, angular
        Cutoff (Å) and order of either expansion.
    expansions
        What `torch_features.expand` returned for the pairs.
    centre, weights
        (n_pairs) and (n_pairs, n_weights), as the features were summed with.
    """

    def __init__(
        self,
        radial: tuple[float, int],
        angular: tuple[float, int],
        expansions: Expansions,
        centre: torch.Tensor,
        weights: torch.Tensor,
    ) -> None:
        e = expansions
        self._unit, self._centre, self._weights = e.unit, centre, weights
        rr, ra = radial[0], angular[0]
        fade, rise = _cutoff_slope(e.d, rr), 2.0 / rr * e.outer
        self._radial = torch.addcmul(
            fade[:, None] * e.radial, rise[:, None], _differentiated(e.radial)
        )
        # Both ends of every angle: first all the one ends, then all the others.
        self._ends = here = e.ends.flatten()
        there = e.ends.flip(0).flatten()
        self._vertex = centre[e.ends[0]]
        self._both = weights[e.ends[0]] * weights[e.ends[1]]
        self._angular = torch.stack([e.angular, _differentiated(e.angular)], dim=1)
        unit, other = e.unit[here], e.unit[there]
        inner, slope = e.inner[here], _cutoff_slope(e.d, ra)[here]
        cosine, beyond = e.cosine.repeat(2), e.inner[there]
        self._stretch = (slope * beyond)[:, None] * unit
        turn = inner * beyond / e.d[here]
        self._turn = turn[:, None] * (other - cosine[:, None] * unit)

    def __call__(self, slope: torch.Tensor) -> torch.Tensor:
        """Return the derivatives (n_pairs, 3) by the vectors.

        `slope` (n_atoms, n_features) are those by the features.
        """
        table = slope.unflatten(1, (self._weights.shape[1], -1))
        n_radial = self._radial.shape[1]
        outer, inner = table[:, :, :n_radial], table[:, :, n_radial:]
        along = (outer.index_select(0, self._centre) * self._radial[:, None, :]).sum(2)
        pull = (along * self._weights).sum(1, keepdim=True) * self._unit
        series = inner.index_select(0, self._vertex) * self._both[:, :, None]
        value = (series.sum(1, keepdim=True) * self._angular).sum(2).repeat(2, 1)
        bent = value[:, :1] * self._stretch + value[:, 1:] * self._turn
        return pull.index_add(0, self._ends, bent)


def forces_of(
    pull: torch.Tensor, centre: torch.Tensor, neighbour: torch.Tensor, n_atoms: int
) -> torch.Tensor:
    """Return the forces (n_atoms, 3) of derivatives by the vectors."""
    zero = pull.new_zeros(n_atoms, 3)
    return zero.index_add(0, centre, pull).index_add(0, neighbour, pull, alpha=-1)
