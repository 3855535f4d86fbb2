"""Relaxing one structure on a reference method that no potential leads."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from ase import Atoms
from pymatgen.core import Lattice, Structure

from lps_flows.potential.relaxation import relax_batch
from lps_flows.potential.relaxation_settings import RelaxationSettings
from lps_flows.potential.single_point_record import SinglePointResult, checked

_FAILURES = 4  # in a row


class _AsPotential:
    """A function of one structure as what `relax_batch` evaluates lists on.

    A failed evaluation comes back as not a number, which ends the batch's run.
    """

    def __init__(self, structure: Structure, function: Callable[..., Any]) -> None:
        self._source, self._function = structure, function
        self.n_calls, self.n_failed_in_a_row = 0, 0
        self.failures: list[str] = []
        self.evaluated: list[tuple[Structure, float, np.ndarray, np.ndarray]] = []

    def evaluate(
        self,
        structures: list[Atoms],
        forces: bool = True,  # noqa: ARG002 - the protocol's
        stress: bool = True,  # noqa: ARG002
        committee: bool = False,  # noqa: ARG002
    ) -> list[Any]:
        """Evaluate the structures one by one."""
        return [self._one(atoms) for atoms in structures]

    def _one(self, atoms: Atoms) -> Any:
        structure = Structure(
            Lattice(atoms.cell.array),
            self._source.species,
            atoms.positions,
            coords_are_cartesian=True,
            site_properties=self._source.site_properties,
            properties=self._source.properties,
        )
        self.n_calls += 1
        try:
            answer = self._function(structure)
        except Exception as error:
            return self._failed(f"{type(error).__name__}: {error}")
        energy, forces, stress = checked(answer, len(structure))
        if not all(np.isfinite(part).all() for part in (energy, forces, stress)):
            return self._failed("energy, forces or stress are not finite")
        self.n_failed_in_a_row = 0
        self.evaluated.append((structure, energy, forces, stress))
        return SimpleNamespace(energy=energy, forces=forces, stress=stress)

    def _failed(self, failure: str) -> Any:
        self.failures.append(failure)
        self.n_failed_in_a_row += 1
        nothing = np.full((len(self._source), 3), np.nan)
        return SimpleNamespace(energy=np.nan, forces=nothing, stress=None)


def relax_plainly(
    structure: Structure,
    evaluate: Callable[..., Any],
    *,
    fmax: float,
    max_stress: float,
    max_evaluations: int,
    why: str,
) -> SinglePointResult:
    """Relax by L-BFGS; after a failure anew, and so by a short step, from the lowest.

    Parameters
    ----------
    structure, evaluate, fmax, max_stress, max_evaluations
        See `relax_by_single_points`.
    why
        Why no potential leads; it opens the result's reason.
    """
    reference = _AsPotential(structure, evaluate)
    end = structure
    while True:
        (relaxed,) = relax_batch(
            [end],
            reference,
            RelaxationSettings(
                max_force=fmax,
                max_stress=max_stress,
                max_steps=max_evaluations - reference.n_calls - 1,
                min_distance=0.0,
            ),
        )
        end = relaxed.structure
        if (
            relaxed.failure is None
            or not reference.n_failed_in_a_row
            or reference.n_failed_in_a_row >= _FAILURES
            or reference.n_calls >= max_evaluations
        ):
            break
    remarks = [f"relaxed by L-BFGS, not led by the potential: {why}"]
    if not relaxed.converged:
        stopped = f"not converged within {reference.n_calls} evaluations"
        remarks.append(relaxed.failure or stopped)
    if reference.failures:
        remarks.append(
            f"{len(reference.failures)} of {reference.n_calls} evaluations failed, the "
            f"last: {reference.failures[-1]}"
        )
    lowest = (end, relaxed.energy, relaxed.forces, relaxed.stress)
    if relaxed.forces is None and reference.evaluated:
        # begun anew, it got no answer; there were some before
        lowest = min(reference.evaluated, key=lambda answered: answered[1])
    end, energy, forces, stress = lowest
    return SinglePointResult(
        structure=end,
        energy=energy,
        converged=relaxed.converged,
        n_evaluations=reference.n_calls,
        reason="; ".join(remarks),
        forces=forces,
        stress=stress,
        evaluated=tuple(reference.evaluated),
    )
