"""Errors of a potential against reference values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lps_flows.potential.geometry import AnyStructure, element_symbols
from lps_flows.potential.model import ANNPotential


@dataclass(frozen=True)
class ErrorReport:
    """Errors over a set of structures.

    Parameters
    ----------
    rmse, mae, max
        Of the energy per atom (meV/atom).
    n_structures
        Structures counted.
    force_rmse, force_mae, force_max
        Of the force components (eV/Å), where reference forces were given.
    """

    rmse: float
    mae: float
    max: float
    n_structures: int
    force_rmse: float | None = None
    force_mae: float | None = None
    force_max: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-safe dictionary."""
        return asdict(self)

    @classmethod
    def of(
        cls, energy_errors: np.ndarray, force_errors: np.ndarray | None = None
    ) -> ErrorReport:
        """Summarise energy errors (eV/atom) and force errors (eV/Å)."""
        e = 1000.0 * np.abs(energy_errors)
        f: tuple[float | None, ...] = (None, None, None)
        if force_errors is not None and force_errors.size:
            g = np.abs(force_errors)
            f = (float(np.sqrt((g**2).mean())), float(g.mean()), float(g.max()))
        return cls(
            float(np.sqrt((e**2).mean())),
            float(e.mean()),
            float(e.max()),
            len(e),
            *f,
        )


def composition_of(structure: AnyStructure) -> str:
    """Return the formula of the cell, elements in alphabetical order."""
    symbols = element_symbols(structure)
    return "".join(f"{e}{symbols.count(e)}" for e in sorted(set(symbols)))


def assess(
    potential: ANNPotential,
    structures: Sequence[AnyStructure],
    energies: Sequence[float] | np.ndarray,
    forces: Sequence[Any] | None = None,
    labels: Sequence[Hashable] | None = None,
) -> dict[str, ErrorReport]:
    """Compare a potential with reference energies and forces.

    Parameters
    ----------
    potential
        The potential.
    structures, energies, forces
        Reference set: total energies (eV), forces (eV/Å; an entry may be None).
    labels
        One per structure (source, composition); a report is made for each.

    Returns
    -------
    dict
        ``"all"`` and each label, as text, to its report.
    """
    want_forces = forces is not None
    results = potential.evaluate(list(structures), forces=want_forces, stress=False)
    misses, pulls = [], []
    for k, result in enumerate(results):
        misses.append((result.energy - energies[k]) / len(result.atomic_energies))
        known = forces[k] if forces is not None else None
        pulls.append(
            np.empty(0) if known is None else (result.forces - np.array(known)).ravel()
        )
    reports = {"all": ErrorReport.of(np.array(misses), np.concatenate(pulls))}
    if labels is not None:
        for label in dict.fromkeys(labels):
            mine = [k for k, other in enumerate(labels) if other == label]
            reports[str(label)] = ErrorReport.of(
                np.array([misses[k] for k in mine]),
                np.concatenate([pulls[k] for k in mine]),
            )
    return reports
