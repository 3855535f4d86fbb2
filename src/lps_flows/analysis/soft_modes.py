"""Where a structure with imaginary modes goes: along the lowest of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from pymatgen.core import Structure

from lps_flows.analysis.phonons import PhononSettings, with_forces

_SAME = 1e-3
"""Atoms that a translation brings closer than this (Å) are images of each other."""


def along_softest_mode(
    structure: Structure, forces: ArrayLike, settings: PhononSettings
) -> list[Structure]:
    """Return a structure displaced along its lowest imaginary mode, one cell each way.

    Modes are those of the whole supercell of the force constants, so of every wave
    vector that fits it; the cells are the smallest that hold the mode.

    Parameters
    ----------
    structure
        Relaxed structure (Å).
    forces
        As `vibrations` takes them (eV/Å).
    settings
        The same as there; `settings.amplitude` is how far the atom goes that goes
        farthest.

    Returns
    -------
    list of Structure
        Two, or none where modes are imaginary only between the wave vectors that fit
        the supercell: that rests on interpolation, and nothing can be followed.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> atom = Structure(Lattice.cubic(4.0), ["Ar"], [[0, 0, 0]])
    >>> along_softest_mode(atom, np.zeros((2, 1, 3)), PhononSettings(target_atoms=1))
    []
    """
    from phonopy.physical_units import get_physical_units

    phonons = with_forces(structure, forces, settings)
    cell = phonons.supercell
    n_atoms = len(cell)
    weights = np.repeat(cell.masses**-0.5, 3)
    constants = np.asarray(phonons.force_constants).transpose(0, 2, 1, 3)
    dynamical = constants.reshape(3 * n_atoms, -1) * np.outer(weights, weights)
    squares, modes = np.linalg.eigh(dynamical)
    lowest = np.sqrt(abs(squares[0])) * get_physical_units().DefaultToTHz
    if squares[0] >= 0 or lowest <= settings.imaginary:
        return []
    path = (modes[:, 0] * weights).reshape(n_atoms, 3)
    path *= settings.amplitude / np.linalg.norm(path, axis=1).max()
    return [
        Structure(
            cell.cell,
            list(cell.symbols),
            cell.positions + way * path,
            coords_are_cartesian=True,
        ).get_primitive_structure(tolerance=_SAME)
        for way in (1, -1)
    ]
