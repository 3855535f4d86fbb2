"""Tracer diffusivity of mobile ions with a calibrated interval."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike
from pymatgen.core import Lattice

from lps_flows.analysis.linear_regime import (
    CM2_PER_S,
    LinearRegime,
    diffusivity_interval,
    fitted_covariance,
    linear_regime,
    local_exponent,
    memory_factor,
    plateau_significance,
    slope_error,
)
from lps_flows.analysis.msd import MeanSquaredDisplacement, mean_squared_displacement
from lps_flows.analysis.trajectory import TrajectoryError, checked_trajectory, unwrap
from lps_flows.schemas.md import Diffusivity

MIN_FRAMES = 10
# A slope below this many of its own standard deviations shows no diffusion.
MIN_SIGNIFICANCE = 3.0
# A fall of the displacement by half of its level and this many standard deviations is
# an error of the input, not noise.
MAX_FALL_SIGNIFICANCE = 2.0
# A diffusivity known worse than this (one standard deviation) is of no use in a fit.
MAX_RELATIVE_ERROR = 0.5
# The start is chosen by the data it is then fitted to; on random walks, vibrating
# walks, lattice gases and walks with back-jumps this factor on the standard deviation
# restores the coverage (tests/transport/test_coverage.py measures it).
SELECTION_MARGIN = 1.1
# The diffusive growth over the longest lag must be at least this fraction of the
# intercept, or the ions have not left the cages they vibrate in.
MIN_GROWTH = 0.5
# Each ion must have jumped once, on average, within the longest lag that is used: with
# fewer jumps the MSD is straight too, though ions that jump back have not yet done so.
MIN_JUMPS_PER_ION = 1.0
# Growth as a lower power of time is not taken for diffusion, however straight the line:
# sub-diffusion (t^0.5) looks straight over a factor of four in time. What is left of
# back-jumps just before the start lowers the estimate by about a tenth on walks that
# do diffuse (tests/transport/test_coverage.py), which is allowed for.
MIN_EXPONENT, EXPONENT_BIAS = 0.8, 0.1
# A straight line that is rejected, because much data sees the smallest curvature, still
# serves when the MSD stays within this fraction of its largest value around it.
MAX_DEVIATION = 0.1
# So does one that is rejected no more clearly than this: noise does it to one short
# trajectory in some hundred.
CLEAR_PROBABILITY, CLEAR_CURVATURE = 1e-3, 3.3


class NegativeSlopeError(TrajectoryError):
    """The mean-squared displacement falls with the lag beyond its noise."""


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
    at most 2.2 standard deviations), or at twice that lag when it is not the
    shortest of all, and at most
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
        jumps in the trajectory, 6 D span atoms / jump_length^2, are too few, and so is
        less than one per ion within the longest lag, 6 D t_max < jump_length^2.
    min_jumps
        Fewest jumps of all ions together for a usable D; 0 asks for none per ion, too.

    Raises
    ------
    EmptyTrajectoryError, TooShortTrajectoryError, TrajectoryError
        No data, fewer than 10 frames, or malformed input.
    NegativeSlopeError
        The MSD falls beyond its noise: frames out of order, or ions that swing
        together.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> walk = np.cumsum(rng.normal(scale=0.1, size=(2000, 20, 3)), axis=0)
    >>> found = diffusivity(walk, np.arange(2000) * 10.0)  # D = 0.1² / (2 · 10) Å²/fs
    >>> found.diffusive, found.interval_95[0] < 5e-5 < found.interval_95[1]
    (True, True)
    """
    xyz, t = checked_trajectory(positions, times, min_frames=MIN_FRAMES)
    if lattice is not None:
        xyz, _ = unwrap(xyz, lattice)
    curve = mean_squared_displacement(
        xyz - xyz.mean(axis=0), t, n_lags=40 if len(t) > 60 else 20
    )
    return diffusivity_from_msd(curve, jump_length=jump_length, min_jumps=min_jumps)


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
    fit, accepted = linear_regime(curve)
    scale = SELECTION_MARGIN
    curved = False
    if not accepted:
        scale *= float(np.sqrt(max(fit.misfit, 1.0)))
        curved = _bends_away(curve, fit)
    significance = plateau_significance(curve, fit) / scale
    scale *= memory_factor(curve, fit)
    inner = diffusivity_interval(curve, fit, scale, 1.0)
    outer = diffusivity_interval(curve, fit, scale, float(scipy.stats.norm.ppf(0.975)))
    _refuse_falling(curve, fit, significance)

    exponent = local_exponent(curve, fit)
    per_ion = 6 * fit.D * float(curve.lags[-1])
    relative = slope_error(curve, fit, fit.D) * scale / abs(fit.D) if fit.D else np.inf
    n_jumps = (
        None
        if jump_length is None
        else max(fit.D, 0.0) * 6 * curve.span * curve.n_atoms / jump_length**2
    )
    if fit.D <= 0 or significance < MIN_SIGNIFICANCE:
        reason = (
            "plateau: the slope of the mean-squared displacement is "
            f"{significance:.1f} standard deviations from zero, "
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
    elif relative > MAX_RELATIVE_ERROR:
        reason = f"too few jumps: D is known to {100 * relative:.0f} % only"
    elif jump_length and min_jumps and per_ion < MIN_JUMPS_PER_ION * jump_length**2:
        reason = (
            f"too few jumps per ion: {per_ion:.2g} Å^2 within the longest lag, a jump "
            f"of {jump_length:g} Å for each ion makes {jump_length**2:.2g}"
        )
    elif exponent < MIN_EXPONENT - EXPONENT_BIAS:
        reason = (
            f"undecided: the mean-squared displacement grows as t^{exponent:.2f}, "
            f"t^{MIN_EXPONENT:g} is needed; a longer run decides"
        )
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
        msd_std=np.sqrt(np.diag(fitted_covariance(curve, fit))),
        intercept=fit.intercept,
        exponent=exponent,
        n_jumps=n_jumps,
        warnings=list(warnings),
    )


def _bends_away(curve: MeanSquaredDisplacement, fit: LinearRegime) -> bool:
    """Tell whether the MSD leaves a rejected straight line clearly, and by much."""
    if fit.probability >= CLEAR_PROBABILITY and abs(fit.bend) <= CLEAR_CURVATURE:
        return False
    lags, values = curve.lags[fit.first :], curve.values[fit.first :]
    off = np.abs(values - fit.slope * lags - fit.intercept)
    return bool(off.max() > MAX_DEVIATION * values.max())


def _refuse_falling(
    curve: MeanSquaredDisplacement, fit: LinearRegime, significance: float
) -> None:
    fall = fit.slope * (curve.lags[-1] - curve.lags[fit.first])
    level = curve.values[fit.first :].mean()
    if significance < -MAX_FALL_SIGNIFICANCE and -fall > 0.5 * level:
        raise NegativeSlopeError(
            "the mean-squared displacement falls with the lag, beyond its noise",
            field="positions",
            value=f"slope {fit.slope:.3g} Å^2/fs",
            remedy="Check the order of the frames, the unwrapping and the times; ions "
            "that swing together with a period of about half the run do this too",
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
        warnings=list(warnings),
    )
