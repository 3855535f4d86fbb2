"""All atoms of a cell from those that its space group makes them of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core import Lattice, Structure, SymmOp
from pymatgen.symmetry.groups import SpaceGroup, sg_symbol_from_int_number

# A lattice whose metric an operation changes by more than this fraction is of another
# group.
_METRIC = 2e-3


class _Unequal:
    """An operation in a set, as pymatgen's: of the one hash, and unlike all others."""

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self.matrix = matrix

    def __hash__(self) -> int:
        return 7


@cache
def operations(number: int) -> NDArray[np.float64]:
    """Return the operations of a space group, standard setting.

    They come in the order of pymatgen's `SpaceGroup`, which that of atoms rests on;
    it is a set of operations, compared pair by pair when it is made: for 192 of them
    that takes half a second.

    Parameters
    ----------
    number
        International number.

    Returns
    -------
    ndarray
        Augmented matrices in fractional coordinates, shape (n_operations, 4, 4).
    """
    symbol = sg_symbol_from_int_number(number)
    symbol = f"{symbol[:-1]}:H" if symbol.endswith("H") else symbol
    symbol = SpaceGroup.abbrev_sg_mapping.get(symbol, symbol)
    names = ("hermann_mauguin", "universal_h_m", "hermann_mauguin_u")
    for group in SpaceGroup.SYMM_OPS:
        if symbol in [group[name] for name in names]:
            found = [SymmOp.from_xyz_str(text) for text in group["symops"]]
            matrices = {*(_Unequal(each.affine_matrix) for each in found)}
            return np.array([each.matrix for each in matrices])
    return np.array([o.affine_matrix for o in SpaceGroup(symbol).symmetry_ops])


def from_space_group(
    number: int,
    lattice: Lattice,
    species: Sequence[str],
    coords: ArrayLike,
    tolerance: float,
) -> Structure:
    """Return the cell, as pymatgen's `Structure.from_spacegroup` makes it.

    Parameters
    ----------
    number
        International number of the space group, standard setting.
    lattice
        Its conventional cell (Å).
    species, coords
        One atom of each kind of place; fractional coordinates, shape (n, 3).
    tolerance
        Sum of differences of fractional coordinates up to which two are one place.

    Raises
    ------
    ValueError
        When the group does not map the lattice onto itself.
    """
    matrices = operations(number)
    metric = lattice.matrix @ lattice.matrix.T
    turned = matrices[:, :3, :3]
    moved = turned.transpose(0, 2, 1) @ metric @ turned
    if np.abs(moved - metric).max() > _METRIC * metric.max():
        msg = f"the lattice {lattice.parameters} is not that of space group {number}"
        raise ValueError(msg)
    everywhere: list[str] = []
    places: list[NDArray[np.float64]] = []
    for element, xyz in zip(species, np.asarray(coords, dtype=float), strict=True):
        orbit: list[NDArray[np.float64]] = []
        for image in turned @ xyz + matrices[:, :3, 3]:
            place = np.mod(np.round(image, decimals=10), 1)
            if not any(np.abs(place - known).sum() < tolerance for known in orbit):
                orbit.append(place)
        places += orbit
        everywhere += [element] * len(orbit)
    return Structure(lattice, everywhere, places)
