"""Jumps, network, barriers and turning units of trajectories whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lps_flows.analysis.jumps import JumpSettings, free_energy_barriers, ion_jumps
from lps_flows.analysis.trajectory import TrajectoryError
from tests.transport.walkers import lattice_gas

# 3 x 3 x 3 sites, 3 Å apart
CELL = Lattice.cubic(9.0)
RATE = 0.002  # jumps per ion and fs


def gas(axes: int) -> tuple[Structure, np.ndarray, np.ndarray]:
    """Return ions that hop along so many axes between the sites of a cubic lattice."""
    rng = np.random.default_rng(1)
    n = 30
    positions, times, _ = lattice_gas(rng, n=n, frames=600, rate=RATE, shake=0.25)
    still = positions[..., axes:].shape
    positions[..., axes:] = 0.25 * rng.normal(size=still)
    positions += 3.0 * rng.integers(0, 3, (1, n, 3)) + 1.5
    structure = Structure(CELL, ["Li"] * n, positions[0], coords_are_cartesian=True)
    return structure, positions, times


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_lattice_gas_has_its_rates_lengths_and_dimensions(axes: int) -> None:
    found = ion_jumps(*gas(axes), 900.0, settings=JumpSettings(residence=0))
    assert found.dimensions == axes
    assert found.mean_length == pytest.approx(3.0, abs=0.05)
    rate = 1000 * RATE * axes / 3
    assert found.rate == pytest.approx(rate, abs=4 * found.rate_error)
    assert found.rate_error < 0.15 * rate
    assert found.residence == pytest.approx(1 / rate, rel=0.2)
    assert sum(pair.n_jumps for pair in found.pairs) == found.n_jumps
    # a pair's rate is per time that its start was occupied
    occupied = {pair.start: pair.n_jumps / pair.rate for pair in found.pairs}
    departures = found.n_jumps / sum(occupied.values())
    assert departures == pytest.approx(rate, rel=0.2)


def hopping(lattice: Lattice, frames: int = 2500) -> tuple[np.ndarray, int]:
    """Return ions that hop between 3 x 3 x 3 sites (unwrapped), and how often."""
    rng = np.random.default_rng(5)
    n_ions, n_jumps = 9, 0
    at = np.array([divmod(k, 9) for k in range(n_ions)])
    at = np.column_stack([at[:, 0], *divmod(at[:, 1], 3)])
    taken = {tuple(site) for site in at}
    out = np.empty((frames, n_ions, 3))
    for frame in range(frames):
        for ion in np.flatnonzero(rng.random(n_ions) < 0.02):
            step = np.zeros(3, int)
            step[rng.integers(3)] = rng.choice([-1, 1])
            if tuple((at[ion] + step) % 3) in taken:
                continue
            taken.remove(tuple(at[ion] % 3))
            at[ion] += step
            taken.add(tuple(at[ion] % 3))
            n_jumps += 1
        out[frame] = at / 3  # some sites are on faces of the cell
    positions = lattice.get_cartesian_coords(out)
    return positions + 0.15 * rng.normal(size=out.shape), n_jumps


@pytest.mark.parametrize("vesta", [True, False])
def test_jumps_do_not_depend_on_how_the_cell_is_turned(vesta: bool) -> None:
    """GEMDAT looks for neighbours in a cell that it knows by lengths and angles."""
    lattice = Lattice.from_parameters(12.0, 11.0, 13.0, 80.0, 70.0, 75.0, vesta=vesta)
    positions, n_jumps = hopping(lattice)
    structure = Structure(lattice, ["Li"] * 9, positions[0], coords_are_cartesian=True)
    times = 10.0 * np.arange(len(positions))
    settings = JumpSettings(residence=0)
    found = ion_jumps(structure, positions, times, 600.0, settings=settings)
    assert len(found.sites) == 27
    assert found.n_jumps == n_jumps > 50


def test_short_stays_are_passages() -> None:
    every = ion_jumps(*gas(3), 900.0, settings=JumpSettings(residence=0))
    long = ion_jumps(*gas(3), 900.0, settings=JumpSettings(residence=200))
    expected = np.exp(-RATE * 200)
    assert long.rate / every.rate == pytest.approx(expected, rel=0.15)


def test_the_barrier_is_that_of_the_potential_the_ions_feel() -> None:
    """Ions of Boltzmann's distribution in A/2 [1 - cos(2 pi x / L)], bound in y, z."""
    height, kt = 0.15, 8.617333262e-5 * 900.0
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 6.0, 400_000)
    energy = height / 2 * (1 - np.cos(2 * np.pi * x / 6.0))
    x = x[rng.random(len(x)) < np.exp(-energy / kt)]
    ions = np.column_stack([x, *(3.0 + rng.uniform(-0.5, 0.5, (2, len(x))))])
    along, *across = free_energy_barriers(ions[:, None], Lattice.cubic(6.0), 900.0, 0.5)
    assert along == pytest.approx(height, abs=0.02)
    assert across == [None, None]


