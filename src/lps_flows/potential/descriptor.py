"""The Chebyshev descriptor of local environments, as ænet computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from pydantic import Field

from lps_flows.chemistry import AnyStructure
from lps_flows.foundation import FrozenSettings
from lps_flows.potential.errors import DescriptorError, OverlappingAtomsError
from lps_flows.potential.geometry import Batch, Species, is_single
from lps_flows.potential.pairs import SkinPairs
from lps_flows.potential.threads import available_threads, run_all, split_range

LARGEST_CHUNK = 4096
"""Atoms worked on at once by one thread; bounds the memory."""


# Features and neighbours beyond these exceed every memory, and no potential has them.
_HIGHEST_ORDER = 200
_SHORTEST_CUTOFF, _LONGEST_CUTOFF = 1e-3, 30.0


class DescriptorSettings(FrozenSettings):
    """Size of the Chebyshev expansions.

    Examples
    --------
    >>> from lps_flows.potential import DescriptorSettings
    >>> DescriptorSettings(radial_order=10).descriptor(["Li", "S"]).n_features
    32
    """

    radial_cutoff: float = Field(6.0, gt=0, description="Radial cutoff (Å).")
    radial_order: int = Field(18, ge=0, description="Order of the radial expansion.")
    angular_cutoff: float = Field(
        3.0, gt=0, description="Angular cutoff (Å), at most the radial one."
    )
    angular_order: int = Field(4, ge=0, description="Order of the angular expansion.")
    minimum_distance: float = Field(
        0.5, ge=0, description="Closer atoms (Å) are refused as overlapping."
    )

    def descriptor(self, species: Sequence[str]) -> ChebyshevDescriptor:
        """Return the descriptor of these settings for the elements given."""
        return ChebyshevDescriptor(tuple(species), **self.model_dump())


@dataclass(frozen=True)
class ChebyshevDescriptor:
    """Chebyshev descriptor of Artrith, Urban and Ceder, Phys. Rev. B 96, 014112 (2017).

    With fc(d; Rc) = (cos(pi d / Rc) + 1) / 2 inside the cutoff, the features of an atom
    are sums over its neighbours j (periodic images included, also its own),

    - radial, n = 0..Nr: sum_j fc(d_j; Rr) T_n(2 d_j / Rr - 1),
    - angular, n = 0..Na: sum_{j<k} fc(d_j; Ra) fc(d_k; Ra) T_n(cos theta_jk),

    then the same two expansions weighted by s_j and s_j s_k, where s is the species'
    number of `spins`. The weighted half is absent with a single species.

    Parameters
    ----------
    species
        Element symbols. Their order fixes the weights and is part of the model.
    radial_cutoff, angular_cutoff
        Rr and Ra (Å); Ra <= Rr.
    minimum_distance
        Atoms closer than this (Å) are refused as overlapping.

    Raises
    ------
    DescriptorError
        When the species repeat or are no elements, an order is negative, a cutoff is
        not positive, or the angular cutoff exceeds the radial one.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import ChebyshevDescriptor
    >>> descriptor = ChebyshevDescriptor(species=["Li", "P", "S"])
    >>> descriptor.features(crystal("beta-Li3PS4")).shape
    (32, 48)
    """

    species: tuple[str, ...]
    radial_cutoff: float = 6.0
    radial_order: int = 18
    angular_cutoff: float = 3.0
    angular_order: int = 4
    minimum_distance: float = 0.5

    def __post_init__(self) -> None:
        symbols = (self.species,) if isinstance(self.species, str) else self.species
        object.__setattr__(self, "species", tuple(symbols))
        if not self.species or len(set(self.species)) != len(self.species):
            raise DescriptorError(
                "species must be distinct and at least one",
                field="species",
                value=self.species,
                remedy="List each element once",
            )
        for symbol in self.species:
            if atomic_numbers.get(symbol, 0) == 0:
                raise DescriptorError(
                    "not an element",
                    field="species",
                    value=symbol,
                    remedy="Spell it Li",
                )
        for name in ("radial_order", "angular_order"):
            order = getattr(self, name)
            if not 0 <= order <= _HIGHEST_ORDER or order != int(order):
                raise DescriptorError(
                    f"an order is an integer from 0 to {_HIGHEST_ORDER}",
                    field=name,
                    value=order,
                )
            object.__setattr__(self, name, int(order))
        for name in ("radial_cutoff", "angular_cutoff", "minimum_distance"):
            length = float(getattr(self, name))
            object.__setattr__(self, name, length)
            lowest = 0.0 if name == "minimum_distance" else _SHORTEST_CUTOFF
            if not lowest <= length <= _LONGEST_CUTOFF:
                raise DescriptorError(
                    f"a length must be from {lowest:g} to {_LONGEST_CUTOFF:g} Å, and "
                    "a cutoff positive",
                    field=name,
                    value=length,
                )
        if self.angular_cutoff > self.radial_cutoff:
            raise DescriptorError(
                f"larger than the radial cutoff of {self.radial_cutoff} Å",
                field="angular_cutoff",
                value=self.angular_cutoff,
                remedy="Give an angular cutoff of at most the radial one; ænet's own "
                "result depends on the order of the neighbours beyond it",
            )

    @property
    def n_features(self) -> int:
        """Number of features of one atom."""
        half = self.radial_order + self.angular_order + 2
        return half if len(self.species) == 1 else 2 * half

    @cached_property
    def spins(self) -> np.ndarray:
        """Weights of the species: ..., -2, -1, (0 if their number is odd), 1, 2, ..."""
        n = len(self.species)
        half = np.arange(1, n // 2 + 1, dtype=np.float64)
        return np.concatenate([-half[::-1], [0.0] * (n % 2), half])

    @property
    def weights(self) -> np.ndarray:
        """(n_species, 1 or 2) what either expansion weighs a neighbour with."""
        ones = np.ones_like(self.spins)
        return np.stack([ones, self.spins] if len(self.species) > 1 else [ones], 1)

    @cached_property
    def _elements(self) -> Species:
        return Species(self.species)

    def batch(self, structures: Sequence[AnyStructure]) -> Batch:
        """Check structures and put them into arrays, one after another."""
        batch = self._elements.batch(structures)
        # Cells that shrank: there may be more pairs than memory to list them. An atom
        # overlaps its own image, or no packing of spheres is as dense.
        own = np.where(batch.pbc, np.linalg.norm(batch.cells, axis=2), np.inf)
        self.check_distances(own.min(axis=1))
        volumes = np.where(batch.pbc.all(axis=1), batch.volumes, np.inf)
        self.check_distances(np.cbrt(np.sqrt(2) * volumes / np.diff(batch.starts)))
        return batch

    @property
    def radial(self) -> tuple[float, int]:
        """Radial cutoff and order, as the compiled kernels take them."""
        return self.radial_cutoff, self.radial_order

    @property
    def angular(self) -> tuple[float, int]:
        """Angular cutoff and order, as the compiled kernels take them."""
        return self.angular_cutoff, self.angular_order

    def features(
        self,
        structure: AnyStructure | Sequence[AnyStructure],
        threads: int | None = None,
    ) -> Any:
        """Compute the features of every atom of a structure, or of a list of them.

        Uses OMP_NUM_THREADS or all `threads` by default.

        Returns
        -------
        numpy.ndarray or list of numpy.ndarray
            Per structure (n_atoms, n_features), float64, in ænet's order: radial,
            angular, weighted radial, weighted angular.

        Raises
        ------
        UnknownElementError, OverlappingAtomsError, StructureError
            When a structure cannot be evaluated.
        """
        single = is_single(structure)
        batch = self.batch([structure] if single else structure)  # type: ignore[list-item, arg-type]
        values = self.batch_features(batch, threads)
        if single:
            return values
        return [
            values[a:b]
            for a, b in zip(batch.starts[:-1], batch.starts[1:], strict=True)
        ]

    def batch_features(self, batch: Batch, threads: int | None = None) -> np.ndarray:
        """Compute the features of all atoms of a batch, (n_atoms, n_features)."""
        from lps_flows.potential import kernels

        n = len(batch.positions)
        threads = threads or available_threads()
        out = np.empty((n, self.n_features))
        lists = SkinPairs(self.radial_cutoff, 0.0)
        lists.update(batch, range(len(batch)), threads)

        def work(begin: int, end: int) -> np.ndarray:
            pairs = lists.pairs(batch, begin, end)
            kernels.features(
                pairs.first,
                pairs.neighbour,
                pairs.vectors,
                batch.element,
                self.spins,
                self.radial,
                self.angular,
                out[begin:end],
            )
            return pairs.closest

        ranges = split_range(n, min(threads, -(-n // 64)), LARGEST_CHUNK)
        self.check_distances(np.min(run_all(work, ranges, threads), axis=0))
        return out

    def check_distances(self, closest: np.ndarray) -> None:
        """Refuse structures by the smallest distance in each (Å).

        Raises
        ------
        OverlappingAtomsError
            With the positions of the structures concerned in ``structures``.
        """
        bad = np.flatnonzero(~(closest >= max(self.minimum_distance, 1e-6)))
        if bad.size:
            error = OverlappingAtomsError(
                f"atoms overlap: {closest[bad[0]]:.3g} Å apart, less than the minimum "
                f"of {self.minimum_distance} Å",
                field=f"structures[{bad[0]}]",
                value=float(closest[bad[0]]),
                remedy="Leave the structure out, or lower the descriptor's "
                "minimum_distance if such distances are meant",
            )
            error.structures = tuple(int(k) for k in bad)
            raise error
