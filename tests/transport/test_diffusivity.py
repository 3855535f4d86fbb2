from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lps_flows.analysis import diffusivity
from lps_flows.analysis.cross_checks import kinisi_diffusivity, pymatgen_diffusivity
from lps_flows.analysis.diffusivity import NegativeSlopeError, diffusivity_from_msd
from lps_flows.analysis.linear_regime import (
    CM2_PER_S,
    diffusivity_interval,
    linear_regime,
    memory_factor,
    slope_error,
)
from lps_flows.analysis.msd import (
    MeanSquaredDisplacement,
    mean_squared_displacement,
)
from lps_flows.analysis.trajectory import (
    EmptyTrajectoryError,
    TooShortTrajectoryError,
    TrajectoryError,
    against_framework,
    remove_drift,
)
from lps_flows.foundation import LpsFlowsError
from tests.transport import walkers


@pytest.mark.parametrize(
    "model",
    [
        walkers.brownian,
        walkers.uneven,
        walkers.lattice_gas,
        walkers.caged_walk,
        walkers.langevin,
    ],
)
def test_known_diffusivity_lies_in_the_95_percent_interval_and_is_used(model):
    hits = used = 0
    for seed in range(10):
        positions, times, true = model(np.random.default_rng(seed))
        found = diffusivity(positions, times)
        used += found.diffusive
        assert found.interval_95[0] <= found.interval[0] <= found.D
        assert found.D <= found.interval[1] <= found.interval_95[1]
        hits += found.interval_95[0] <= true <= found.interval_95[1]
    assert hits >= 8
    assert used >= 7


def test_interval_shrinks_with_the_square_root_of_the_number_of_ions():
    rng = np.random.default_rng(3)
    few = diffusivity(*walkers.brownian(rng, n=20)[:2])
    many = diffusivity(*walkers.brownian(rng, n=320)[:2])
    ratio = np.ptp(few.interval) / np.ptp(many.interval)
    assert ratio == pytest.approx(4, rel=0.35)


def test_wrapped_positions_in_a_skewed_cell_give_the_same_as_unwrapped_ones():
    positions, times, _ = walkers.brownian(np.random.default_rng(1), D=0.001)
    cell = Lattice.from_parameters(7, 9, 11, 70, 95, 110)
    wrapped = cell.get_cartesian_coords(
        cell.get_fractional_coords(positions.reshape(-1, 3)) % 1
    ).reshape(positions.shape)
    free = diffusivity(positions, times)
    for lattice in (cell, cell.matrix, cell.matrix.tolist()):
        assert pytest.approx(free.D) == diffusivity(wrapped, times, lattice).D


def test_a_very_skewed_cell_is_unwrapped_by_its_reduced_vectors():
    positions, times, _ = walkers.brownian(np.random.default_rng(1), D=0.003)
    skewed = np.array([[6.0, 0, 0], [17.0, 7.0, 0], [-11.0, 20.0, 8.0]])
    fractional = positions @ np.linalg.inv(skewed)
    found = diffusivity((fractional % 1) @ skewed, times, skewed)
    assert pytest.approx(diffusivity(positions, times).D) == found.D
    assert not found.warnings


@pytest.mark.parametrize("axes", [(1, 1, 0), (1, 0, 0)])
def test_diffusion_along_some_axes_only_widens_the_interval(axes):
    rng = np.random.default_rng(8)
    plain = diffusivity(*walkers.brownian(rng, axes=(1, 1, 1))[:2])
    flat = diffusivity(*walkers.brownian(rng, axes=axes)[:2])
    expected = np.sqrt(3 / sum(axes))
    assert np.ptp(flat.interval) / np.ptp(plain.interval) == pytest.approx(
        expected, rel=0.2
    )


