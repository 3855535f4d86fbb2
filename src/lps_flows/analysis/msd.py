"""Mean-squared displacement with multiple time origins, and its exact covariance.

The mean-squared displacements at different lags are strongly correlated, because they
are averages over the same overlapping windows of one trajectory. For ions that hop at
random about vibrating sites, with diffusion coefficient D, vibrational variance s2
(per direction) and a rate q of the fourth power of jump lengths, the displacements of
two windows a and b have E[da db] = 2 D overlap(a, b) + s2 (shared ends), and

    cov(|da|^2, |db|^2) = 6 E[da db]^2 + q overlap(a, b)

(Isserlis' theorem for the Gaussian part, Campbell's for the jumps), so the covariance
of the averages follows by summing over windows. It is linear in D^2 (more for unequal
diffusion), D s2, s2^2 and q; the four matrices depend on the frame times only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lps_flows.analysis.trajectory import Array, is_even

# Walkers of the Monte Carlo covariance for unevenly spaced frames; the relative error
# of a standard deviation is 1/sqrt(2 N), 2 % here.
N_WALKERS = 1200
# Beyond this many frames an uneven trajectory is thinned: all pairs are listed.
MAX_UNEVEN_FRAMES = 3000


@dataclass(frozen=True)
class MeanSquaredDisplacement:
    """MSD of one kind of atom, averaged over atoms and time origins.

    Attributes
    ----------
    lags
        Mean lag of the windows averaged in each entry (fs), shape (n,).
    values
        Mean-squared displacement (Å^2), shape (n,).
    variances
        Variance of the squared displacement over windows and atoms (Å^4), shape (n,).
    n_windows
        Number of windows averaged per atom, shape (n,).
    n_independent
        Number of non-overlapping windows times atoms, shape (n,).
    span
        Length of the trajectory (fs).
    interval
        Time between frames (fs), none when they are not evenly spaced.
    gaussian, mixed, vibration, jumps
        The four parts of the covariance for one atom, each of shape (n, n), see
        `covariance` (fs^2, fs, 1, fs).
    """

    lags: Array
    values: Array
    variances: Array
    n_windows: Array
    n_independent: Array
    n_atoms: int
    span: float
    interval: float | None
    gaussian: Array
    mixed: Array
    vibration: Array
    jumps: Array

    def covariance(self, D: float, s2: float, q: float, spread: float = 0.0) -> Array:
        """Return the covariance of `values` (Å^4), shape (n, n).

        Parameters
        ----------
        D
            Diffusion coefficient (Å^2/fs).
        s2
            Vibrational variance per direction (Å^2).
        q
            Rate of the summed fourth power of jump lengths (Å^4/fs).
        spread
            8 sum_a D_a^2 - 24 D^2 for unequal diffusion along the axes (Å^4/fs^2).
        """
        per_atom = (
            (24 * D**2 + spread) * self.gaussian
            + 24 * D * s2 * self.mixed
            + 6 * s2**2 * self.vibration
            + q * self.jumps
        )
        return np.asarray(per_atom / self.n_atoms)

    def gaussian_covariance_after(
        self, first: int, slope: float, level: float
    ) -> Array:
        """Return the Gaussian covariance (Å^4) when short-lag motion has memory.

        For any Gaussian motion with stationary increments the mean-squared
        displacement M itself fixes how two windows are correlated:
        6 E[da db] = M(|e_b - s_a|) + M(|e_a - s_b|) - M(|s_a - s_b|) - M(|e_a - e_b|)
        with starts s and ends e. M is the observed one below the lag of entry
        `first` and the straight line from there on; evenly spaced frames only.

        Parameters
        ----------
        first
            First entry of the linear regime; entries before it are left out.
        slope, level
            Slope (Å^2/fs) and intercept (Å^2) of the straight line.
        """
        if self.interval is None:
            raise ValueError("only for evenly spaced frames")
        offsets = np.round(self.lags / self.interval).astype(int)
        n_frames = round(self.span / self.interval) + 1
        memory = int(offsets[first])
        k = np.arange(2 * n_frames)
        line = level + slope * self.interval * k
        short = np.interp(
            k[:memory],
            np.concatenate([[0], offsets[: first + 1]]),
            np.concatenate([[0.0], self.values[:first], [line[memory]]]),
        )
        line[:memory] = short
        kept = offsets[first:]
        result = np.empty((len(kept), len(kept)))
        for i, n in enumerate(kept):
            for j, m in enumerate(kept[: i + 1]):
                d = np.arange(-m - memory, n + memory + 1)
                shared = (
                    line[np.abs(d + m)]
                    + line[np.abs(n - d)]
                    - line[np.abs(d)]
                    - line[np.abs(n - m - d)]
                ) / 6
                windows, others = n_frames - n, n_frames - m
                pairs = np.minimum(windows, others - d) - np.maximum(0, -d)
                weight = np.maximum(pairs, 0) / (windows * others)
                result[i, j] = result[j, i] = 6 * weight @ shared**2
        return result / self.n_atoms

    def gaussian_variance(self, D: float, s2: float) -> Array:
        """Return the variance of |d|^2 of one window for Gaussian motion (Å^4)."""
        return np.asarray(6 * (2 * D * self.lags + 2 * s2) ** 2)


def mean_squared_displacement(
    positions: Array, times: Array, *, n_lags: int = 40, max_fraction: float = 0.5
) -> MeanSquaredDisplacement:
    """Average squared displacements over atoms and over all time origins.

    Parameters
    ----------
    positions
        Unwrapped positions (Å), shape (frames, atoms, 3).
    times
        Time of each frame (fs), shape (frames,); even spacing is faster.
    n_lags
        Number of lags, spaced geometrically.
    max_fraction
        Longest lag as a fraction of the trajectory; beyond one half every window
        overlaps with every other.
    """
    if is_even(times):
        return _even(positions, times, n_lags, max_fraction)
    return _uneven(positions, times, n_lags, max_fraction)


def _even(
    positions: Array, times: Array, n_lags: int, max_fraction: float
) -> MeanSquaredDisplacement:
    n_frames, n_atoms, _ = positions.shape
    interval = (times[-1] - times[0]) / (n_frames - 1)
    longest = max(int((n_frames - 1) * max_fraction), 3)
    offsets = np.unique(np.round(np.geomspace(1, longest, n_lags)).astype(int))
    values, variances = np.empty(len(offsets)), np.empty(len(offsets))
    for i, k in enumerate(offsets):
        squared = ((positions[k:] - positions[:-k]) ** 2).sum(axis=-1)
        values[i], variances[i] = squared.mean(), squared.var()
    gaussian, mixed, vibration, jumps = _even_covariance(offsets, n_frames)
    return MeanSquaredDisplacement(
        lags=offsets * interval,
        values=values,
        variances=variances,
        n_windows=(n_frames - offsets).astype(float),
        n_independent=n_atoms * (n_frames - 1) / offsets,
        n_atoms=n_atoms,
        span=float(times[-1] - times[0]),
        interval=float(interval),
        gaussian=gaussian * interval**2,
        mixed=mixed * interval,
        vibration=vibration,
        jumps=jumps * interval,
    )


def _even_covariance(offsets: np.ndarray, n_frames: int) -> tuple[Array, ...]:
    """Sum the four parts over all pairs of windows, one atom, unit frame interval.

    Two windows of lengths n and m whose starts differ by d overlap by
    min(n, d + m) - max(0, d); how many such pairs there are depends on d only.
    """
    size = len(offsets)
    parts = [np.empty((size, size)) for _ in range(4)]
    for i, n in enumerate(offsets):
        for j, m in enumerate(offsets[: i + 1]):
            d = np.arange(-m, n + 1)
            overlap = (np.minimum(n, d + m) - np.maximum(0, d)).astype(float)
            shared = (d == 0) * 1.0 + (d == n - m) - (d == n) - (d == -m)
            first, second = n_frames - n, n_frames - m
            pairs = np.minimum(first, second - d) - np.maximum(0, -d)
            weight = np.maximum(pairs, 0) / (first * second)
            for part, term in zip(
                parts, (overlap**2, overlap * shared, shared**2, overlap), strict=True
            ):
                part[i, j] = part[j, i] = weight @ term
    return tuple(parts)


def _uneven(
    positions: Array, times: Array, n_lags: int, max_fraction: float
) -> MeanSquaredDisplacement:
    if len(times) > MAX_UNEVEN_FRAMES:
        keep = np.linspace(0, len(times) - 1, MAX_UNEVEN_FRAMES).round().astype(int)
        positions, times = positions[keep], times[keep]
    n_frames, n_atoms, _ = positions.shape
    span = float(times[-1] - times[0])
    windows = _window_groups(times, n_lags, span * max_fraction)

    rng = np.random.default_rng(20220801)
    steps = np.sqrt(np.diff(times))[:, None] * rng.standard_normal(
        (n_frames - 1, N_WALKERS)
    )
    walk = np.concatenate([np.zeros((1, N_WALKERS)), np.cumsum(steps, axis=0)])
    noise = rng.standard_normal((n_frames, N_WALKERS))

    columns: dict[str, list[float]] = {
        key: [] for key in ("lag", "value", "variance", "count", "free")
    }
    walked, crossed, shaken = [], [], []
    for start, end in windows:
        squared = ((positions[end] - positions[start]) ** 2).sum(axis=-1)
        lag = times[end] - times[start]
        columns["lag"].append(lag.mean())
        columns["value"].append(squared.mean())
        columns["variance"].append(squared.var())
        columns["count"].append(len(start))
        columns["free"].append(n_atoms * _disjoint(times[start], times[end]))
        dw, dn = walk[end] - walk[start], noise[end] - noise[start]
        walked.append((dw**2).mean(axis=0))
        crossed.append((dw * dn).mean(axis=0))
        shaken.append((dn**2).mean(axis=0))
    # One-dimensional squared displacements have covariance 2 E[da db]^2; a walk of
    # unit variance rate has D = 1/2.
    walk_part, mixed_part, noise_part = (
        np.cov(np.array(part)) for part in (walked, crossed, shaken)
    )
    return MeanSquaredDisplacement(
        lags=np.array(columns["lag"]),
        values=np.array(columns["value"]),
        variances=np.array(columns["variance"]),
        n_windows=np.array(columns["count"]),
        n_independent=np.array(columns["free"]),
        n_atoms=n_atoms,
        span=span,
        interval=None,
        gaussian=walk_part / 2,
        mixed=mixed_part,
        vibration=noise_part / 2,
        jumps=_mean_overlap(windows, times),
    )


def _window_groups(
    times: Array, n_lags: int, longest: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group pairs of frames by their lag, in bins of equal ratio.

    Each bin keeps at most as many windows as there are frames, evenly picked by
    start, so that long trajectories stay affordable.
    """
    start, end = np.triu_indices(len(times), k=1)
    lag = times[end] - times[start]
    keep = lag <= longest
    start, end, lag = start[keep], end[keep], lag[keep]
    edges = np.geomspace(lag.min(), longest * (1 + 1e-9), n_lags + 1)
    bins = np.clip(np.searchsorted(edges, lag, side="right") - 1, 0, n_lags - 1)
    groups = []
    for b in np.unique(bins):
        members = np.flatnonzero(bins == b)
        if len(members) > len(times):
            picked = np.linspace(0, len(members) - 1, len(times)).round().astype(int)
            members = members[picked]
        groups.append((start[members], end[members]))
    return groups


def _disjoint(starts: Array, ends: Array) -> int:
    """Count the largest number of windows that do not overlap (greedy by end)."""
    count, free_from = 0, -np.inf
    for i in np.argsort(ends, kind="stable"):
        if starts[i] >= free_from:
            count, free_from = count + 1, ends[i]
    return count


def _mean_overlap(windows: list[tuple[np.ndarray, np.ndarray]], times: Array) -> Array:
    """Return the mean overlap (fs) of the windows of each two groups.

    The overlap of two windows is the integral over time of the product of their
    indicator functions, so the mean over pairs is the integral of the product of the
    groups' coverages, exact on the grid of frame times.
    """
    coverage = np.zeros((len(windows), len(times)))
    for row, (start, end) in zip(coverage, windows, strict=True):
        np.add.at(row, start, 1.0 / len(start))
        np.add.at(row, end, -1.0 / len(start))
    density = np.cumsum(coverage, axis=1)[:, :-1]
    return np.asarray((density * np.diff(times)) @ density.T)
