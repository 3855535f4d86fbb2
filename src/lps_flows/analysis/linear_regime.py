"""The straight line through a mean-squared displacement, from the right lag on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import scipy

from lps_flows.analysis.msd import MeanSquaredDisplacement
from lps_flows.analysis.trajectory import Array

# 1 Å^2/fs = 0.1 cm^2/s
CM2_PER_S = 0.1
# A start of the linear regime is accepted when a straight line through the MSD from
# there on has at least this probability.
MIN_FIT_PROBABILITY = 0.03
# When not the shortest lag, the start is moved on by this factor, see `_well_inside`.
START_FACTOR = 2.0
# Latest start of the linear regime as a fraction of the longest lag.
LATEST_START = 0.25
# Motion before the linear regime is looked at from this fraction of its start on.
EARLIER = 0.25
# A square-root term beside the straight line (motion that slows down as cages and
# back-jumps make it do) may be at most this many standard deviations.
MAX_CURVATURE_SIGNIFICANCE = 2.2


@dataclass(frozen=True)
class LinearRegime:
    """A straight line through the MSD from one lag on."""

    first: int
    slope: float
    intercept: float
    probability: float
    misfit: float
    bend: float
    weights: Array
    s2: float
    q: float
    spread: float

    @property
    def D(self) -> float:  # noqa: N802 - the symbol
        """Diffusion coefficient (Å^2/fs)."""
        return self.slope / 6


def linear_regime(curve: MeanSquaredDisplacement) -> tuple[LinearRegime, bool]:
    """Return the fit from the earliest acceptable start, else from the latest.

    The second value tells whether the line is straight as far as noise can tell.
    """
    latest = curve.lags[-1] * LATEST_START
    starts = [
        i
        for i, lag in enumerate(curve.lags)
        if i == 0 or (lag <= latest and len(curve.lags) - i >= 5)
    ]
    for first in starts:
        fit = _fit_from(curve, first)
        if _is_straight(fit):
            return _well_inside(curve, fit, starts[-1]), True
    if curve.interval is not None and fit.first > 0 and fit.slope > 0:
        # What looks like curvature may be noise that motion with memory correlates.
        with suppress(np.linalg.LinAlgError):
            fit = _fit_from(curve, fit.first, memory=True)
    return fit, _is_straight(fit)


def _is_straight(fit: LinearRegime) -> bool:
    return (
        fit.probability >= MIN_FIT_PROBABILITY
        and abs(fit.bend) <= MAX_CURVATURE_SIGNIFICANCE
    )


def _well_inside(
    curve: MeanSquaredDisplacement, fit: LinearRegime, last: int
) -> LinearRegime:
    """Start at twice the accepted lag when the motion before it is not diffusive.

    The test finds the lag at which the curvature sinks below the noise; what is left
    of it there would still pull the slope.
    """
    if fit.first == 0:
        return fit
    safe = int(np.searchsorted(curve.lags, START_FACTOR * curve.lags[fit.first]))
    return _fit_from(curve, min(safe, last)) if fit.first < last else fit


def _fit_from(
    curve: MeanSquaredDisplacement, first: int, *, memory: bool = False
) -> LinearRegime:
    """Fit a straight line with a covariance that agrees with the line.

    With memory, the Gaussian part is that of the observed motion at shorter lags.
    """
    lags, values = curve.lags[first:], curve.values[first:]
    slope, intercept = np.polyfit(lags, values, 1, w=1 / lags)
    q, spread, chi_square = 0.0, 0.0, np.inf
    weights = np.zeros_like(lags)
    for _ in range(4):
        D, s2 = _positive(slope, intercept, values)
        spread, q = _excess_spread(curve, first, D, s2)
        if memory:
            cov = curve.covariance(0.0, 0.0, q, spread)[first:, first:]
            cov += curve.gaussian_covariance_after(first, 6 * D, 6 * s2)
        else:
            cov = curve.covariance(D, s2, q, spread)[first:, first:]
        # Rounding only: the model covariance is positive semi-definite.
        cov[np.diag_indices_from(cov)] *= 1 + 1e-10
        factor = scipy.linalg.cho_factor(cov)
        design = np.stack([lags, np.ones_like(lags)], axis=1)
        solved = scipy.linalg.cho_solve(factor, design)
        both = np.linalg.solve(design.T @ solved, solved.T)
        slope, intercept = both @ values
        residual = values - slope * lags - intercept
        chi_square = float(residual @ scipy.linalg.cho_solve(factor, residual))
        weights = both[0] / 6
    bent = np.stack([*design.T, np.sqrt(lags)], axis=1)
    solved = scipy.linalg.cho_solve(factor, bent)
    bent_covariance = np.linalg.inv(bent.T @ solved)
    bend = float(
        (bent_covariance @ solved.T @ values)[2] / np.sqrt(bent_covariance[2, 2])
    )
    D, s2 = _positive(slope, intercept, values)
    return LinearRegime(
        first=first,
        slope=float(slope),
        intercept=float(intercept),
        probability=float(scipy.stats.chi2.sf(chi_square, len(lags) - 2)),
        misfit=float(chi_square / (len(lags) - 2)),
        bend=bend,
        weights=weights,
        s2=s2,
        q=q,
        spread=spread,
    )


def _positive(slope: float, intercept: float, values: Array) -> tuple[float, float]:
    """Return D and s2 that make a valid covariance."""
    s2 = max(intercept, 0.0) / 6
    D = max(slope, 0.0) / 6
    if D == 0 and s2 == 0:
        s2 = float(values.mean()) / 6
    return D, s2


def _excess_spread(
    curve: MeanSquaredDisplacement, first: int, D: float, s2: float
) -> tuple[float, float]:
    """Fit the excess of the observed variance over equal Gaussian motion.

    Returns the coefficients of t^2 (unequal diffusion, Å^4/fs^2) and of t (jumps,
    Å^4/fs), neither below zero.
    """
    gaussian = curve.gaussian_variance(D, s2)[first:]
    # Relative error of an observed variance is about 1/sqrt(independent windows).
    weight = np.sqrt(curve.n_independent[first:]) / gaussian
    excess = (curve.variances[first:] - gaussian) * weight
    lags = curve.lags[first:, None]
    (spread, q), _ = scipy.optimize.nnls(
        np.hstack([lags**2, lags]) * weight[:, None], excess
    )
    return float(spread), float(q)


def local_exponent(curve: MeanSquaredDisplacement, fit: LinearRegime) -> float:
    """Return the power of time with which the MSD grows where the line is fitted.

    The slope there is compared with that just before it, which is known much better:
    for growth as t^a beside any constant (vibration) their ratio follows from a. One
    where the line holds from the shortest lags on, and nothing is before it.
    """
    first, start = fit.first, curve.lags[fit.first]
    before = np.flatnonzero(curve.lags[: first + 1] >= EARLIER * start)
    if len(before) < 3:
        return 1.0
    lags = curve.lags[before] - curve.lags[before].mean()
    early = lags / (lags @ lags)
    powers = np.linspace(0.05, 2.0, 40)
    grown = (curve.lags[:, None] / start) ** powers
    ratios = 6 * fit.weights @ grown[first:] / (early @ grown[before])
    growth = float(early @ curve.values[before])
    if growth == 0:  # nothing has moved yet
        return float(powers[-1]) if fit.slope > 0 else 0.0
    observed = fit.slope / growth
    return float(np.interp(observed, ratios, powers)) if observed > 0 else 0.0


def fitted_covariance(curve: MeanSquaredDisplacement, fit: LinearRegime) -> Array:
    """Return the covariance of the MSD at all lags that a fit implies (Å^4)."""
    return curve.covariance(max(fit.D, 0.0), fit.s2, fit.q, fit.spread)


def slope_error(curve: MeanSquaredDisplacement, fit: LinearRegime, D: float) -> float:
    """Return the standard deviation of the estimate if D were the truth (Å^2/fs).

    The spread that was observed belongs to the estimate, or to its error where that is
    larger, and scales with D.
    """
    observed = _estimate_error(fit, fitted_covariance(curve, fit))
    ratio = max(D, 0.0) / max(fit.D, observed)
    cov = curve.covariance(max(D, 0.0), fit.s2, fit.q * ratio, fit.spread * ratio**2)
    return _estimate_error(fit, cov)


def _estimate_error(fit: LinearRegime, covariance: Array) -> float:
    used = covariance[fit.first :, fit.first :]
    return float(np.sqrt(max(float(fit.weights @ used @ fit.weights), 0.0)))


def memory_factor(curve: MeanSquaredDisplacement, fit: LinearRegime) -> float:
    """Return how many times motion with memory widens the error of D.

    Before the linear regime ions rattle and jump back, so neighbouring windows share
    more than their overlap; the covariance with the observed short-lag motion says
    how much.
    """
    if fit.first == 0 or curve.interval is None or fit.slope <= 0:
        return 1.0
    full = curve.gaussian_covariance_after(fit.first, fit.slope, fit.intercept)
    plain = curve.covariance(fit.D, fit.s2, 0.0)[fit.first :, fit.first :]
    ratio = float(
        (fit.weights @ full @ fit.weights) / (fit.weights @ plain @ fit.weights)
    )
    return float(np.sqrt(max(ratio, 1.0)))


def plateau_significance(curve: MeanSquaredDisplacement, fit: LinearRegime) -> float:
    """Return the slope in standard deviations it would have if ions only vibrated.

    The vibration is the intercept, with the memory that the motion at shorter lags
    shows. Without any, the spread at the fitted D is the yardstick.
    """
    if fit.intercept <= 0:
        still = fitted_covariance(curve, fit)[fit.first :, fit.first :]
    elif fit.first > 0 and curve.interval is not None and fit.slope > 0:
        still = curve.gaussian_covariance_after(fit.first, 0.0, fit.intercept)
    else:
        still = curve.covariance(0.0, fit.s2, 0.0)[fit.first :, fit.first :]
    return float(fit.D / np.sqrt(fit.weights @ still @ fit.weights))


def diffusivity_interval(
    curve: MeanSquaredDisplacement, fit: LinearRegime, scale: float, z: float
) -> tuple[float, float]:
    """Return the values of D (cm^2/s) the estimate is `z` deviations away from.

    The noise grows with the true D, so the bounds solve D -+ z std(D) = estimate;
    far from zero this is the usual symmetric interval, near it a skewed one.
    """
    estimate = fit.D
    low = high = estimate
    for _ in range(60):
        low = 0.5 * (low + estimate - z * scale * slope_error(curve, fit, low))
        high = 0.5 * (high + estimate + z * scale * slope_error(curve, fit, high))
        # std/D tends to a constant; with z times it above 1 the data set no bound.
        high = min(high, 100 * max(estimate, slope_error(curve, fit, 0.0)))
    return max(low, 0.0) * CM2_PER_S, max(high, 0.0) * CM2_PER_S
