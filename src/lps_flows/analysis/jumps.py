"""How ions move: sites, jumps between them, the network, barriers, turning units.

Sites, transitions and jumps by GEMDAT (Wagemaker group); the network's dimensions, the
barriers and the turning of units are ours.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from pymatgen.core import Element, Lattice, Structure

from lps_flows.analysis.arrhenius import BOLTZMANN
from lps_flows.analysis.density import probability_density
from lps_flows.analysis.neighbours import neighbour_pairs
from lps_flows.analysis.trajectory import (
    Array,
    TrajectoryError,
    checked_trajectory,
    is_even,
)
from lps_flows.chemistry import CompositionLine, element_symbols
from lps_flows.foundation import FrozenSettings
from lps_flows.schemas.jumps import JumpAnalysis, SitePair, Turning

_MIN_FRAMES = 20
_WIDEST = 4
"""Widest blobs that count as maxima of the density (grid points)."""
_ARMS = 3
"""Fewest ligands of a unit whose turning is told."""
_BOND = 2.6
"""Ligands of a unit are closer than this (Å) to its centre at the start."""
_COMPARED = 4000
"""Turns that are looked at, at most, for the mean over all times."""
_LI_P_S = CompositionLine()

Integers = NDArray[np.intp]


class JumpSettings(FrozenSettings):
    """How sites and jumps are told.

    Examples
    --------
    >>> JumpSettings(site_radius=1.0).grid
    0.3
    """

    grid: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Grid on which the density of the ions has maxima (Å).",
    )
    background: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Share of the highest density below which nothing is a site.",
    )
    site_radius: float = Field(
        1.2,
        gt=0,
        description="An ion closer than this to a site is on it (Å); less where two "
        "sites are closer.",
    )
    residence: float = Field(
        100.0,
        ge=0,
        description="A stay that is shorter is a passage and no jump (fs).",
    )
    turning_window: float = Field(
        500.0, gt=0, description="Time over which the turning of units counts (fs)."
    )


def ion_jumps(
    structure: Structure,
    positions: ArrayLike,
    times: ArrayLike,
    temperature: float,
    *,
    settings: JumpSettings | None = None,
    line: CompositionLine = _LI_P_S,
) -> JumpAnalysis:
    """Return sites, jumps, network and barriers of the mobile ions of a trajectory.

    Parameters
    ----------
    structure
        Structure that the trajectory starts from: elements and cell (Å).
    positions
        Unwrapped positions without drift (Å), shape (n_frames, n_atoms, 3).
    times
        Times of the frames (fs), evenly spaced, shape (n_frames,).
    temperature
        Temperature (K).
    settings
        How sites and jumps are told.
    line
        Its mobile element jumps; its formers and anions make the units.

    Raises
    ------
    TrajectoryError
        When there are fewer than 20 frames, they are not evenly spaced, or there is no
        mobile ion.
    """
    asked = settings or JumpSettings()
    xyz, t = checked_trajectory(positions, times, min_frames=_MIN_FRAMES)
    symbols = element_symbols(structure)
    ions = xyz[:, symbols == line.mobile]
    if not ions.size:
        raise TrajectoryError(
            f"there is no {line.mobile} that could jump",
            field="structure",
            value=structure.formula,
            remedy="Name the line of these ions",
        )
    if not is_even(t):
        raise TrajectoryError(
            "the frames are not evenly spaced in time",
            field="times",
            value=f"{len(t)} frames",
            remedy="Store frames at even intervals",
        )
    interval = float(t[1] - t[0])
    lattice = structure.lattice
    sites, states, jumps = _sites_and_jumps(ions, lattice, interval, asked, line.mobile)
    pairs, moved = _pairs(
        jumps, ions, sites, states, lattice=lattice, interval=interval / 1000
    )
    per_ion = np.bincount(jumps[:, 0], minlength=ions.shape[1])
    span = len(t) * interval / 1000
    return JumpAnalysis(
        n_ions=ions.shape[1],
        sites=sites.round(5).tolist(),
        n_jumps=len(jumps),
        rate=float(per_ion.mean() / span),
        rate_error=float(per_ion.std() / np.sqrt(len(per_ion)) / span),
        mean_length=float(
            np.average([p.length for p in pairs], weights=[p.n_jumps for p in pairs])
        )
        if pairs
        else None,
        residence=float((states >= 0).sum() * interval / 1000 / len(jumps))
        if len(jumps)
        else None,
        dimensions=_dimensions(moved, len(sites)),
        pairs=pairs,
        barriers=free_energy_barriers(ions, lattice, temperature, asked.grid),
        turning=_turning(
            structure, xyz, jumps, interval=interval, asked=asked, line=line
        ),
    )


def _sites_and_jumps(
    ions: Array, lattice: Lattice, interval: float, asked: JumpSettings, mobile: str
) -> tuple[Array, Integers, Integers]:
    """Return sites (fractional), the site of each ion over time (-1: none), and jumps.

    Jumps have ion, start, end, last frame at the start, first frame at the end.
    """
    # here: it brings half a second of imports, and few need it
    from gemdat import Trajectory

    trajectory = Trajectory(
        species=[Element(mobile)] * ions.shape[1],
        coords=lattice.get_fractional_coords(ions) % 1.0,
        # GEMDAT knows the cell by its lengths and angles alone: turn it as these say
        lattice=Lattice.from_parameters(*lattice.parameters, vesta=True).matrix,
        time_step=interval * 1e-15,
        constant_lattice=True,
    )
    found = trajectory.to_volume(resolution=asked.grid).to_structure(
        background_level=asked.background, max_sigma=_WIDEST
    )
    if len(found) > 1:
        found.merge_sites(tol=asked.site_radius, mode="average")
    none = np.empty((0, 5), dtype=int)
    nowhere = np.full(ions.shape[:2], -1)
    if len(found) < 2:
        return found.frac_coords, nowhere, none
    apart = found.distance_matrix[np.triu_indices(len(found), 1)].min()
    try:
        transitions = trajectory.transitions_between_sites(
            sites=found,
            floating_specie=mobile,
            site_radius=min(asked.site_radius, 0.499 * float(apart)),
        )
    except ValueError:  # its way to say that no ion ever left its site
        return found.frac_coords, nowhere, none
    states = np.asarray(transitions.states)
    try:
        table = transitions.jumps(
            minimal_residence=round(asked.residence / interval)
        ).data
    except ValueError:  # the same of jumps
        return found.frac_coords, states, none
    columns = ["atom index", "start site", "destination site"]
    times = ["start time", "stop time"]
    return found.frac_coords, states, table[columns + times].to_numpy(dtype=int)


def _pairs(
    jumps: Integers,
    ions: Array,
    sites: Array,
    states: Integers,
    *,
    lattice: Lattice,
    interval: float,
) -> tuple[list[SitePair], Integers]:
    """Return pairs of sites, and each as start, end and translation of the end."""
    ion, start, end, left, arrived = jumps.T
    moved = lattice.get_fractional_coords(ions[arrived, ion] - ions[left, ion])
    images = np.round(moved - (sites[end] - sites[start])).astype(int)
    ways, counts = np.unique(
        np.column_stack([start, end, images]), axis=0, return_counts=True
    )
    occupied = np.bincount(states[states >= 0], minlength=len(sites)) * interval
    between = sites[ways[:, 1]] + ways[:, 2:] - sites[ways[:, 0]]
    lengths = np.linalg.norm(lattice.get_cartesian_coords(between), axis=1)
    pairs = [
        SitePair(
            start=int(i),
            end=int(j),
            length=float(length),
            n_jumps=int(n),
            rate=float(n / occupied[i]),
        )
        for (i, j, *_), length, n in zip(ways, lengths, counts, strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair.n_jumps), ways


def _dimensions(ways: Integers, n_sites: int) -> int:
    """Return how many independent translations the network of jumps connects."""
    links: dict[int, list[tuple[int, Integers]]] = {k: [] for k in range(n_sites)}
    for i, j, *image in ways:
        links[i].append((j, np.array(image)))
        links[j].append((i, -np.array(image)))
    most = 0
    offset: dict[int, Integers] = {}
    for first in links:
        if first in offset:
            continue
        offset[first], waiting, loops = np.zeros(3, int), [first], []
        while waiting:
            i = waiting.pop()
            for j, image in links[i]:
                if j in offset:
                    loops.append(offset[i] + image - offset[j])
                else:
                    offset[j] = offset[i] + image
                    waiting.append(j)
        if loops:
            most = max(most, int(np.linalg.matrix_rank(np.array(loops))))
    return most


def free_energy_barriers(
    ions: Array, lattice: Lattice, temperature: float, spacing: float
) -> list[float | None]:
    """Return what is climbed on the lowest way through the cell along each vector.

    F = -kT ln P on a grid, from the most visited place to its own image (eV); None
    where every way passes points that no ion visited.

    Parameters
    ----------
    ions
        Positions of the ions (Å), shape (n_frames, n_ions, 3).
    lattice
        Cell.
    temperature
        Temperature (K).
    spacing
        Spacing of the grid (Å).
    """
    density = probability_density(ions, lattice.matrix, spacing=spacing)
    with np.errstate(divide="ignore"):
        energy = -BOLTZMANN * temperature * np.log(density / density.max())
    return [_climbed(np.moveaxis(energy, axis, 0)) for axis in range(3)]


def _climbed(energy: Array) -> float | None:
    """Return the largest value on the lowest way along the first axis, once through.

    The spanning tree of smallest edges holds such a way between any two points.
    """
    cells = np.concatenate([energy] * 3)
    index = np.arange(cells.size).reshape(cells.shape)
    first = np.concatenate([index[:-1].ravel(), index.ravel(), index.ravel()])
    second = np.concatenate(
        [index[1:].ravel(), *(np.roll(index, -1, axis).ravel() for axis in (1, 2))]
    )
    flat = cells.ravel()
    weight = np.maximum(flat[first], flat[second])
    seen = np.isfinite(weight)
    # plus one: edges of no weight would be none
    edges = (weight[seen] + 1.0, (first[seen], second[seen]))
    graph = scipy.sparse.coo_array(edges, shape=(cells.size, cells.size))
    tree = scipy.sparse.csgraph.minimum_spanning_tree(graph)
    start = energy.size + int(energy.argmin())
    end = start + energy.size
    before = scipy.sparse.csgraph.breadth_first_order(tree, start, directed=False)[1]
    if before[end] < 0:
        return None
    highest = 0.0
    while end != start:
        highest = max(highest, float(flat[end]))
        end = before[end]
    return highest


def _turning(
    structure: Structure,
    xyz: Array,
    jumps: Integers,
    *,
    interval: float,
    asked: JumpSettings,
    line: CompositionLine,
) -> Turning | None:
    centres, arms = _units(structure, xyz, line)
    ions = xyz[:, element_symbols(structure) == line.mobile]
    window = max(2, round(asked.turning_window / interval))
    ion, left, arrived = jumps[:, 0], jumps[:, 3], jumps[:, 4]
    begin = (left + arrived) // 2 - window // 2
    inside = (begin >= 0) & (begin + window < len(xyz))
    if not (len(centres) and inside.any()):
        return None
    ion, left, begin = ion[inside], left[inside], begin[inside]
    lattice = structure.lattice
    apart = lattice.get_fractional_coords(
        xyz[left][:, centres] - ions[left, ion][:, None]
    )
    apart = lattice.get_cartesian_coords(apart - np.round(apart))
    nearest = np.linalg.norm(apart, axis=2).argmin(axis=1)
    at_jumps = _angles(arms, nearest, begin, window)
    rng = np.random.default_rng(0)
    again = np.resize(nearest, max(len(nearest), _COMPARED))
    any_time = rng.integers(0, len(xyz) - window, len(again))
    overall = _angles(arms, again, any_time, window)
    if not overall.mean() > 0:
        return None
    errors = [a.std() / np.sqrt(len(a)) / a.mean() for a in (at_jumps, overall)]
    ratio = float(at_jumps.mean() / overall.mean())
    return Turning(
        window=window * interval,
        at_jumps=float(at_jumps.mean()),
        overall=float(overall.mean()),
        ratio=ratio,
        ratio_error=float(ratio * np.hypot(*errors)),
    )


def _units(
    structure: Structure, xyz: Array, line: CompositionLine
) -> tuple[Integers, Array]:
    """Return the centres of units, and the vectors to their ligands over time.

    The vectors have the shape (n_units, n_frames, n_arms, 3); missing arms are zero.
    """
    symbols = element_symbols(structure)
    start = Structure(
        structure.lattice, structure.species, xyz[0], coords_are_cartesian=True
    )
    pairs = neighbour_pairs(start, _BOND)
    bonded = np.isin(symbols[pairs.first], line.formers) & np.isin(
        symbols[pairs.second], line.anions
    )
    centres, numbers = np.unique(pairs.first[bonded], return_counts=True)
    centres = centres[numbers >= _ARMS]
    arms = np.zeros((len(centres), len(xyz), max(numbers, default=0), 3))
    shifts = pairs.shifts @ structure.lattice.matrix
    for unit, centre in enumerate(centres):
        for arm, k in enumerate(np.flatnonzero(bonded & (pairs.first == centre))):
            arms[unit, :, arm] = xyz[:, pairs.second[k]] + shifts[k] - xyz[:, centre]
    return centres, arms


def _angles(arms: Array, units: Integers, begin: Integers, window: int) -> Array:
    """Return by how much units turn within a window (degrees), by Kabsch's rotation."""
    before, after = arms[units, begin], arms[units, begin + window]
    u, _, vt = np.linalg.svd(np.einsum("nka,nkb->nab", before, after))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    cosine = (np.einsum("nab,nba->n", u, vt) - 1) / 2
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
