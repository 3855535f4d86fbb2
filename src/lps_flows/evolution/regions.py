"""Regions of a cell that one parent passes on, chosen by where it is the better one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Slabs compared before one is chosen by the energies of the atoms in it.
_TRIALS = 12


@dataclass(frozen=True)
class Slab:
    """All of a cell between two parallel planes.

    Parameters
    ----------
    axis
        Cell vector the thickness is measured along.
    start, thickness
        Fractions of it; a slab may reach over the cell's edge.
    """

    axis: int
    start: float
    thickness: float

    def contains(self, coordinates: np.ndarray) -> np.ndarray:
        """Return which fractional coordinates, shape (n, 3), lie in the slab."""
        return (coordinates[:, self.axis] - self.start) % 1.0 < self.thickness


def draw_slab(rng: np.random.Generator) -> Slab:
    """Draw a slab of half the cell or so."""
    return Slab(int(rng.integers(3)), float(rng.random()), float(rng.uniform(0.3, 0.7)))


@dataclass(frozen=True)
class ParentAtoms:
    """What a crossover knows of a parent's n atoms.

    Elements, fractional coordinates (n, 3), and each one's share in the energy (eV).
    """

    symbols: np.ndarray
    coordinates: np.ndarray
    energies: np.ndarray | None


def best_slab(
    first: ParentAtoms, second: ParentAtoms, rng: np.random.Generator
) -> Slab:
    """Draw slabs and keep the one that should give the child of lowest energy.

    A child takes the atoms of the first parent inside the slab and those of the
    second outside. Its energy is estimated by the sum of their atomic energies, each
    counted from the mean of its element over both parents, since the numbers of atoms
    differ from slab to slab. Without atomic energies the first slab drawn is taken.
    """
    slabs = [draw_slab(rng) for _ in range(_TRIALS)]
    if first.energies is None or second.energies is None:
        return slabs[0]
    symbols = np.concatenate([first.symbols, second.symbols])
    excess = np.concatenate([first.energies, second.energies])
    for element in set(symbols.tolist()):
        excess[symbols == element] -= excess[symbols == element].mean()
    n = len(first.symbols)
    estimates = [
        excess[:n][slab.contains(first.coordinates)].sum()
        + excess[n:][~slab.contains(second.coordinates)].sum()
        for slab in slabs
    ]
    return slabs[int(np.argmin(estimates))]
