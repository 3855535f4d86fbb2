"""Settings of a relaxation, and what it returns for each structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.foundation import FrozenSettings

Failure = Literal["minimum distance", "exploded", "not finite"]


class RelaxationSettings(FrozenSettings):
    """How structures are relaxed on a potential.

    Examples
    --------
    >>> from lps_flows.potential import RelaxationSettings
    >>> RelaxationSettings(relax_cell=False, max_force=0.01).optimizer
    'lbfgs'
    """

    optimizer: Literal["lbfgs", "fire"] = Field(
        "lbfgs", description="ASE's optimiser: lbfgs is faster, fire more robust."
    )
    relax_cell: bool = Field(True, description="Whether the cell relaxes too.")
    max_force: float = Field(
        0.05, gt=0, description="Converged below this force on every atom (eV/Å)."
    )
    max_stress: float = Field(
        0.001,
        gt=0,
        description="Converged below this stress component where the cell relaxes "
        "(eV/Å^3; 0.001 is 0.16 GPa).",
    )
    max_steps: int = Field(
        200, ge=0, description="Steps per structure; 0 evaluates without moving."
    )
    max_step: float = Field(
        0.2, gt=0, le=1, description="Longest move of an atom in one step (Å)."
    )
    min_distance: float = Field(
        0.65,
        ge=0,
        le=1,
        description="Two atoms closer than this fraction of the sum of their covalent "
        "radii make a structure invalid.",
    )
    max_volume_change: float = Field(
        0.5,
        gt=0,
        description="A volume that changes by more than this fraction has exploded.",
    )
    explosion_force: float = Field(
        200.0, gt=0, description="A force above this (eV/Å) has exploded."
    )


@dataclass(frozen=True)
class RelaxationResult:
    """What became of one structure.

    Parameters
    ----------
    structure
        The relaxed structure; where the relaxation failed, the last valid one.
    energy
        Total energy (eV), NaN when nothing could be evaluated.
    forces
        (n_atoms, 3) (eV/Å), None when nothing could be evaluated.
    stress
        (3, 3), positive under tension (eV/Å^3), or None.
    energy_std
        Committee standard deviation (eV/atom), None without a committee.
    converged
        Whether forces (and stress) are below the thresholds.
    failure
        Why the structure is unusable, or None.
    atomic_energies
        (n_atoms) share of each atom in the energy (eV), None where the potential
        gives none.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import RelaxationResult
    >>> RelaxationResult(crystal("Li2S"), -48.0, failure="exploded").failure
    'exploded'
    """

    structure: Structure
    energy: float
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    energy_std: float | None = None
    converged: bool = True
    n_steps: int = 0
    failure: Failure | None = None
    atomic_energies: np.ndarray | None = None
