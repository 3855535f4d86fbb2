"""What the viewer draws of a structure: its cell, and anions that are whole."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from pymatgen.analysis.molecule_structure_comparator import CovalentRadius
from pymatgen.core import Structure

_STRETCH = 1.2
"""Longest bond relative to the sum of the covalent radii."""


def picture(
    structure: Structure, centres: Collection[str], ligands: Collection[str]
) -> dict[str, Any]:
    """Return the atoms to draw, with those beyond the cell that complete an anion.

    Parameters
    ----------
    centres, ligands
        Elements at the centres of the anions, and those around them: formers and
        anions of the line.

    Returns
    -------
    dict
        ``xyz``, the atoms as an XYZ file (Å); ``cell``, its matrix with the lattice
        vectors as columns, row by row (Å); ``bonded``, the elements drawn with bonds.
    """
    wrapped = Structure(
        structure.lattice,
        [site.specie.symbol for site in structure],
        structure.frac_coords % 1.0,
    )
    symbols = [site.specie.symbol for site in wrapped]
    atoms = list(zip(symbols, wrapped.cart_coords, strict=True))
    atoms += _beyond(wrapped, symbols, set(centres), {*centres, *ligands})
    lines = [f"{symbol} {x:.3f} {y:.3f} {z:.3f}" for symbol, (x, y, z) in atoms]
    return {
        "xyz": "\n".join([str(len(lines)), "", *lines]),
        "cell": wrapped.lattice.matrix.T.round(4).ravel().tolist(),
        "bonded": sorted({*centres, *ligands} & set(symbols)),
    }


def _beyond(
    cell: Structure, symbols: list[str], centres: set[str], partners: set[str]
) -> list[tuple[str, np.ndarray]]:
    radii = {symbol: CovalentRadius.radius.get(symbol, 0.0) for symbol in symbols}
    longest = (
        2 * _STRETCH * max((radii[s] for s in symbols if s in partners), default=0)
    )
    if not longest:
        return []
    beyond: dict[tuple[int, ...], tuple[str, np.ndarray]] = {}
    for i, j, image, distance in zip(*cell.get_neighbor_list(longest), strict=True):
        inside = symbols[i] in centres and symbols[j] in partners
        near = distance < _STRETCH * (radii[symbols[i]] + radii[symbols[j]])
        if inside and near and image.any():
            place = cell.cart_coords[j] + image @ cell.lattice.matrix
            beyond[(int(j), *map(int, image))] = (symbols[j], place)
    return list(beyond.values())
