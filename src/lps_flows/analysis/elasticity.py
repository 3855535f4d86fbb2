"""Bulk modulus from energies at several volumes; moduli of an elastic tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.elasticity import Moduli

EV_PER_A3_IN_GPA = 160.21766208


class EOSError(LpsFlowsError):
    """Energies and volumes that give no equation of state."""


class ElasticitySettings(FrozenSettings):
    """Strains and fit of the equation of state.

    Examples
    --------
    >>> ElasticitySettings(max_strain=0.03).n_frames
    7
    """

    max_strain: float = Field(
        0.03, gt=0, lt=0.3, description="Largest linear strain of the cell, each way."
    )
    n_frames: int = Field(7, ge=5, description="Number of volumes.")
    max_relative_error: float = Field(
        0.2,
        gt=0,
        description="Standard error of the bulk modulus over its value beyond which "
        "the fit is not trusted.",
    )


_NO_STRAIN = 1e-3  # atomate2's


class TensorSettings(FrozenSettings):
    """Deformations of the elastic tensor.

    Examples
    --------
    >>> TensorSettings().strains()
    [-0.01, -0.005, 0.005, 0.01]
    """

    max_strain: float = Field(
        0.01, gt=0, lt=0.1, description="Largest strain of each of the six kinds."
    )
    steps: int = Field(2, ge=1, description="Strains of each kind, each way.")
    fmax: float = Field(
        0.002,
        gt=0,
        description="Force threshold of the relaxations (eV/Å): stresses are small.",
    )
    symmetry: float = Field(
        0.01,
        gt=0,
        description="Displacements below this (Å) break no symmetry: strains that are "
        "images of each other are computed once.",
    )

    @model_validator(mode="after")
    def _told_from_none(self) -> Self:
        if self.max_strain / self.steps <= _NO_STRAIN:
            raise ValueError(
                f"max_strain over steps must be above {_NO_STRAIN:g}, below which a "
                "strain counts as none: give a larger max_strain or fewer steps"
            )
        return self

    def strains(self) -> list[float]:
        """Return the strains, without zero."""
        half = [self.max_strain * (k + 1) / self.steps for k in range(self.steps)]
        return [-strain for strain in reversed(half)] + half


def moduli(tensor: ArrayLike) -> tuple[Moduli | None, float]:
    """Return the moduli of an elastic tensor, and its lowest eigenvalue (GPa).

    Parameters
    ----------
    tensor
        Elastic constants (GPa), shape (6, 6), Voigt's notation.

    Returns
    -------
    tuple
        No moduli where the lowest eigenvalue, of Kelvin's matrix, is not positive: the
        averages have no meaning then.

    Examples
    --------
    >>> isotropic = np.full((3, 3), 20.0) + np.diag([40.0] * 3)  # lambda, 2 mu
    >>> tensor = np.block(
    ...     [[isotropic, np.zeros((3, 3))], [np.zeros((3, 3)), np.eye(3) * 20.0]]
    ... )
    >>> found, lowest = moduli(tensor)
    >>> round(found.bulk, 1), round(found.shear, 1), round(lowest, 1)
    (33.3, 20.0, 40.0)
    """
    constants = np.asarray(tensor, dtype=float)
    kelvin = np.sqrt([1.0] * 3 + [2.0] * 3)
    lowest = float(np.linalg.eigvalsh(constants * np.outer(kelvin, kelvin))[0])
    if not lowest > 0:
        return None, lowest
    compliances = np.linalg.inv(constants)
    across, along, turned = _sums(constants)
    voigt = (across + 2 * along) / 9, (across - along + 3 * turned) / 15
    across, along, turned = _sums(compliances)
    reuss = 1 / (across + 2 * along), 15 / (4 * (across - along) + 3 * turned)
    bulk, shear = ((low + high) / 2 for low, high in zip(reuss, voigt, strict=True))
    return Moduli(
        bulk=bulk,
        shear=shear,
        young=9 * bulk * shear / (3 * bulk + shear),
        poisson=(3 * bulk - 2 * shear) / (2 * (3 * bulk + shear)),
        pugh=bulk / shear,
        bounds=(reuss[0], voigt[0], reuss[1], voigt[1]),
    ), lowest


def _sums(matrix: np.ndarray) -> tuple[float, float, float]:
    """Return the sums of a matrix's 11, 12 and 44 terms."""
    return (
        float(np.trace(matrix[:3, :3])),
        float(matrix[0, 1] + matrix[0, 2] + matrix[1, 2]),
        float(np.trace(matrix[3:, 3:])),
    )


