"""Tracer diffusivity of mobile ions with a calibrated interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pymatgen.core import Lattice
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import nnls
from scipy.stats import chi2, norm

from lps_flows.analysis.msd import (
    MeanSquaredDisplacement,
    mean_squared_displacement,
)
from lps_flows.analysis.trajectory import (
    AMBIGUOUS_STEP,
    Array,
    TrajectoryError,
    checked_trajectory,
    unwrap,
)

# 1 Å^2/fs = 0.1 cm^2/s
CM2_PER_S = 0.1
MIN_FRAMES = 10
# A start of the linear regime is accepted when a straight line through the MSD from
# there on has at least this probability.
MIN_FIT_PROBABILITY = 0.03
# Latest start of the linear regime as a fraction of the longest lag.
LATEST_START = 0.25
# A slope below this many of its own standard deviations shows no diffusion.
MIN_SIGNIFICANCE = 3.0
# A square-root term beside the straight line (motion that slows down as cages and
# back-jumps make it do) may be at most this many standard deviations.
MAX_CURVATURE_SIGNIFICANCE = 2.2
# The start is chosen by the data it is then fitted to; on random walks, vibrating
# walks, lattice gases and walks with back-jumps this factor on the standard deviation
# restores the coverage (tests/transport/test_coverage.py measures it).
SELECTION_MARGIN = 1.1
# The diffusive growth over the longest lag must be at least this fraction of the
# intercept, or the ions have not left the cages they vibrate in.
MIN_GROWTH = 0.5
# A straight line that is rejected, because much data sees the smallest curvature, still
# serves when the MSD stays within this fraction of its largest value around it.
MAX_DEVIATION = 0.1
ONE_SIGMA = float(norm.cdf(1) - norm.cdf(-1))


class NegativeSlopeError(TrajectoryError):
    """The mean-squared displacement falls with the lag beyond its noise."""


@dataclass(frozen=True)
class Diffusivity:
    """Diffusion coefficient from one trajectory.

    Attributes
    ----------
    D
        Diffusion coefficient (cm^2/s), not below zero.
    interval
        Central interval of 68.3 % (cm^2/s): it holds the truth in about two of
        three repetitions.
    interval_95
        Central interval of 95 % (cm^2/s).
    diffusive
        True when D may be used; False for a plateau, a curve or too few jumps.
    reason
        Why the run is not diffusive, or how the linear regime was found.
    start
        Lag at which the linear regime starts (fs).
    fit_probability
        Probability of a worse straight line, given its covariance.
    lags, msd, msd_std
        The mean-squared displacement (fs, Å^2, Å^2), each of shape (n,).
    intercept
        Intercept of the straight line (Å^2), 6 times the vibrational variance.
    n_jumps
        Jumps of all ions in the trajectory, when a jump length was given.
    warnings
        What to bear in mind when using the number.
    """

    D: float
    interval: tuple[float, float]
    interval_95: tuple[float, float]
    diffusive: bool
    reason: str
    start: float
    fit_probability: float
    lags: Array
    msd: Array
    msd_std: Array
    intercept: float
    n_jumps: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """A straight line through the MSD from one lag on."""

    first: int
    slope: float
    intercept: float
    probability: float
    bend: float
    weights: Array
    significance: float
    s2: float
    q: float

    @property
    def D(self) -> float:  # noqa: N802 - the symbol
        """Diffusion coefficient (Å^2/fs)."""
        return self.slope / 6


def diffusivity(
    positions: ArrayLike,
    times: ArrayLike,
    lattice: Lattice | ArrayLike | None = None,
    *,
    jump_length: float | None = None,
    min_jumps: float = 10.0,
) -> Diffusivity:
    """Return the tracer diffusivity of ions with its interval.

    The mean-squared displacement (MSD) over all time origins is fitted by
    6 D t + c with generalised least squares. The covariance is that of overlapping
    windows of hopping, vibrating, independent ions (see `lps_flows.analysis.msd`),
    made consistent with the fitted D and c and with the observed spread of squared
    displacements. The linear regime starts at the shortest lag from which the
    straight line is not rejected (chi-square probability of at least 3 %, a bend of
    at most 2.2 standard deviations), at most
    at a quarter of the longest lag; lags up to half the trajectory are used.

    Parameters
    ----------
    positions
        Positions of the mobile ions (Å), shape (frames, atoms, 3): unwrapped, or in
        any image when `lattice` is given. Drift of the whole crystal must have been
        removed.
    times
        Time of each frame (fs), strictly increasing, not necessarily even.
    lattice
        Constant cell to unwrap by: pymatgen Lattice or 3x3 array (Å).
    jump_length
        Distance between neighbouring sites (Å); when given, fewer than `min_jumps`
        jumps in the trajectory, 6 D span atoms / jump_length^2, are too few.
    min_jumps
        Fewest jumps of all ions together for a usable D.

    Raises
    ------
    EmptyTrajectoryError, TooShortTrajectoryError, TrajectoryError
        No data, fewer than 10 frames, or malformed input.
    NegativeSlopeError
        The MSD falls beyond its noise: the input is not a trajectory of atoms.
    """
    xyz, t = checked_trajectory(positions, times, min_frames=MIN_FRAMES)
    warnings: list[str] = []
    if lattice is not None:
        xyz, largest = unwrap(xyz, lattice)
        if largest > AMBIGUOUS_STEP:
            warnings.append(
                f"frames are too far apart to unwrap safely: a step of {largest:.2f} "
                "of a cell vector"
            )
    curve = mean_squared_displacement(
        xyz - xyz.mean(axis=0), t, n_lags=40 if len(t) > 60 else 20
    )
    return diffusivity_from_msd(
        curve, jump_length=jump_length, min_jumps=min_jumps, warnings=tuple(warnings)
    )


def diffusivity_from_msd(
    curve: MeanSquaredDisplacement,
    *,
    jump_length: float | None = None,
    min_jumps: float = 10.0,
    warnings: tuple[str, ...] = (),
) -> Diffusivity:
    """Fit the linear regime of a mean-squared displacement; see `diffusivity`."""
    if not curve.values.max() > 0:
        return _immobile(curve, warnings)
    fit, accepted = _linear_regime(curve)
    scale = 1.0
    curved = False
    if not accepted:
        dof = max(len(curve.lags) - fit.first - 2, 1)
        scale = float(np.sqrt(max(chi2.isf(fit.probability, dof) / dof, 1.0)))
        curved = _bends_away(curve, fit)
    scale *= SELECTION_MARGIN * _memory(curve, fit)
    inner = _interval(curve, fit, scale, 1.0)
    outer = _interval(curve, fit, scale, float(norm.ppf(0.975)))
    _refuse_falling(curve, fit, scale)

    relative = _std(curve, fit, fit.D) * scale / abs(fit.D) if fit.D else np.inf
    n_jumps = (
        None
        if jump_length is None
        else max(fit.D, 0.0) * 6 * curve.span * curve.n_atoms / jump_length**2
    )
    if fit.D <= 0 or fit.significance / scale < MIN_SIGNIFICANCE:
        reason = (
            "plateau: the slope of the mean-squared displacement is "
            f"{fit.significance / scale:.1f} standard deviations from zero, "
            f"{MIN_SIGNIFICANCE:g} are needed"
        )
    elif fit.slope * curve.lags[-1] < MIN_GROWTH * fit.intercept:
        reason = (
            "plateau: the mean-squared displacement grows by "
            f"{fit.slope * curve.lags[-1]:.2g} Å^2 on top of {fit.intercept:.2g} Å^2 "
            "of vibration; the ions have not left their cages"
        )
    elif curved:
        reason = (
            "curved: no lag from which the mean-squared displacement is a straight "
            "line; the motion is not yet diffusive"
        )
    elif relative > 1 / MIN_SIGNIFICANCE:
        reason = f"too few jumps: D is known to {100 * relative:.0f} % only"
    elif n_jumps is not None and n_jumps < min_jumps:
        reason = (
            f"too few jumps: about {n_jumps:.1f} of {jump_length:g} Å in the whole "
            f"run, {min_jumps:g} are needed"
        )
    else:
        reason = ""
    diffusive = not reason
    if diffusive:
        reason = (
            f"linear from {curve.lags[fit.first]:.4g} fs on "
            f"(probability of the straight line {fit.probability:.2f})"
        )
        if not accepted:
            reason += f"; interval widened {scale:.1f} times for its curvature"
    return Diffusivity(
        D=max(fit.D, 0.0) * CM2_PER_S,
        interval=inner,
        interval_95=outer,
        diffusive=diffusive,
        reason=reason,
        start=float(curve.lags[fit.first]),
        fit_probability=fit.probability,
        lags=curve.lags,
        msd=curve.values,
        msd_std=np.sqrt(np.diag(curve.covariance(max(fit.D, 0.0), fit.s2, fit.q))),
        intercept=fit.intercept,
        n_jumps=n_jumps,
        warnings=warnings,
    )


def _linear_regime(curve: MeanSquaredDisplacement) -> tuple[_Fit, bool]:
    """Return the fit from the earliest acceptable start, else from the latest."""
    latest = curve.lags[-1] * LATEST_START
    starts = [
        i
        for i, lag in enumerate(curve.lags)
        if i == 0 or (lag <= latest and len(curve.lags) - i >= 5)
    ]
    fits = []
    for first in starts:
        fit = _fit_from(curve, first)
        if (
            fit.probability >= MIN_FIT_PROBABILITY
            and abs(fit.bend) <= MAX_CURVATURE_SIGNIFICANCE
        ):
            return fit, True
        fits.append(fit)
    return fits[-1], False


def _fit_from(curve: MeanSquaredDisplacement, first: int) -> _Fit:
    """Fit a straight line with a covariance that agrees with the line."""
    lags, values = curve.lags[first:], curve.values[first:]
    slope, intercept = np.polyfit(lags, values, 1, w=1 / lags)
    q, significance, chi_square = 0.0, 0.0, np.inf
    weights = np.zeros_like(lags)
    for _ in range(4):
        D, s2 = _positive(slope, intercept, values)
        q = _jump_rate(curve, first, D, s2)
        cov = curve.covariance(D, s2, q)[first:, first:]
        # Rounding only: the model covariance is positive semi-definite.
        cov[np.diag_indices_from(cov)] *= 1 + 1e-10
        factor = cho_factor(cov)
        design = np.stack([lags, np.ones_like(lags)], axis=1)
        solved = cho_solve(factor, design)
        both = np.linalg.solve(design.T @ solved, solved.T)
        slope, intercept = both @ values
        residual = values - slope * lags - intercept
        chi_square = float(residual @ cho_solve(factor, residual))
        weights = both[0] / 6
    bent = np.stack([*design.T, np.sqrt(lags)], axis=1)
    solved = cho_solve(factor, bent)
    spread = np.linalg.inv(bent.T @ solved)
    bend = float((spread @ solved.T @ values)[2] / np.sqrt(spread[2, 2]))
    still = curve.covariance(0.0, max(intercept, 0.0) / 6 or s2, 0.0)[first:, first:]
    if intercept <= 0:
        # No vibration to compare with: the spread at the fitted D is the yardstick.
        still = cov
    significance = slope / 6 / float(np.sqrt(weights @ still @ weights))
    D, s2 = _positive(slope, intercept, values)
    return _Fit(
        first=first,
        slope=float(slope),
        intercept=float(intercept),
        probability=float(chi2.sf(chi_square, len(lags) - 2)),
        bend=bend,
        weights=weights,
        significance=float(significance),
        s2=s2,
        q=q,
    )


def _positive(slope: float, intercept: float, values: Array) -> tuple[float, float]:
    """Return D and s2 that make a valid covariance."""
    s2 = max(intercept, 0.0) / 6
    D = max(slope, 0.0) / 6
    if D == 0 and s2 == 0:
        s2 = float(values.mean()) / 6
    return D, s2


def _jump_rate(
    curve: MeanSquaredDisplacement, first: int, D: float, s2: float
) -> float:
    """Fit the excess of the observed spread over Gaussian motion by q t (Å^4/fs)."""
    gaussian = curve.gaussian_variance(D, s2)[first:]
    # Relative error of an observed variance is about 1/sqrt(independent windows).
    weight = np.sqrt(curve.n_independent[first:]) / gaussian
    excess = (curve.variances[first:] - gaussian) * weight
    (q,), _ = nnls((curve.lags[first:] * weight)[:, None], excess)
    return float(q)


def _std(curve: MeanSquaredDisplacement, fit: _Fit, D: float) -> float:
    """Return the standard deviation of the estimate if D were the truth (Å^2/fs)."""
    q = fit.q * D / fit.D if fit.D > 0 else fit.q
    cov = curve.covariance(max(D, 0.0), fit.s2, q)[fit.first :, fit.first :]
    return float(np.sqrt(max(fit.weights @ cov @ fit.weights, 0.0)))


def _memory(curve: MeanSquaredDisplacement, fit: _Fit) -> float:
    """Return how many times motion with memory widens the error of D.

    Before the linear regime ions rattle and jump back, so neighbouring windows share
    more than their overlap; the covariance with the observed short-lag motion says
    how much.
    """
    if fit.first == 0 or curve.interval is None or fit.slope <= 0:
        return 1.0
    full = curve.gaussian_covariance_after(fit.first, fit.slope, fit.intercept)
    plain = curve.covariance(fit.D, fit.s2, 0.0)[fit.first :, fit.first :]
    ratio = (fit.weights @ full @ fit.weights) / (fit.weights @ plain @ fit.weights)
    return float(np.sqrt(max(ratio, 1.0)))


def _interval(
    curve: MeanSquaredDisplacement, fit: _Fit, scale: float, z: float
) -> tuple[float, float]:
    """Return the values of D (cm^2/s) the estimate is `z` deviations away from.

    The noise grows with the true D, so the bounds solve D -+ z std(D) = estimate;
    far from zero this is the usual symmetric interval, near it a skewed one.
    """
    estimate = fit.D
    low = high = estimate
    for _ in range(60):
        low = 0.5 * (low + estimate - z * scale * _std(curve, fit, low))
        high = 0.5 * (high + estimate + z * scale * _std(curve, fit, high))
        # std/D tends to a constant; with z times it above 1 the data set no bound.
        high = min(high, 100 * max(estimate, _std(curve, fit, 0.0)))
    return max(low, 0.0) * CM2_PER_S, max(high, 0.0) * CM2_PER_S


def _bends_away(curve: MeanSquaredDisplacement, fit: _Fit) -> bool:
    """Tell whether the MSD leaves a rejected straight line by more than noise."""
    lags, values = curve.lags[fit.first :], curve.values[fit.first :]
    off = np.abs(values - fit.slope * lags - fit.intercept)
    return bool(off.max() > MAX_DEVIATION * values.max())


def _refuse_falling(curve: MeanSquaredDisplacement, fit: _Fit, scale: float) -> None:
    fall = fit.slope * (curve.lags[-1] - curve.lags[fit.first])
    level = curve.values[fit.first :].mean()
    if fit.significance / scale < -MIN_SIGNIFICANCE and -fall > 0.5 * level:
        raise NegativeSlopeError(
            "the mean-squared displacement falls with the lag, beyond its noise",
            field="positions",
            value=f"slope {fit.slope:.3g} Å^2/fs",
            remedy="Check the order of the frames, the unwrapping and the times",
        )


def _immobile(curve: MeanSquaredDisplacement, warnings: tuple[str, ...]) -> Diffusivity:
    zeros = np.zeros_like(curve.lags)
    return Diffusivity(
        D=0.0,
        interval=(0.0, 0.0),
        interval_95=(0.0, 0.0),
        diffusive=False,
        reason="plateau: the ions do not move at all",
        start=float(curve.lags[0]),
        fit_probability=1.0,
        lags=curve.lags,
        msd=curve.values,
        msd_std=zeros,
        intercept=0.0,
        warnings=warnings,
    )
