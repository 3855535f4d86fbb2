"""What a relaxation by single points has asked, and where that leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pymatgen.core import Structure

from lps_flows.potential.errors import PotentialError
from lps_flows.potential.unknowns import moves

WORTH = 5e-5  # eV/atom; a fall not worth another evaluation
START_CAUTION = 0.5
_LEAST_CAUTION, _MOST_CAUTION = 0.1, 20.0
_TRUSTED = 0.5  # share of the predicted fall above which caution falls
_SHOWN = 80  # characters of an answer that cannot be read
_REACH = 0.3  # Å; farthest move of an atom from the lowest point so far


class Trial(BaseModel):
    """A point asked of the reference, and the answer: the state of a relaxation.

    Examples
    --------
    >>> from lps_flows.potential import Trial
    >>> Trial(unknowns=[0.0] * 9, failure="not converged").is_answered
    False
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unknowns: list[float] = Field(
        description="Displacements and strain from the start (Å), see `Unknowns`."
    )
    predicted: float = Field(0.0, description="Fall of the energy expected (eV).")
    probe: bool = Field(
        False, description="Whether it looks for a way on below the thresholds."
    )
    energy: float = Field(0.0, description="Total energy (eV); 0 where it failed.")
    forces: list[list[float]] = Field(
        [], description="(N, 3) (eV/Å); empty where it failed."
    )
    stress: list[list[float]] = Field(
        [], description="(3, 3), positive under tension (eV/Å^3); empty likewise."
    )
    failure: str | None = Field(None, description="Why there is no answer.")

    @property
    def is_answered(self) -> bool:
        """Whether the reference gave energy, forces and stress."""
        return self.failure is None

    def is_below(self, fmax: float, max_stress: float) -> bool:
        """Tell whether forces (eV/Å) and stress (eV/Å^3) are below the thresholds."""
        largest = np.linalg.norm(self.forces, axis=1).max()
        return bool(largest < fmax and np.abs(self.stress).max() < max_stress)


def checked(answer: Any, n_atoms: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return what a reference answers as numbers, which may not be finite.

    Parameters
    ----------
    answer
        Energy, forces and stress, as `relax_by_single_points` asks for them.

    Raises
    ------
    PotentialError
        When they are not three, no numbers, or of other shapes.
    """
    try:
        energy, forces, stress = answer
        number = float(energy)
        parts = np.asarray(forces, float), np.asarray(stress, float)
    except (TypeError, ValueError) as error:
        raise PotentialError(
            "the answer is not an energy, forces and stress",
            field="evaluate",
            value=str(answer)[:_SHOWN],
            remedy=f"Return a number, ({n_atoms}, 3) and (3, 3) numbers",
        ) from error
    shapes = (n_atoms, 3), (3, 3)
    if (parts[0].shape, parts[1].shape) != shapes:
        raise PotentialError(
            f"the shapes of forces and stress must be {shapes}",
            field="evaluate",
            value=(parts[0].shape, parts[1].shape),
            remedy="Return forces by atom and the stress as a matrix, not as Voigt's "
            "six components",
        )
    return number, *parts


@dataclass(frozen=True)
class SinglePointResult:
    """Where a relaxation by single points ended.

    Parameters
    ----------
    structure
        The relaxed structure; the lowest one where it did not converge.
    energy
        Its total energy (eV), NaN when nothing could be evaluated.
    converged
        Whether its forces and stress are below the thresholds.
    n_evaluations
        Reference evaluations asked for, failed ones included.
    reason
        Why it did not converge, why the potential did not lead it, and which
        evaluations failed; None when there is nothing to say.
    forces, stress
        (N, 3) (eV/Å) and (3, 3) (eV/Å^3) of that structure.
    evaluated
        Every structure that was answered, with energy, forces and stress: labels.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import SinglePointResult
    >>> SinglePointResult(crystal("Li2S"), -48.0, True, 7).reason is None
    True
    """

    structure: Structure
    energy: float
    converged: bool
    n_evaluations: int
    reason: str | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    evaluated: tuple[tuple[Structure, float, np.ndarray, np.ndarray], ...] = ()


@dataclass
class Standing:
    """What the trials so far amount to.

    Parameters
    ----------
    best
        The lowest one; None before the first answer.
    ended
        The lowest one below both thresholds, or None.
    caution
        Weight of the uncertainty in the next step.
    reach
        Farthest move of an atom in it (Å).
    failed
        Failures since the last answer.
    probed
        Whether a probe has just found no way on.
    """

    best: Trial | None = None
    ended: Trial | None = None
    caution: float = START_CAUTION
    reach: float = _REACH
    failed: int = 0
    probed: bool = False

    @classmethod
    def after(cls, trials: Sequence[Trial], fmax: float, max_stress: float) -> Self:
        """Go through the trials in their order.

        Parameters
        ----------
        fmax, max_stress
            Thresholds (eV/Å, eV/Å^3).
        """
        now = cls()
        for trial in trials:
            if not trial.is_answered:
                now._shorten(trial)
            else:
                now._learn(trial)
                if trial.is_below(fmax, max_stress) and (
                    now.ended is None or trial.energy < now.ended.energy
                ):
                    now.ended = trial
        return now

    def _shorten(self, trial: Trial) -> None:
        self.failed += 1
        if self.best is not None:
            move = np.subtract(trial.unknowns, self.best.unknowns)
            self.reach = 0.5 * min(self.reach, moves(move).max())

    def _learn(self, trial: Trial) -> None:
        self.failed, self.reach = 0, _REACH
        fall = np.inf if self.best is None else self.best.energy - trial.energy
        worth = WORTH * len(trial.forces)
        self.probed = trial.probe and fall < worth
        if self.best is not None and not trial.probe:
            if fall < 0:
                self.caution = min(2.0 * self.caution, _MOST_CAUTION)
            elif fall > _TRUSTED * trial.predicted:
                self.caution = max(0.5 * self.caution, _LEAST_CAUTION)
        # an energy's last digits do not make a structure worse
        if fall > -0.02 * worth:
            self.best = trial
