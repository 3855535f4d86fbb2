"""Positions over time: checks, unwrapping and drift."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core import Lattice, Structure

from lps_flows.foundation import LpsFlowsError

Array = NDArray[np.float64]

# A displacement between two frames that comes this close to half a cell vector may
# as well have gone the other way round.
AMBIGUOUS_STEP = 0.45


class TrajectoryError(LpsFlowsError):
    """Positions, times or cell of a trajectory cannot be used as they are."""


class EmptyTrajectoryError(TrajectoryError):
    """A trajectory has no frames or no atoms of the asked kind."""


class TooShortTrajectoryError(TrajectoryError):
    """A trajectory has too few frames for the asked analysis."""


def checked_trajectory(
    positions: ArrayLike, times: ArrayLike, *, min_frames: int
) -> tuple[Array, Array]:
    """Return positions and times as arrays after checking them.

    Parameters
    ----------
    positions
        Positions (Å), shape (frames, atoms, 3).
    times
        Time of each frame (fs), strictly increasing, shape (frames,).
    min_frames
        Fewest frames the analysis can work with.

    Raises
    ------
    EmptyTrajectoryError, TooShortTrajectoryError, TrajectoryError
        No frames or atoms; too few frames; wrong shape, NaN or unordered times.
    """
    xyz = _numbers(positions, "positions", "(frames, atoms, 3) in Å")
    t = _numbers(times, "times", "(frames,) in fs")
    if xyz.size == 0:
        raise EmptyTrajectoryError(
            "there are no positions",
            field="positions",
            value=xyz.shape,
            remedy="Give at least one mobile atom and two frames",
        )
    if xyz.ndim != 3 or xyz.shape[2] != 3:
        raise TrajectoryError(
            "positions must have the shape (frames, atoms, 3)",
            field="positions",
            value=xyz.shape,
            remedy="Add the missing axis; one atom is (frames, 1, 3)",
        )
    if t.shape != (len(xyz),):
        raise TrajectoryError(
            f"there must be one time for each of the {len(xyz)} frames",
            field="times",
            value=t.shape,
            remedy="Give the time of every frame in fs",
        )
    if len(xyz) < min_frames:
        raise TooShortTrajectoryError(
            f"at least {min_frames} frames are needed",
            field="positions",
            value=f"{len(xyz)} frames",
            remedy="Run longer or store frames more often",
        )
    if not np.isfinite(xyz).all():
        raise TrajectoryError(
            "some positions are not finite",
            field="positions",
            value=f"first bad frame {int(np.argwhere(~np.isfinite(xyz))[0, 0])}",
            remedy="The run exploded there: cut the trajectory before that frame",
        )
    if not np.isfinite(t).all() or (np.diff(t) <= 0).any():
        bad = int(np.argmin(np.diff(t))) + 1
        raise TrajectoryError(
            "times must increase from frame to frame",
            field="times",
            value=f"frame {bad} at {t[bad]} fs after {t[bad - 1]} fs",
            remedy="Sort the frames and drop repeated ones",
        )
    return xyz, t


def _numbers(values: ArrayLike, field: str, wanted: str) -> Array:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TrajectoryError(
            f"{field} must be an array of numbers of the shape {wanted}",
            field=field,
            value=type(values).__name__,
            remedy="Every frame needs the same number of atoms, each with x, y, z",
        ) from error


def is_even(times: Array, tolerance: float = 1e-3) -> bool:
    """Tell whether frames are evenly spaced, to `tolerance` of one interval."""
    ideal = np.linspace(times[0], times[-1], len(times))
    interval = (times[-1] - times[0]) / (len(times) - 1)
    return bool(np.abs(times - ideal).max() <= tolerance * interval)


def cell_matrix(lattice: Lattice | ArrayLike) -> Array:
    """Return the cell vectors as rows (Å) of a pymatgen lattice or a 3x3 array."""
    matrix = _numbers(
        lattice.matrix if isinstance(lattice, Lattice) else lattice,
        "lattice",
        "(3, 3) in Å",
    )
    if matrix.shape != (3, 3) or not abs(np.linalg.det(matrix)) > 1e-6:
        raise TrajectoryError(
            "the lattice must be three linearly independent vectors",
            field="lattice",
            value=matrix.tolist(),
            remedy="Give a pymatgen Lattice or a 3x3 array with vectors as rows (Å)",
        )
    return matrix


def unwrap(
    positions: ArrayLike, lattice: Lattice | ArrayLike
) -> tuple[NDArray[np.float64], float]:
    """Undo the wrapping of positions into the cell.

    Every atom is assumed to move by less than half a cell vector between frames. The
    vectors are those of the reduced cell (LLL), which is the same lattice: in a very
    skewed cell a short step may span half of a given vector. A step that comes near it
    is refused: frames are too far apart, or list their atoms in different orders.

    Parameters
    ----------
    positions
        Positions (Å), shape (frames, atoms, 3), wrapped or not.
    lattice
        The constant cell: pymatgen Lattice or 3x3 array, vectors as rows (Å).

    Returns
    -------
    positions, largest_step
        Continuous positions (Å), same shape, first frame as given; and the largest
        displacement between two frames in fractions of a reduced cell vector.

    Raises
    ------
    TrajectoryError
        When an atom moves by 0.45 of a cell vector or more between two frames.
    """
    matrix = Lattice(cell_matrix(lattice)).get_lll_reduced_lattice().matrix
    xyz = np.asarray(positions, dtype=float)
    fractional = xyz @ np.linalg.inv(matrix)
    steps = np.diff(fractional, axis=0)
    steps -= np.round(steps)
    largest = float(np.abs(steps).max()) if steps.size else 0.0
    if largest >= AMBIGUOUS_STEP:
        frame, atom, _ = np.argwhere(np.abs(steps) >= AMBIGUOUS_STEP)[0]
        raise TrajectoryError(
            f"an atom moves by {largest:.2f} of a cell vector in one step, it may have "
            "gone either way round",
            field="positions",
            value=f"atom {atom}, frames {frame} and {frame + 1}",
            remedy="Store frames more often, and the atoms of all frames in one order",
        )
    unwrapped = np.concatenate(
        [fractional[:1], fractional[:1] + np.cumsum(steps, axis=0)]
    )
    return unwrapped @ matrix, largest


def remove_drift(positions: Array, weights: ArrayLike) -> Array:
    """Subtract the displacement of a weighted centre from every atom.

    Parameters
    ----------
    positions
        Unwrapped positions (Å), shape (frames, atoms, 3).
    weights
        Weight of each atom in the centre, shape (atoms,): the masses for the centre
        of mass, 1 for framework atoms and 0 for mobile ones to hold the framework
        still.
    """
    w = np.asarray(weights, dtype=float)
    if w.sum() <= 0:
        raise TrajectoryError(
            "the weights of the centre must have a positive sum",
            field="weights",
            value=float(w.sum()),
            remedy="Give at least one atom a positive weight",
        )
    centre = (positions * (w / w.sum())[:, None]).sum(axis=1)
    return np.asarray(positions - (centre - centre[0])[:, None, :])


def against_framework(structure: Structure, positions: Array, mobile: str) -> Array:
    """Return positions in the frame of the centre of mass of the framework.

    Parameters
    ----------
    positions
        Unwrapped positions (Å), shape (frames, atoms, 3).
    mobile
        Element that moves; all others are the framework. A cell of mobile ions alone
        keeps its own centre.
    """
    masses = np.array([float(site.specie.atomic_mass) for site in structure])
    held = np.array([site.specie.symbol != mobile for site in structure])
    return remove_drift(positions, masses * held if held.any() else masses)
