"""Probability density of mobile ions on a grid over the cell."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from ase.units import Bohr
from numpy.typing import ArrayLike, NDArray
from pymatgen.core import Lattice, Structure

from lps_flows.analysis.trajectory import (
    EmptyTrajectoryError,
    TrajectoryError,
    cell_matrix,
)
from lps_flows.chemistry import bare_structure
from lps_flows.foundation.writing import written_beside


def probability_density(
    positions: ArrayLike,
    lattice: ArrayLike,
    *,
    spacing: float = 0.25,
    smearing: float = 0.0,
    symmetrise: Structure | None = None,
    symprec: float = 0.01,
) -> NDArray[np.float64]:
    """Return the density of ions over time, P(r) (Å^-3).

    Parameters
    ----------
    positions
        Positions (Å), shape (n_frames, n_ions, 3), in any image, without drift.
    lattice
        Cell vectors as rows (Å), shape (3, 3).
    spacing
        Largest distance between grid points (Å).
    smearing
        Standard deviation of a Gaussian to smooth with (Å); 0 counts as it is.
    symmetrise
        Structure whose space group is imposed; none (the default) imposes nothing.
    symprec
        Tolerance of that space group (Å).

    Returns
    -------
    ndarray
        Shape (n_a, n_b, n_c); its mean times the volume is the number of ions.
    """
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    matrix = cell_matrix(lattice)
    xyz = np.asarray(positions, dtype=float)
    if xyz.size == 0:
        raise EmptyTrajectoryError(
            "there are no ions to make a density of",
            field="positions",
            value=xyz.shape,
            remedy="Give positions of shape (n_frames, n_ions, 3)",
        )
    if not spacing > 0:
        raise TrajectoryError(
            "the grid spacing must be positive",
            field="spacing",
            value=spacing,
            remedy="Use about 0.25 Å",
        )
    n_frames = len(xyz)
    lengths = np.linalg.norm(matrix, axis=1)
    shape = np.maximum(np.ceil(lengths / spacing).astype(int), 1)
    fractional = xyz.reshape(-1, 3) @ np.linalg.inv(matrix)
    counts = np.zeros(shape)
    operations = (
        [None]
        if symmetrise is None
        else SpacegroupAnalyzer(symmetrise, symprec).get_space_group_operations()
    )
    for operation in operations:
        moved = fractional if operation is None else operation.operate_multi(fractional)
        # grid point i stands for the cell around i / n
        cells = np.floor(moved * shape + 0.5).astype(int) % shape
        flat = np.ravel_multi_index(tuple(cells.T), tuple(shape))
        counts += np.bincount(flat, minlength=counts.size).reshape(shape)
    volume = abs(np.linalg.det(matrix))
    density = counts / (n_frames * len(operations)) * counts.size / volume
    return smoothed(density, matrix, smearing) if smearing > 0 else np.asarray(density)


def smoothed(
    density: NDArray[np.float64], lattice: Lattice | ArrayLike, width: float
) -> NDArray[np.float64]:
    """Return a periodic density smoothed by a Gaussian, the same in all directions.

    Parameters
    ----------
    density
        On a grid of the cell, shape (n_a, n_b, n_c).
    lattice
        The cell, or its vectors as rows (Å), shape (3, 3).
    width
        Standard deviation (Å).
    """
    matrix = cell_matrix(lattice)
    steps = np.meshgrid(*map(np.fft.fftfreq, density.shape), indexing="ij")
    offsets = np.stack(steps, axis=-1)
    squared = np.full(density.shape, np.inf)
    for image in product((-1, 0, 1), repeat=3):
        away = (((offsets + image) @ matrix) ** 2).sum(axis=-1)
        np.minimum(squared, away, out=squared)
    kernel = np.exp(-squared / (2 * width**2))
    spread = np.fft.rfftn(density) * np.fft.rfftn(kernel / kernel.sum())
    return np.maximum(np.fft.irfftn(spread, density.shape, axes=(0, 1, 2)), 0.0)


def write_density(
    path: str | Path, structure: Structure, density: NDArray[np.float64]
) -> Path:
    """Write a density in a format that VESTA opens.

    A name that ends in ``.cube`` gives a Gaussian cube file, in which everything is in
    atomic units (cell in Bohr, density in Bohr^-3); any other a CHGCAR, in which the
    values are the density times the volume of the cell.
    """
    from pymatgen.io.common import VolumetricData
    from pymatgen.io.vasp import Chgcar, Poscar

    target = Path(path)
    bare = bare_structure(structure)
    with written_beside(target) as beside:
        if target.suffix.lower() == ".cube":
            VolumetricData(bare, {"total": density * Bohr**3}).to_cube(str(beside))
        else:  # CHGCAR lists atoms element by element.
            ordered = bare.get_sorted_structure()
            total = {"total": density * ordered.volume}
            Chgcar(Poscar(ordered), total).write_file(str(beside))
    return target
