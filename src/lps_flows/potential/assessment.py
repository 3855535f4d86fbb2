"""Errors of a potential against reference values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lps_flows.chemistry import AnyStructure
from lps_flows.potential.error_report import ErrorReport
from lps_flows.potential.model import ANNPotential


@dataclass(frozen=True)
class Misses:
    """What a potential gets wrong, structure by structure.

    Errors of the energy per atom (eV/atom), and of the force components (eV/Å), empty
    where no forces are known.
    """

    energies: np.ndarray
    forces: list[np.ndarray]

    @classmethod
    def of(
        cls,
        potential: ANNPotential,
        structures: Sequence[AnyStructure],
        energies: Sequence[float] | np.ndarray,
        forces: Sequence[Any] | None = None,
    ) -> Misses:
        """Evaluate the potential; see `assess`."""
        known = [None] * len(structures) if forces is None else forces
        results = potential.evaluate(
            list(structures), forces=forces is not None, stress=False
        )
        return cls(
            np.array(
                [
                    (result.energy - energy) / len(result.atomic_energies)
                    for result, energy in zip(results, energies, strict=True)
                ]
            ),
            [
                np.empty(0) if f is None else (result.forces - np.array(f)).ravel()
                for result, f in zip(results, known, strict=True)
            ],
        )

    def over(self, chosen: Sequence[int]) -> ErrorReport:
        """Summarise the errors of these structures."""
        return ErrorReport.of(
            self.energies[list(chosen)],
            np.concatenate([self.forces[k] for k in chosen]),
        )

    def by(self, labels: Sequence[Hashable]) -> dict[str, ErrorReport]:
        """Summarise the errors of each label's structures."""
        members: dict[Hashable, list[int]] = {}
        for k, label in enumerate(labels):
            members.setdefault(label, []).append(k)
        return {str(label): self.over(chosen) for label, chosen in members.items()}


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
    structures, energies, forces
        Reference set: total energies (eV), forces (eV/Å; an entry may be None).
    labels
        One per structure (source, composition); a report is made for each.

    Returns
    -------
    dict
        ``"all"`` and each label, as text, to its report.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import TrainingSettings, assess, train_potential
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(structures, [-7, -9, -9, -8], settings).potential
    >>> reports = assess(potential, structures, [-7, -9, -9, -8], labels="aabb")
    >>> list(reports), reports["b"].n_structures
    (['all', 'a', 'b'], 2)
    """
    misses = Misses.of(potential, structures, energies, forces)
    return {"all": misses.over(range(len(structures))), **misses.by(labels or ())}
