"""Scaling between raw features and network inputs, network outputs and energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lps_flows.potential.errors import PotentialError, check_numbers

SWITCHED_OFF = 1e-10
"""Features with a standard deviation of at most this are switched off, as in ænet."""

_SMALLEST_SCALE = 1e-10


@dataclass(frozen=True)
class Normalisation:
    """Feature statistics per central element, and the energy scale.

    E_i = net((g - mean) / std) / energy_scale + energy_shift + E_atom(element).

    Parameters
    ----------
    mean, mean_square, minimum, maximum
        (n_elements, n_features) statistics of the raw features over the training part.
    n_atoms
        (n_elements) atoms the statistics were taken over.
    atomic_energies
        (n_elements) reference energies (eV).
    energy_scale
        2 / (Emax - Emin) of the cohesive energies per atom (1/eV).
    energy_shift
        (Emax + Emin) / 2 (eV/atom).
    """

    mean: np.ndarray
    mean_square: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    n_atoms: np.ndarray
    atomic_energies: np.ndarray
    energy_scale: float
    energy_shift: float

    def __post_init__(self) -> None:
        shape = self.mean.shape
        for name in ("mean", "mean_square", "minimum", "maximum"):
            value = getattr(self, name)
            if value.ndim != 2 or value.shape != shape:
                raise PotentialError(
                    f"must be of shape {shape}", field=name, value=value.shape
                )
            check_numbers(name, value)
        if self.atomic_energies.shape != shape[:1] or self.n_atoms.shape != shape[:1]:
            raise PotentialError(
                "needs one value per element",
                field="atomic_energies",
                value=self.atomic_energies.shape,
            )
        check_numbers("atomic_energies", self.atomic_energies)
        check_numbers("energy_shift", self.energy_shift)
        check_numbers("energy_scale", self.energy_scale)
        if abs(self.energy_scale) < _SMALLEST_SCALE:
            raise PotentialError(
                "the energy scale must not be zero",
                field="energy_scale",
                value=self.energy_scale,
            )

    @cached_property
    def std(self) -> np.ndarray:
        """(n_elements, n_features) population standard deviation."""
        return np.sqrt(np.maximum(self.mean_square - self.mean**2, 0.0))

    @cached_property
    def inverse_std(self) -> np.ndarray:
        """1 / std, zero for features that are switched off."""
        off = self.std <= SWITCHED_OFF
        return np.where(off, 0.0, 1.0 / np.where(off, 1.0, self.std))

    @cached_property
    def offsets(self) -> np.ndarray:
        """(n_elements) energy of an atom whose network says zero (eV)."""
        return self.energy_shift + self.atomic_energies
