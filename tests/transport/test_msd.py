"""The covariance of mean-squared displacements, by hand and against itself."""

from dataclasses import replace

import numpy as np
import pytest

from lps_flows.analysis.msd import mean_squared_displacement
from tests.transport import walkers


def five_frames(interval=2.0, n_atoms=1):
    """Return the curve of five frames: windows of one and of two intervals."""
    positions = np.random.default_rng(0).normal(size=(5, n_atoms, 3))
    times = interval * np.arange(5)
    return positions, mean_squared_displacement(positions, times, max_fraction=0.5)


def test_the_parts_of_the_covariance_by_hand():
    """Four windows of one interval, three of two; lag 3 is the shortest `longest`."""
    _, curve = five_frames()
    assert (curve.lags / 2.0).tolist() == [1, 2, 3]
    assert curve.n_windows.tolist() == [4, 3, 2]
    first = np.ix_([0, 1], [0, 1])
    # mean overlap of two windows: 4 of 16 pairs share one interval; each of three long
    # ones holds two of four short ones; of 9 pairs 3 share two intervals and 4 one
    jumps = 2.0 * np.array([[4 / 16, 6 / 12], [6 / 12, (3 * 2 + 4) / 9]])
    assert curve.jumps[first] == pytest.approx(jumps)
    # mean square of it
    gaussian = 4.0 * np.array([[4 / 16, 6 / 12], [6 / 12, (3 * 4 + 4) / 9]])
    assert curve.gaussian[first] == pytest.approx(gaussian)
    # shared ends count +1 each, an end that is the other's start -1: of short windows
    # with themselves 2, with a neighbour -1
    assert curve.vibration[0, 0] == pytest.approx((4 * 2**2 + 6 * 1) / 16)
    # of long ones with themselves 2, with the one two frames on -1
    assert curve.vibration[1, 1] == pytest.approx((3 * 2**2 + 2 * 1) / 9)
    # a short one begins or ends with the long one (+1), or ends where it begins (-1)
    assert curve.vibration[0, 1] == pytest.approx((3 + 3 + 2 + 2) / 12)
    # overlap times shared ends: neighbours that touch do not overlap
    assert curve.mixed[0, 0] == pytest.approx(2.0 * 4 * 2 / 16)
    assert curve.mixed[1, 1] == pytest.approx(2.0 * 3 * 2 * 2 / 9)


def test_lags_values_and_independent_windows_by_hand():
    positions, curve = five_frames(n_atoms=3)
    step = ((positions[1:] - positions[:-1]) ** 2).sum(axis=-1)
    assert curve.values[0] == pytest.approx(step.mean())
    assert curve.variances[0] == pytest.approx(step.var())
    # four intervals hold 4, 2 and 4/3 windows, for each of three atoms
    assert curve.n_independent == pytest.approx([12, 6, 4])
    assert (curve.span, curve.interval) == (8.0, 2.0)
    # three atoms know it three times as well
    (_, one), D, s2, q = five_frames(), 0.1, 0.02, 0.3
    assert curve.covariance(D, s2, q) == pytest.approx(one.covariance(D, s2, q) / 3)


def test_one_step_has_the_variance_of_its_gaussian():
    """Windows of one interval do not overlap: that of |d|^2, over their number."""
    _, curve = five_frames()
    variance = curve.gaussian_variance(0.1, 0.0)[0]
    # 2 (2 D t)^2 for each of three directions
    assert variance == pytest.approx(3 * 2 * (2 * 0.1 * 2.0) ** 2)
    assert curve.covariance(0.1, 0.0, 0.0)[0, 0] == pytest.approx(variance / 4)


def test_uneven_frames_have_the_covariance_of_even_ones():
    """A hair off even times the numbers are the same, the Monte Carlo ones nearly."""
    positions, times, _ = walkers.brownian(np.random.default_rng(0), n=5, frames=40)
    even = mean_squared_displacement(positions, times, n_lags=8)
    apart = times[1] - times[0]
    jitter = 0.01 * apart * np.sin(np.arange(len(times)) ** 2)
    uneven = mean_squared_displacement(positions, times + jitter, n_lags=8)
    assert uneven.interval is None
    # the shortest lag alone has the same windows in both
    assert uneven.lags[0] == pytest.approx(even.lags[0], rel=0.02)
    assert uneven.values[0] == pytest.approx(even.values[0], rel=1e-6)
    assert uneven.n_windows[0] == even.n_windows[0] == len(times) - 1
    # windows that touch do not overlap
    assert uneven.n_independent[0] == even.n_independent[0] == 5 * (len(times) - 1)
    assert uneven.jumps[0, 0] == pytest.approx(even.jumps[0, 0], rel=0.02)
    for name in ("gaussian", "mixed", "vibration"):
        ours, theirs = getattr(uneven, name)[0, 0], getattr(even, name)[0, 0]
        assert ours == pytest.approx(theirs, rel=0.2), name


def test_long_uneven_runs_are_thinned_over_their_whole_length():
    rng = np.random.default_rng(0)
    times = np.arange(3500.0) + rng.uniform(0, 0.2, 3500)
    positions = np.zeros((3500, 1, 3))
    positions[:, 0, 0] = times
    curve = mean_squared_displacement(positions, times, n_lags=5)
    assert curve.span == times[-1] - times[0]
    # straight on at 1 Å/fs: what is moved is the lag
    assert np.sqrt(curve.values) == pytest.approx(curve.lags, rel=0.2)


@pytest.mark.parametrize("first", [1, 3])
def test_motion_that_is_a_straight_line_from_the_start_has_no_memory(first):
    positions, times, _ = walkers.brownian(np.random.default_rng(0), n=4, frames=60)
    curve = mean_squared_displacement(positions, times, n_lags=8)
    D, s2 = 0.01, 0.2
    straight = replace(curve, values=6 * D * curve.lags + 6 * s2)
    with_memory = straight.gaussian_covariance_after(first, 6 * D, 6 * s2)
    plain = straight.covariance(D, s2, 0.0)[first:, first:]
    assert with_memory == pytest.approx(plain)
