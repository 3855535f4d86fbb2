"""The same diffusivity by two established libraries, as a check of ours."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

from lps_flows.analysis.msd import MeanSquaredDisplacement

CM2_PER_S = 0.1


def kinisi_diffusivity(
    curve: MeanSquaredDisplacement, start: float, *, n_samples: int = 400
) -> tuple[float, tuple[float, float]]:
    """Return D and its 68 % interval (cm^2/s) by kinisi's Bayesian regression.

    kinisi models the covariance of the mean-squared displacement from its variances
    and the number of independent windows, and samples slope and intercept; `start` is
    where the diffusive regime begins (fs).
    """
    # imported here: scipp and emcee take a second that other analyses do not need
    import scipp as sc
    from kinisi.diffusion import Diffusion

    first = int(np.searchsorted(curve.lags, start * (1 - 1e-9)))
    data = sc.DataArray(
        data=sc.Variable(
            dims=["time interval"],
            values=curve.values[first:],
            variances=(curve.variances / curve.n_independent)[first:],
            unit="angstrom^2",
        ),
        coords={
            "time interval": sc.array(
                dims=["time interval"], values=curve.lags[first:], unit="fs"
            ),
            "n_samples": sc.array(
                dims=["time interval"], values=curve.n_independent[first:]
            ),
        },
    )
    group = sc.DataGroup({"da": data, "dimensionality": sc.scalar(3)})
    state = np.random.get_state()  # noqa: NPY002 - kinisi seeds the global generator
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        fit = Diffusion(group)
        fit.bayesian_regression(
            start_dt=sc.scalar(float(curve.lags[first]), unit="fs"),
            n_samples=n_samples,
            n_burn=200,
            progress=False,
            random_state=np.random.RandomState(0),
        )
    np.random.set_state(state)  # noqa: NPY002
    low, middle, high = np.percentile(fit.gradient.values, [15.87, 50, 84.13])
    return (
        float(middle) / 6 * CM2_PER_S,
        (float(low) / 6 * CM2_PER_S, float(high) / 6 * CM2_PER_S),
    )


def pymatgen_diffusivity(
    curve: MeanSquaredDisplacement, start: float
) -> tuple[float, float]:
    """Return D and its standard deviation (cm^2/s) by pymatgen-analysis-diffusion.

    A least-squares line weighted by 1/lag; its standard deviation takes the points
    for independent, which those of one trajectory are not, so it is too small.
    """
    from pymatgen.analysis.diffusion.analyzer import get_diffusivity_from_msd

    keep = curve.lags >= start * (1 - 1e-9)
    value, std = get_diffusivity_from_msd(
        curve.values[keep], curve.lags[keep], smoothed="max"
    )
    return float(value), float(std)