def test_the_lowest_way_may_go_round() -> None:
    """Straight on is a place that is visited once, around it others half as often."""
    visits = {(0, 0): 100, (1, 0): 1, (2, 0): 100, (3, 0): 100}
    visits |= {(0, 1): 50, (1, 1): 50, (2, 1): 50}
    ions = np.repeat([[i, j, 0.0] for i, j in visits], list(visits.values()), axis=0)
    cell = Lattice.from_parameters(4.0, 4.0, 1.0, 90, 90, 90)
    along, across, _ = free_energy_barriers(ions[:, None], cell, 900.0, 1.0)
    assert along == pytest.approx(8.617333262e-5 * 900.0 * np.log(2))
    assert across is None


CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
FLAT = np.array([[np.cos(a), np.sin(a), 0.0] for a in np.radians([0, 120, 240])])


def turning(
    later: int, arms: np.ndarray = CORNERS
) -> tuple[Structure, np.ndarray, np.ndarray]:
    """Return an ion that hops back and forth, and a unit that turns frames later."""
    rng = np.random.default_rng(3)
    frames, cell = 800, Lattice.cubic(10.0)
    hops = np.arange(50, frames, 50)
    turns = hops + later
    side, angle = np.zeros(frames), np.zeros(frames)
    for hop in hops:
        side[hop:] = 1 - side[hop]
    for turn in turns:
        angle[turn:] += np.pi / 3
    cos, sin, zero, one = np.cos(angle), np.sin(angle), 0 * angle, 1 + 0 * angle
    rotation = np.array([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])
    units = np.einsum("abt,kb->tka", rotation, 2.05 * arms) + 5.0
    ion = np.array([5.0, 5.0, 8.0]) + side[:, None] * np.array([3.0, 0, 0])
    centre = np.full((frames, 3), 5.0)
    positions = np.concatenate([ion[:, None], centre[:, None], units], axis=1)
    positions += 0.05 * rng.normal(size=positions.shape)
    structure = Structure(
        cell, ["Li", "P", *len(arms) * "S"], positions[0], coords_are_cartesian=True
    )
    return structure, positions, 10.0 * np.arange(frames)


def test_units_that_turn_when_an_ion_jumps_are_told_from_others() -> None:
    settings = JumpSettings(residence=0, turning_window=100)
    with_jumps = ion_jumps(*turning(0), 900.0, settings=settings).turning
    without = ion_jumps(*turning(25), 900.0, settings=settings).turning
    assert with_jumps.at_jumps == pytest.approx(60.0, abs=5.0)
    assert with_jumps.ratio > 3
    assert without.ratio < 0.5
    # fifteen turns of sixty degrees are known well; of 4000 windows of ten frames one
    # in five holds a turn, and the others the noise
    expected = with_jumps.ratio * 2.0 / np.sqrt(4000)
    assert with_jumps.ratio_error == pytest.approx(expected, rel=0.4)
    # the window of ten frames lies about the jump
    for later in (-3, 3):
        around = ion_jumps(*turning(later), 900.0, settings=settings).turning
        assert around.at_jumps == pytest.approx(60.0, abs=5.0)


def test_a_flat_unit_of_three_is_turned_and_not_mirrored() -> None:
    settings = JumpSettings(residence=0, turning_window=100)
    found = ion_jumps(*turning(0, FLAT), 900.0, settings=settings).turning
    assert found.at_jumps == pytest.approx(60.0, abs=5.0)
    assert found.overall < 20.0


def test_rates_are_per_time_at_the_start_and_a_pair_of_sites_is_no_network() -> None:
    """An ion stays three times as long on one side of the cell's face as beyond it."""
    rng = np.random.default_rng(0)
    side = np.tile(np.r_[np.zeros(150), np.ones(50)], 4)
    positions = np.array([8.5, 5.0, 5.0]) + side[:, None] * np.array([3.0, 0, 0])
    positions = positions[:, None] + 0.1 * rng.normal(size=(800, 1, 3))
    structure = Structure(
        Lattice.cubic(10.0), ["Li"], positions[0], coords_are_cartesian=True
    )
    times = 10.0 * np.arange(800)
    settings = JumpSettings(residence=0)
    found = ion_jumps(structure, positions, times, 600.0, settings=settings)
    out, back = sorted(found.pairs, key=lambda pair: -pair.n_jumps)
    assert (out.n_jumps, back.n_jumps) == (4, 3)
    # 6 ps on the one, 2 ps on the other
    assert out.rate == pytest.approx(4 / 6, rel=0.02)
    assert back.rate == pytest.approx(3 / 2, rel=0.02)
    assert found.dimensions == 0


def test_what_cannot_jump_is_refused_or_does_not() -> None:
    structure, positions, times = gas(1)
    with pytest.raises(TrajectoryError, match="frames"):
        ion_jumps(structure, positions[:5], times[:5], 900.0)
    with pytest.raises(TrajectoryError, match="even"):
        ion_jumps(structure, positions, times**1.1, 900.0)
    sodium = Structure(CELL, ["Na"] * len(structure), structure.frac_coords)
    with pytest.raises(TrajectoryError, match="no Li"):
        ion_jumps(sodium, positions, times, 900.0)
    rng = np.random.default_rng(0)
    still = positions[:1] + 0.1 * rng.normal(size=positions.shape)
    found = ion_jumps(structure, still, times, 900.0)
    assert (found.n_jumps, found.dimensions, found.pairs) == (0, 0, [])
