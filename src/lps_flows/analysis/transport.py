"""From diffusivities at several temperatures to a conductivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lps_flows.analysis.arrhenius import ArrheniusError, ArrheniusFit, arrhenius
from lps_flows.analysis.conductivity import nernst_einstein


@dataclass(frozen=True)
class TransportResult:
    """Arrhenius line and conductivities.

    Attributes
    ----------
    fit
        The line, None when there is none.
    conductivity, conductivity_interval
        Nernst-Einstein conductivity at the reference temperature and its 68 %
        interval (S/cm).
    conductivities
        Conductivity at each temperature (S/cm), by temperature in K.
    """

    fit: ArrheniusFit | None
    conductivity: float | None = None
    conductivity_interval: tuple[float, float] | None = None
    conductivities: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def pooled_ratio(
    ratios: Sequence[tuple[float, tuple[float, float]]],
) -> tuple[float, tuple[float, float]] | None:
    """Return the weighted geometric mean of positive numbers, with its 68 % interval.

    Intervals narrower than the numbers' own scatter are widened to it.

    Examples
    --------
    >>> mean, (low, high) = pooled_ratio([(0.5, (0.4, 0.625)), (0.5, (0.4, 0.625))])
    >>> round(mean, 2), round(low, 2), round(high, 2)
    (0.5, 0.43, 0.59)
    """
    if not ratios:
        return None
    logs = np.log([ratio for ratio, _ in ratios])
    errors = 0.5 * np.diff(np.log([interval for _, interval in ratios]), axis=1)[:, 0]
    weights = errors**-2 / (errors**-2).sum()
    mean = float(weights @ logs)
    error = float((errors**-2).sum() ** -0.5)
    if len(ratios) > 1:
        chi_square = float((((logs - mean) / errors) ** 2).sum() / (len(ratios) - 1))
        error *= max(chi_square, 1.0) ** 0.5
    low, middle, high = np.exp([mean - error, mean, mean + error])
    return float(middle), (float(low), float(high))


def summarise_transport(
    diffusivities: Sequence[tuple[float, float, tuple[float, float]]],
    *,
    number_density: float,
    charge: float,
    reference_temperature: float,
    densities: Mapping[float, float] | None = None,
) -> TransportResult:
    """Fit usable diffusivities and extrapolate the conductivity.

    Parameters
    ----------
    diffusivities
        (temperature in K, D in cm^2/s, its 68 % interval) of the diffusive runs.
    number_density
        Mobile ions per volume at the reference temperature (Å^-3).
    charge
        Charge of an ion (elementary charges).
    reference_temperature
        Temperature of the reported conductivity (K).
    densities
        Mobile ions per volume in the cells of the runs, by temperature, where these
        are others (Å^-3).
    """
    known = densities or {}

    def sigma(D: float, T: float) -> float:
        return nernst_einstein(D, known.get(T, number_density), charge, T)

    at = {T: [D for t, D, _ in diffusivities if t == T] for T, _, _ in diffusivities}
    measured = {f"{T:g}": sigma(float(np.mean(Ds)), T) for T, Ds in at.items()}
    try:
        fit = arrhenius(
            [T for T, _, _ in diffusivities],
            [D for _, D, _ in diffusivities],
            np.reshape([interval for _, _, interval in diffusivities], (-1, 2)),
        )
    except ArrheniusError as error:
        return TransportResult(
            None, conductivities=measured, warnings=(f"no Arrhenius line: {error}",)
        )
    warnings = []
    far = fit.extrapolation_warning(reference_temperature)
    if far is not None:
        warnings.append(far)
    if len(at) == 2:
        warnings.append("two temperatures: the fit of the line cannot be judged")
    if fit.activation_energy <= 0:
        warnings.append(
            f"the activation energy is {fit.activation_energy:.3f} eV: D does not rise "
            "with temperature, so the extrapolation means nothing"
        )
    misfit = fit.chi_square_per_freedom
    if misfit is not None and misfit > 1:
        warnings.append(
            f"the Arrhenius line misses its points (chi-square {misfit:.1f} per "
            "degree of freedom); intervals are widened accordingly"
        )
    low, high = fit.D_interval(reference_temperature)
    return TransportResult(
        fit,
        conductivity=sigma(fit.D(reference_temperature), reference_temperature),
        conductivity_interval=(
            sigma(low, reference_temperature),
            sigma(high, reference_temperature),
        ),
        conductivities=measured,
        warnings=tuple(warnings),
    )
