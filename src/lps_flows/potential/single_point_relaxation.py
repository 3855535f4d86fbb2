"""Which point a relaxation by single points asks of the reference next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pymatgen.core import Structure

from lps_flows.foundation import LpsFlowsError
from lps_flows.potential.coordinates import check_relaxable
from lps_flows.potential.errors import PotentialError
from lps_flows.potential.relaxation import BatchPotential
from lps_flows.potential.single_point_record import (
    START_CAUTION,
    WORTH,
    SinglePointResult,
    Standing,
    Trial,
    checked,
)
from lps_flows.potential.single_point_step import Guide
from lps_flows.potential.unknowns import Unknowns

MAX_STRESS = 6.2e-4
"""0.1 GPa in eV/Å^3."""

_FAILURES = 4  # failed evaluations in a row that end a relaxation


class SinglePointRelaxation:
    """A relaxation that says which structure to evaluate next.

    All state is in `trials`: made anew with them, after a kill or in another process,
    it goes on as if it had never stopped.

    Parameters
    ----------
    structure
        Where it starts, best the potential's own minimum. Cell and positions relax.
    potential
        Leads the way; `misfit` says why it cannot.
    fmax
        Largest force on an atom at the end (eV/Å).
    max_stress
        Largest stress component at the end (eV/Å^3; 6.2e-4 is 0.1 GPa, the threshold
        for glasses; 3.1e-4 is 0.05 GPa, for crystals).

    Raises
    ------
    PotentialError
        When a threshold is not positive.
    StructureError
        When the structure is disordered, or not periodic in all directions.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import (
    ...     SinglePointRelaxation, TrainingSettings, train_potential)
    >>> cells = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(cells, [-7, -9, -9, -8], settings).potential
    >>> relaxation = SinglePointRelaxation(cells[1], potential)
    >>> asked = relaxation.propose()
    >>> relaxation.answer(-9.0, [[0.0] * 3] * 12, [[0.0] * 3] * 3)
    >>> len(relaxation.trials), relaxation.result().converged
    (1, True)
    """

    def __init__(
        self,
        structure: Structure,
        potential: BatchPotential | None,
        *,
        fmax: float = 0.02,
        max_stress: float = MAX_STRESS,
        max_evaluations: int = 200,
        trials: Sequence[Trial] = (),
    ) -> None:
        _check(fmax=fmax, max_stress=max_stress, max_evaluations=max_evaluations)
        self.fmax, self.max_stress = fmax, max_stress
        self.max_evaluations = max_evaluations
        self.trials = list(trials)
        check_relaxable(structure, relax_cell=True)
        self._unknowns = Unknowns(structure)
        self._asked: Trial | None = None
        self.misfit = self._look(potential)

    def _look(self, potential: BatchPotential | None) -> str | None:
        if potential is None:
            return "there is no potential"
        try:
            self._guide = Guide(self._unknowns, potential)
        except LpsFlowsError as error:
            return str(error)
        if not self._guide.is_finite:
            return "the potential's Hessian is not finite"
        return None

    def propose(self) -> Structure | None:
        """Return the structure to evaluate next; None when the relaxation has ended.

        Asked again before there is an answer, it returns the same.
        """
        if self._asked is None:
            self._asked = self._next()
        if self._asked is None:
            return None
        return self._unknowns.build(np.array(self._asked.unknowns))

    def answer(self, energy: float, forces: Any, stress: Any) -> None:
        """Take energy (eV), forces (eV/Å) and stress (eV/Å^3) of the structure asked.

        Values that are not finite count as a failure.

        Raises
        ------
        PotentialError
            When they are no numbers, or their shapes are not (N, 3) and (3, 3).
        """
        n_atoms = len(self._unknowns.structure)
        energy, forces, stress = checked((energy, forces, stress), n_atoms)
        if not all(np.isfinite(part).all() for part in (energy, forces, stress)):
            self.fail("energy, forces or stress are not finite")
        else:
            self._take(energy=energy, forces=forces.tolist(), stress=stress.tolist())

    def fail(self, failure: str) -> None:
        """Note that the structure asked could not be evaluated: a shorter step next."""
        self._take(failure=failure)

    def _take(self, **answer: Any) -> None:
        if self._asked is None:
            raise RuntimeError("propose() comes first")
        self.trials.append(Trial(**{**self._asked.model_dump(), **answer}))
        self._asked = None

    def result(self) -> SinglePointResult:
        """Return the end, or the lowest structure so far."""
        standing = self._standing()
        failures = [t.failure for t in self.trials if t.failure is not None]
        remarks = [] if standing.ended else [self._unfinished(standing)]
        if failures:
            remarks.append(
                f"{len(failures)} of {len(self.trials)} evaluations failed, the last: "
                f"{failures[-1]}"
            )
        end = standing.ended or standing.best
        nothing = (self._unknowns.structure.copy(), np.nan, None, None)
        structure, energy, forces, stress = self._values(end) if end else nothing
        return SinglePointResult(
            structure=structure,
            energy=energy,
            converged=standing.ended is not None,
            n_evaluations=len(self.trials),
            reason="; ".join(remarks) or None,
            forces=forces,
            stress=stress,
            evaluated=tuple(self._values(t) for t in self.trials if t.is_answered),
        )

    def _values(self, trial: Trial) -> tuple[Structure, Any, Any, Any]:
        structure = self._unknowns.build(np.array(trial.unknowns))
        return structure, trial.energy, np.array(trial.forces), np.array(trial.stress)

    def _unfinished(self, standing: Standing) -> str:
        if self.misfit is not None:
            return self.misfit
        if standing.failed >= _FAILURES:
            return f"{standing.failed} evaluations in a row failed"
        return f"not converged within {len(self.trials)} evaluations"

    def _standing(self) -> Standing:
        return Standing.after(self.trials, self.fmax, self.max_stress)

    def _next(self) -> Trial | None:
        now = self._standing()
        done = len(self.trials) >= self.max_evaluations or now.failed >= _FAILURES
        probe = now.ended is not None and now.ended is now.best
        if self.misfit is not None or done or (probe and now.probed):
            return None
        if now.best is None:
            return Trial(unknowns=[0.0] * self._unknowns.size)
        answered = [t for t in self.trials if t.is_answered and t is not now.best]
        unknowns, fall = self._guide.lowest(
            [*answered, now.best],
            min(now.caution, START_CAUTION) if probe else now.caution,
            now.reach,
            0.1 * self.fmax,
        )
        if probe and fall < WORTH * len(self._unknowns.structure):
            return None
        return Trial(unknowns=unknowns.tolist(), predicted=fall, probe=probe)


def _check(**positive: float) -> None:
    for name, value in positive.items():
        if not (np.isfinite(value) and value > 0):
            raise PotentialError("must be positive", field=name, value=value)