@dataclass(frozen=True)
class EOSFit:
    """A fitted third-order Birch-Murnaghan equation of state.

    Examples
    --------
    >>> volumes = np.linspace(95, 105, 7)
    >>> fit_eos(volumes, birch_murnaghan(volumes, -50, 100, 0.125, 4)).bracketed
    True
    """

    bulk_modulus: float
    """B0 at zero pressure (GPa)."""
    bulk_modulus_error: float
    """Standard error of B0 from the fit's covariance (GPa)."""
    pressure_derivative: float
    """B0' (dimensionless)."""
    volume: float
    """Volume at zero pressure (Å^3 per cell)."""
    energy: float
    """Energy at that volume (eV per cell)."""
    rmse: float
    """Root mean square residual (eV per cell)."""
    bracketed: bool
    """True when the volume lies inside the range that was computed."""


def birch_murnaghan(
    volume: np.ndarray, e0: float, v0: float, b0: float, b1: float
) -> np.ndarray:
    """Return the third-order Birch-Murnaghan energy.

    E = E0 + 9 V0 B0/16 [ (n - 1)^3 B0' + (n - 1)^2 (6 - 4 n) ] with n = (V0/V)^(2/3);
    F. Birch, Phys. Rev. 71, 809 (1947).

    Parameters
    ----------
    volume
        Volumes (Å^3).
    e0, v0, b0, b1
        Energy (eV), volume (Å^3), bulk modulus (eV/Å^3) and its pressure derivative
        at zero pressure.
    """
    eta = (v0 / volume) ** (2.0 / 3.0)
    return e0 + 9.0 * v0 * b0 / 16.0 * (
        (eta - 1.0) ** 3 * b1 + (eta - 1.0) ** 2 * (6.0 - 4.0 * eta)
    )


def fit_eos(volumes: Sequence[float], energies: Sequence[float]) -> EOSFit:
    """Fit the third-order Birch-Murnaghan equation of state.

    Parameters
    ----------
    volumes
        Volumes (Å^3 per cell), at least five different ones.
    energies
        Energies (eV per cell).

    Raises
    ------
    EOSError
        With too few volumes, values that are not finite, or energies that have no
        minimum.

    Examples
    --------
    >>> volumes = np.linspace(95, 105, 7)
    >>> fit = fit_eos(volumes, birch_murnaghan(volumes, -50, 100, 0.125, 4))
    >>> round(fit.bulk_modulus, 2), round(fit.volume, 2)
    (20.03, 100.0)
    """
    v, e = np.asarray(volumes, dtype=float), np.asarray(energies, dtype=float)
    if v.shape != e.shape or len(np.unique(v)) < 5:
        raise EOSError(
            "an equation of state needs at least five different volumes, each with "
            "its energy",
            field="volumes",
            value=v.tolist(),
            remedy="compute more volumes",
        )
    if not (np.isfinite(v).all() and np.isfinite(e).all() and (v > 0).all()):
        raise EOSError(
            "volumes and energies must be finite",
            field="energies",
            value=e.tolist(),
            remedy="drop the failed frames",
        )
    curvature, slope, offset = np.polyfit(v - v.mean(), e, 2)
    if curvature <= 0:
        raise EOSError(
            "the energies have no minimum over these volumes",
            field="energies",
            value=e.tolist(),
            remedy="relax the structure first, or check the calculations",
        )
    v_start = v.mean() - slope / (2 * curvature)
    start = (
        offset - slope**2 / (4 * curvature),
        v_start if v_start > 0 else v.mean(),
        2 * curvature * v.mean(),
        4.0,
    )
    try:
        parameters, covariance = scipy.optimize.curve_fit(
            birch_murnaghan, v, e, p0=start, maxfev=20_000
        )
    except RuntimeError as exc:
        raise EOSError(
            f"the fit did not converge: {exc}",
            field="energies",
            value=e.tolist(),
            remedy="check for outliers among the frames",
        ) from exc
    e0, v0, b0, b1 = parameters
    if b0 <= 0:
        raise EOSError(
            "the fitted bulk modulus is negative",
            field="energies",
            value=e.tolist(),
            remedy="relax the structure first, or check the calculations",
        )
    residuals = e - birch_murnaghan(v, *parameters)
    return EOSFit(
        bulk_modulus=float(b0 * EV_PER_A3_IN_GPA),
        bulk_modulus_error=float(np.sqrt(covariance[2, 2]) * EV_PER_A3_IN_GPA),
        pressure_derivative=float(b1),
        volume=float(v0),
        energy=float(e0),
        rmse=float(np.sqrt(np.mean(residuals**2))),
        bracketed=bool(v.min() < v0 < v.max()),
    )
