"""Arrhenius fit with weights and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from lps_flows.foundation import LpsFlowsError

BOLTZMANN = 1.380649e-23 / 1.602176634e-19
"""Boltzmann constant (eV/K), exact: both numbers define units of the SI."""
# 1/T further outside the measured range than this multiple of its width is far.
LONG_EXTRAPOLATION = 0.5


class ArrheniusError(LpsFlowsError):
    """Diffusivities cannot be put on one Arrhenius line."""


class TooFewTemperaturesError(ArrheniusError):
    """A line needs two different temperatures."""


class NonPositiveDiffusivityError(ArrheniusError):
    """A diffusivity is zero or negative and has no logarithm."""


@dataclass(frozen=True)
class ArrheniusFit:
    """ln D = ln D0 - Ea / (kB T), fitted to several temperatures.

    Attributes
    ----------
    activation_energy
        Ea (eV).
    activation_energy_interval
        Its central 68.3 % interval (eV).
    prefactor
        D0 (cm^2/s).
    temperatures
        Temperatures of the fit (K), shape (n,).
    covariance
        Covariance of (ln D0, Ea), shape (2, 2) (1, eV; eV, eV^2).
    chi_square_per_freedom
        Misfit of the line; above 1 the intervals have been widened by its square
        root. None with two temperatures, where a line always fits.

    Examples
    --------
    >>> fit = arrhenius([700, 900], [1e-5, 3e-5], [(9e-6, 2e-5), (2e-5, 4e-5)])
    >>> round(fit.activation_energy, 3), round(fit.D(700) / 1e-5, 3)
    (0.298, 1.0)
    """

    activation_energy: float
    activation_energy_interval: tuple[float, float]
    prefactor: float
    temperatures: NDArray[np.float64]
    covariance: NDArray[np.float64]
    chi_square_per_freedom: float | None

    @overload
    def D(self, T: float) -> float: ...

    @overload
    def D(self, T: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]: ...

    def D(self, T: ArrayLike) -> float | NDArray[np.float64]:  # noqa: N802
        """Return the diffusivity (cm^2/s) at the temperature T (K)."""
        t = np.asarray(T, dtype=float)
        value = self.prefactor * np.exp(-self.activation_energy / (BOLTZMANN * t))
        return float(value) if value.ndim == 0 else value

    def log_std(self, T: ArrayLike) -> NDArray[np.float64]:
        """Return the standard deviation of ln D at T (K), same shape as T."""
        inverse = -1 / (BOLTZMANN * np.asarray(T, dtype=float))
        (a, c), (_, b) = self.covariance
        return np.sqrt(np.maximum(a + 2 * c * inverse + b * inverse**2, 0.0))

    def D_interval(  # noqa: N802
        self, T: float, level: float = 0.6827
    ) -> tuple[float, float]:
        """Return the central interval of D(T) (cm^2/s) at a confidence level."""
        half = float(scipy.stats.norm.ppf(0.5 + level / 2) * self.log_std(T))
        middle = self.D(T)
        return middle * float(np.exp(-half)), middle * float(np.exp(half))

    def extrapolation_warning(self, T: float) -> str | None:
        """Say so when T (K) lies far outside the measured temperatures.

        Far means: in 1/T, further from the nearest measured point than half of the
        measured range.
        """
        inverse = 1 / self.temperatures
        outside = max(1 / T - inverse.max(), inverse.min() - 1 / T)
        if outside <= LONG_EXTRAPOLATION * (inverse.max() - inverse.min()):
            return None
        reach = outside / (inverse.max() - inverse.min())
        return (
            f"D({T:g} K) is extrapolated {reach:.1f} times the measured range in 1/T "
            f"({self.temperatures.min():g}-{self.temperatures.max():g} K) beyond it; "
            "a change of mechanism or phase in between would not be seen"
        )


def arrhenius(
    temperatures: ArrayLike,
    diffusivities: ArrayLike,
    intervals: Sequence[tuple[float, float]] | ArrayLike,
) -> ArrheniusFit:
    """Fit diffusivities at several temperatures, weighted by their errors.

    Weighted least squares of ln D against 1/T. The standard deviation of ln D is half
    the width of its 68 % interval; a line that misses its points by more than their
    errors (chi-square per degree of freedom above 1) has its errors widened by the
    square root of that misfit (ours).

    Parameters
    ----------
    temperatures
        Temperatures (K), shape (n,), at least two different ones.
    diffusivities
        Diffusivities (cm^2/s), shape (n,), positive.
    intervals
        68 % interval (low, high) of each (cm^2/s), shape (n, 2). A low end of zero is
        taken as symmetric to the high end in ln D.

    Raises
    ------
    TooFewTemperaturesError, NonPositiveDiffusivityError, ArrheniusError
        Fewer than two temperatures, D <= 0, or intervals that do not hold D.

    Examples
    --------
    >>> intervals = [(9e-6, 2e-5), (2e-5, 4e-5), (7e-5, 9e-5)]
    >>> fit = arrhenius([700, 900, 1200], [1e-5, 3e-5, 8e-5], intervals)
    >>> round(fit.D(300) / 1e-8, 1)
    1.3
    """
    T, D, bounds = _checked(temperatures, diffusivities, intervals)
    high = np.log(bounds[:, 1] / D)
    with np.errstate(divide="ignore"):
        low = np.log(D / bounds[:, 0])
    sigma = np.where(np.isfinite(low), (low + high) / 2, high)
    design = np.stack([np.ones_like(T), -1 / (BOLTZMANN * T)], axis=1) / sigma[:, None]
    target = np.log(D) / sigma
    covariance = np.linalg.inv(design.T @ design)
    log_prefactor, energy = covariance @ design.T @ target
    misfit = None
    if len(T) > 2:
        residual = target - design @ np.array([log_prefactor, energy])
        misfit = float(residual @ residual / (len(T) - 2))
        covariance = covariance * max(misfit, 1.0)
    half = float(np.sqrt(covariance[1, 1]))
    return ArrheniusFit(
        activation_energy=float(energy),
        activation_energy_interval=(float(energy) - half, float(energy) + half),
        prefactor=float(np.exp(log_prefactor)),
        temperatures=T,
        covariance=np.asarray(covariance, dtype=float),
        chi_square_per_freedom=misfit,
    )


def _checked(
    temperatures: ArrayLike, diffusivities: ArrayLike, intervals: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    try:
        T = np.atleast_1d(np.asarray(temperatures, dtype=float))
        D = np.atleast_1d(np.asarray(diffusivities, dtype=float))
        bounds = np.asarray(intervals, dtype=float).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise ArrheniusError(
            f"temperatures, diffusivities and intervals must be numbers: {error}",
            field="intervals",
            value=intervals,
            remedy="Give n temperatures, n diffusivities and n pairs (low, high)",
        ) from error
    if T.ndim != 1 or D.shape != T.shape or bounds.shape != (len(T), 2):
        raise ArrheniusError(
            "temperatures, diffusivities and intervals must belong together",
            field="intervals",
            value=f"shapes {T.shape}, {D.shape}, {bounds.shape}",
            remedy="Give n temperatures, n diffusivities and n pairs (low, high)",
        )
    if len(np.unique(T)) < 2:
        raise TooFewTemperaturesError(
            "an activation energy needs at least two different temperatures",
            field="temperatures",
            value=T.tolist(),
            remedy="Run more temperatures, or longer where runs were not diffusive",
        )
    if not (np.isfinite(T).all() and (T > 0).all()):
        raise ArrheniusError(
            "temperatures must be positive",
            field="temperatures",
            value=T.tolist(),
            remedy="Give temperatures in K",
        )
    if not (np.isfinite(D).all() and (D > 0).all()):
        raise NonPositiveDiffusivityError(
            "diffusivities must be positive to have a logarithm",
            field="diffusivities",
            value=D.tolist(),
            remedy="Leave out the runs that are not diffusive",
        )
    holds = (
        (bounds[:, 0] >= 0)
        & (bounds[:, 0] <= D)
        & (bounds[:, 1] >= D)
        & (bounds[:, 1] > bounds[:, 0])
        & (bounds[:, 1] > D)
    )
    if not (np.isfinite(bounds).all() and holds.all()):
        raise ArrheniusError(
            "each interval must be finite, of some width, and hold its diffusivity",
            field="intervals",
            value=bounds.tolist(),
            remedy="Give (low, high) in cm^2/s with low <= D < high",
        )
    return T, D, bounds
