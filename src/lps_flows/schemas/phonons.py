"""Vibrations of a structure, and what they do to its place on the hull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lps_flows.schemas.base import Part, StoredStructure
from lps_flows.schemas.built import PropertyResult
from lps_flows.schemas.properties import PropertyDocument

FREE_ENERGY_INDEXES = ("phonon_id", "campaign", "method", "formula_pretty", "parent")


class Vibrations(Part):
    """Harmonic vibrations of one structure.

    Examples
    --------
    >>> Vibrations(
    ...     supercell=(2, 2, 2), gamma_only=False, n_displacements=9,
    ...     lowest_frequency=-2.8, imaginary=0.02, temperatures=[300],
    ...     free_energies=None,
    ... ).stable
    False
    """

    supercell: tuple[int, int, int] = Field(
        description="Cells in the supercell of the force constants."
    )
    gamma_only: bool = Field(
        description="True when modes were counted at Gamma alone, in a large cell."
    )
    n_displacements: int = Field(description="Displaced cells that were computed.")
    lowest_frequency: float = Field(
        description="Lowest frequency (THz); imaginary ones are negative."
    )
    imaginary: float = Field(description="Share of the modes that are imaginary.")
    temperatures: list[float] = Field(description="Temperatures (K).")
    free_energies: list[float] | None = Field(
        description="Vibrational free energy with the zero point (eV/atom) at these; "
        "none with imaginary modes, over which nothing is integrated."
    )

    @property
    def stable(self) -> bool:
        """Whether every mode is real, but for the three translations."""
        return self.free_energies is not None

    def ascending(
        self, energies: Sequence[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the temperatures (K) in ascending order, and energies at these.

        Documents of before have them in any order.

        Parameters
        ----------
        energies
            Energies at `temperatures` (eV/atom).

        Examples
        --------
        >>> turned = Vibrations(
        ...     supercell=(2, 2, 2), gamma_only=False, n_displacements=9,
        ...     lowest_frequency=0.0, imaginary=0.0, temperatures=[600, 300],
        ...     free_energies=[-0.2, -0.1],
        ... )
        >>> turned.ascending([-0.2, -0.1])
        (array([300., 600.]), array([-0.1, -0.2]))
        """
        order = np.argsort(self.temperatures)
        return np.array(self.temperatures)[order], np.asarray(energies)[order]


class FollowedMode(Part):
    """A lower structure that lay along an imaginary mode."""

    frequency: float = Field(description="Lowest frequency (THz) of the one before.")
    energy_change: float = Field(description="Energy from there on (eV/atom).")
    nsites: int = Field(ge=1, description="Atoms in the cell of the lower one.")


class PhononDocument(PropertyDocument):
    """Output of the phonon job of one structure."""

    energy_per_atom: float = Field(
        description="Energy of the undisplaced supercell (eV/atom)."
    )
    vibrations: Vibrations = Field(description="Its vibrations.")
    structure: StoredStructure | None = Field(
        None, description="Whose modes these are; none in documents of before."
    )
    followed: list[FollowedMode] = Field(
        [], description="Imaginary modes that led here from the structure given."
    )


class FreeEnergyDocument(PropertyResult):
    """Free energy of one structure above the hull of those whose modes are known."""

    phonon_id: str = Field(description="Job of the phonons.")
    vibrations: Vibrations = Field(description="Its vibrations.")
    followed: list[FollowedMode] = Field(
        [], description="Imaginary modes that led to it from the relaxed structure."
    )
    energy_per_atom: float = Field(description="Energy without vibrations (eV/atom).")
    energy_above_hull: float | None = Field(
        description="Energy above the hull of the same structures (eV/atom), without "
        "vibrations."
    )
    free_energy_above_hull: list[float] | None = Field(
        description="Free energy above their hull (eV/atom) at the temperatures of "
        "`vibrations`; none with imaginary modes."
    )
    configurational: list[float] | None = Field(
        description="Bound of the configurational free energy (eV/atom) at these: -kT "
        "ln of the sum over the search's own distinct structures, of which there are "
        "more; not part of `free_energy_above_hull`. None for crystals."
    )
    note: str | None = Field(description="Why there is no place on the hull.")
    settings: dict[str, Any] = Field(description="Settings of the analysis.")