@pytest.mark.parametrize("memory", [0.0, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_ions_that_stay_in_their_cages_are_not_diffusive(memory, seed):
    positions, times, _ = walkers.rattling(np.random.default_rng(seed), memory=memory)
    found = diffusivity(positions, times)
    assert not found.diffusive
    assert found.reason
    assert found.D >= 0
    assert found.interval[0] >= 0


def test_ions_at_rest_and_vibrating_in_step_are_not_diffusive():
    times = np.arange(200.0)
    still = np.ones((200, 4, 3))
    assert "do not move" in diffusivity(still, times).reason
    swing = still + np.sin(2 * np.pi * times / 25)[:, None, None]
    assert not diffusivity(swing, times).diffusive


def test_ions_that_alternate_between_two_places_are_not_diffusive():
    """Their displacement does not grow at the first lags, by any power of time."""
    between = (np.arange(30) % 2)[:, None, None] * np.ones((1, 4, 3))
    assert not diffusivity(between, 2.0 * np.arange(30)).diffusive


def test_too_few_jumps_are_said_so():
    positions, times, _ = walkers.lattice_gas(
        np.random.default_rng(5), n=10, frames=300, rate=0.0001
    )
    found = diffusivity(positions, times, jump_length=3.0)
    assert not found.diffusive
    assert "jumps" in found.reason or "plateau" in found.reason


def test_less_than_a_jump_per_ion_is_too_few_however_many_ions_there_are():
    positions, times, _ = walkers.lattice_gas(
        np.random.default_rng(5), n=60, frames=200, rate=0.0004
    )
    assert diffusivity(positions, times).diffusive
    found = diffusivity(positions, times, jump_length=3.0)
    assert found.n_jumps > 30
    assert not found.diffusive
    assert "per ion" in found.reason


def test_a_jump_per_ion_is_counted_within_the_longest_lag_not_the_whole_run():
    positions, times, _ = walkers.brownian(np.random.default_rng(1))
    free = diffusivity(positions, times)
    moved = 6 * free.D / CM2_PER_S * free.lags[-1]
    assert free.lags[-1] < 0.51 * times[-1]
    assert diffusivity(positions, times, jump_length=0.95 * np.sqrt(moved)).diffusive
    found = diffusivity(positions, times, jump_length=1.05 * np.sqrt(moved))
    assert "per ion" in found.reason


def test_ions_that_rattle_more_than_they_move_have_not_left_their_cages():
    """300 of them show a slope beyond its noise, a third of the vibration in height."""
    positions, times, _ = walkers.brownian(
        np.random.default_rng(1), n=300, D=4e-5, shake=0.5
    )
    found = diffusivity(positions, times)
    assert not found.diffusive
    assert "not left their cages" in found.reason
    moved = 6 * found.D / CM2_PER_S * found.lags[-1]
    assert 0.2 < moved / found.intercept < 0.5


def _curve(model, seed=0, **more):
    positions, times, _ = model(np.random.default_rng(seed), **more)
    return mean_squared_displacement(positions - positions.mean(axis=0), times)


@pytest.mark.parametrize("bend", [0.05, -0.05])
def test_a_curve_that_bends_either_way_is_not_straight_from_its_start(bend):
    """Three to four standard deviations beside the line, as motion that slows down, or
    as motion that first speeds up.
    """
    curve = _curve(walkers.brownian)
    line = replace(curve, values=0.03 * curve.lags + 1.0)
    assert linear_regime(line)[0].first == 0
    bent = replace(line, values=line.values + bend * np.sqrt(curve.lags))
    fit, accepted = linear_regime(bent)
    assert accepted
    assert fit.first > 0


def test_bounds_are_the_truths_that_the_estimate_is_some_deviations_from():
    curve = _curve(walkers.brownian, n=5, frames=60)
    fit, _ = linear_regime(curve)
    low, high = np.array(diffusivity_interval(curve, fit, 1.1, 1.0)) / CM2_PER_S
    assert low + 1.1 * slope_error(curve, fit, low) == pytest.approx(fit.D)
    assert high - 1.1 * slope_error(curve, fit, high) == pytest.approx(fit.D)
    assert high - fit.D > 1.2 * (fit.D - low)  # the noise grows with the truth


def test_the_error_of_motion_without_vibration_and_jumps_grows_with_it():
    curve = _curve(walkers.channels)
    fit, _ = linear_regime(curve)
    assert fit.spread > 0
    pure = replace(fit, s2=0.0, q=0.0)
    one = slope_error(curve, pure, fit.D)
    assert slope_error(curve, pure, 3 * fit.D) == pytest.approx(3 * one)


class FourTimes(MeanSquaredDisplacement):
    """Displacements whose memory makes the covariance four times as large."""

    def gaussian_covariance_after(self, first, slope, level):
        D, s2 = slope / 6, max(level, 0.0) / 6
        return 4 * self.covariance(D, s2, 0.0)[first:, first:]


def test_memory_widens_the_interval_by_the_root_of_what_it_does_to_the_covariance():
    curve = _curve(walkers.langevin)
    fit, accepted = linear_regime(curve)
    assert accepted
    assert fit.first > 0
    remembers = FourTimes(**vars(curve))
    assert memory_factor(remembers, fit) == pytest.approx(2.0)
    plain, wide = diffusivity_from_msd(curve), diffusivity_from_msd(remembers)
    assert wide.D == plain.D
    ratio = np.ptp(wide.interval) / np.ptp(plain.interval)
    assert ratio == pytest.approx(2.0 / memory_factor(curve, fit), rel=0.02)


def test_the_power_of_time_tells_diffusion_from_what_only_looks_straight():
    positions, times, _ = walkers.square_root(np.random.default_rng(1))
    found = diffusivity(positions, times)
    assert not found.diffusive
    assert found.reason.startswith("undecided")
    assert found.exponent == pytest.approx(0.5, abs=0.2)
    positions, times, _ = walkers.caged_walk(np.random.default_rng(2), n=60)
    found = diffusivity(positions, times)
    assert found.diffusive
    assert found.exponent == pytest.approx(1.0, abs=0.25)


def test_a_single_jump_in_a_long_run_is_no_diffusion():
    positions, times, _ = walkers.rattling(np.random.default_rng(2))
    positions[200:, 3] += 3.0
    assert not diffusivity(positions, times, jump_length=3.0).diffusive


def test_even_and_jittered_times_agree():
    rng = np.random.default_rng(4)
    positions, times, _ = walkers.brownian(rng, shake=0.2)
    even = diffusivity(positions, times)
    jittered = diffusivity(positions, times + rng.uniform(-0.1, 0.1, len(times)))
    assert pytest.approx(even.D, abs=3 * np.ptp(even.interval)) == jittered.D


def test_kinisi_and_pymatgen_agree_with_ours():
    positions, times, _ = walkers.brownian(np.random.default_rng(6))
    ours = diffusivity(positions, times)
    curve = mean_squared_displacement(positions, times)
    middle, (low, high) = kinisi_diffusivity(curve, ours.start)
    assert middle == pytest.approx(ours.D, abs=1.5 * np.ptp(ours.interval))
    assert low < ours.D < high or np.ptp((low, high)) < np.ptp(ours.interval)
    # kinisi counts non-overlapping windows only: wider, but not by an order
    assert 0.5 < np.ptp((low, high)) / np.ptp(ours.interval) < 3
    value, std = pymatgen_diffusivity(curve, ours.start)
    assert value == pytest.approx(ours.D, rel=0.3)
    assert 0 < std < np.ptp(ours.interval)


def test_drift_of_the_crystal_is_removed():
    positions, times, _ = walkers.brownian(np.random.default_rng(7), n=20)
    frame = np.zeros((len(times), 20, 3))
    everything = np.concatenate([positions, frame], axis=1)
    drifting = everything + 0.05 * np.arange(len(times))[:, None, None]
    weights = np.r_[np.zeros(20), np.ones(20)]
    kept = remove_drift(drifting, weights)[:, :20]
    assert pytest.approx(diffusivity(positions, times).D) == diffusivity(kept, times).D


def test_the_framework_is_held_by_its_centre_of_mass():
    """P and S that move against each other by their masses do not move it."""
    cell = Structure(Lattice.cubic(9), ["Li", "P", "S"], np.eye(3) / 2)
    moves = np.array([[1.0, 0, 0], [32.06, 0, 0], [-30.97376, 0, 0]])
    frames = np.array([cell.cart_coords, cell.cart_coords + 0.01 * moves])
    assert against_framework(cell, frames, "Li") == pytest.approx(frames, abs=1e-4)
    drifting = frames + np.array([[[0, 0, 0]], [[0.3, -0.2, 0.1]]])
    assert against_framework(cell, drifting, "Li") == pytest.approx(frames, abs=1e-4)


@pytest.mark.parametrize(
    ("positions", "times", "error"),
    [
        (np.empty((0, 5, 3)), [], EmptyTrajectoryError),
        (np.empty((50, 0, 3)), np.arange(50.0), EmptyTrajectoryError),
        (np.zeros((3, 5, 3)), np.arange(3.0), TooShortTrajectoryError),
        (np.zeros((50, 3)), np.arange(50.0), TrajectoryError),
        (np.zeros((50, 5, 3)), np.arange(49.0), TrajectoryError),
        (np.zeros((50, 5, 3)), np.zeros(50), TrajectoryError),
        (np.full((50, 5, 3), np.nan), np.arange(50.0), TrajectoryError),
        (np.zeros((50, 5, 3)), np.r_[np.arange(49.0), np.nan], TrajectoryError),
        (np.zeros((50, 5, 3)), np.arange(50.0)[::-1], TrajectoryError),
        ([[[0.0, 0, 0]], [[0.0, 0]]], np.arange(2.0), TrajectoryError),
    ],
)
def test_unusable_input_is_refused_with_its_name(positions, times, error):
    with pytest.raises(error) as caught:
        diffusivity(positions, times)
    assert isinstance(caught.value, LpsFlowsError)
    assert caught.value.field in ("positions", "times")
    assert caught.value.remedy


@pytest.mark.parametrize("fault", ["one frame in another order", "far apart"])
def test_no_atom_moves_half_the_cell_between_two_frames(fault):
    rng = np.random.default_rng(0)
    cell = Lattice.from_parameters(9, 11, 13, 80, 95, 105)
    sites = cell.get_cartesian_coords(rng.random((40, 3)))
    positions = sites + np.cumsum(rng.normal(0, 0.1, (60, 40, 3)), axis=0)
    times = 10.0 * np.arange(60)
    wrapped = cell.get_cartesian_coords(cell.get_fractional_coords(positions) % 1)
    assert diffusivity(wrapped, times, cell).D > 0
    if fault == "far apart":
        wrapped[30:, 7] += cell.matrix[1] * 0.47
    else:
        wrapped[30] = wrapped[30, rng.permutation(40)]
    with pytest.raises(TrajectoryError, match="of a cell vector in one step") as caught:
        diffusivity(wrapped, times, cell)
    assert "frames 29 and 30" in caught.value.value
    assert "order" in caught.value.remedy


@pytest.mark.parametrize(
    "lattice", [np.diag([5, 5, 0]), np.full((3, 3), np.nan), [5, 5, 5], "cubic"]
)
def test_an_impossible_lattice_is_refused(lattice):
    positions, times, _ = walkers.brownian(np.random.default_rng(0))
    with pytest.raises(TrajectoryError, match="lattice"):
        diffusivity(positions, times, lattice)


def test_a_falling_displacement_is_a_typed_error():
    positions, times, _ = walkers.brownian(np.random.default_rng(0), shake=0.3)
    curve = mean_squared_displacement(positions, times)
    falling = replace(curve, values=curve.values[::-1].copy())
    with pytest.raises(NegativeSlopeError) as caught:
        diffusivity_from_msd(falling)
    assert caught.value.field == "positions"
    assert "order of the frames" in caught.value.remedy


def test_ions_that_swing_together_once_are_a_typed_error():
    times = np.arange(400.0)
    swing = np.sin(2 * np.pi * times / 160)[:, None, None] * np.ones((1, 10, 3))
    noise = 0.05 * np.random.default_rng(0).normal(size=swing.shape)
    with pytest.raises(NegativeSlopeError):
        diffusivity(swing + noise, times)
