"""The next point of a relaxation by single points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from lps_flows.foundation import LpsFlowsError
from lps_flows.potential.difference import DifferenceModel
from lps_flows.potential.single_point_record import Trial
from lps_flows.potential.unknowns import Unknowns, moves

_SOFTEST = 0.3  # eV/Å^2; curvatures below count as this
_WALL = 20.0  # eV/Å^2; what holds an atom within reach
_SKIN = 0.5  # Å
_FAR = 10.0  # times the reach, where nothing is evaluated: a cell there may be flat


class Guide:
    """The potential, and the metric that its curvature makes of the unknowns.

    Parameters
    ----------
    potential
        Evaluates a list of structures, such as `ANNPotential`.

    Raises
    ------
    LpsFlowsError
        When the potential cannot evaluate the structure.
    """

    def __init__(self, unknowns: Unknowns, potential: Any) -> None:
        self.unknowns, self.potential = unknowns, potential
        hessian = unknowns.hessian(potential)
        self.is_finite = bool(np.isfinite(hessian).all())
        if self.is_finite:
            curvature, axes = np.linalg.eigh(hessian)
            root = np.sqrt(np.maximum(np.abs(curvature), _SOFTEST))
            self._to_scaled, self._from_scaled = (axes * root).T, axes / root

    def lowest(
        self, answered: Sequence[Trial], caution: float, reach: float, gradient: float
    ) -> tuple[np.ndarray, float]:
        """Minimise potential, expected difference and caution times its uncertainty.

        Parameters
        ----------
        answered
            Points with their reference values; the last one is where to go on from.
        reach
            Farthest move of an atom from there (Å).
        gradient
            Where the minimisation may stop (eV/Å).

        Returns
        -------
        unknowns
            (3 N + 6) of the lowest point (Å).
        float
            Fall of the energy expected (eV).
        """
        surface = _Surface(self.unknowns, self.potential)
        points = np.array([trial.unknowns for trial in answered])
        energies, gradients = np.empty(len(points)), np.empty_like(points)
        for k, (trial, u) in enumerate(zip(answered, points, strict=True)):
            energy, slope = surface(u)
            forces, stress = np.array(trial.forces), np.array(trial.stress)
            gradients[k] = self.unknowns.gradient(u, forces, stress) - slope
            energies[k] = trial.energy - energy
        model = DifferenceModel(
            points @ self._to_scaled.T, energies, gradients @ self._from_scaled
        )
        origin, base = points[-1], surface(points[-1])[0]

        def total(z: np.ndarray) -> tuple[float, np.ndarray]:
            move = self._from_scaled @ z
            if moves(move).max() > _FAR * reach:
                return 1e6, 1e3 * z
            try:
                energy, slope = surface(origin + move)
            except LpsFlowsError:  # atoms on top of each other
                return 1e6, 1e3 * z
            mean, steeper = model.mean(model.centre + z)
            spread, wider = model.spread(model.centre + z)
            wall, push = _wall(move, reach)
            return (
                energy - base + mean + caution * spread + wall,
                (slope + push) @ self._from_scaled + steeper + caution * wider,
            )

        minimum = scipy.optimize.minimize(
            total,
            np.zeros(self.unknowns.size),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 100, "maxcor": 25, "gtol": gradient},
        )
        u = origin + self._from_scaled @ minimum.x
        expected = surface(u)[0] - base + model.mean(model.centre + minimum.x)[0]
        return u, -float(expected)


class _Surface:
    """The potential's energy (eV) and gradient (eV/Å) in the unknowns."""

    def __init__(self, unknowns: Unknowns, potential: Any) -> None:
        self._unknowns = unknowns
        make = getattr(potential, "evaluator", None)
        # a list of its own, so that a restart finds the same last digit
        self._potential = potential if make is None else make(skin=_SKIN)

    def __call__(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        (result,) = self._potential.evaluate([self._unknowns.place(u)])
        return result.energy, self._unknowns.gradient(u, result.forces, result.stress)


def _wall(step: np.ndarray, reach: float) -> tuple[float, np.ndarray]:
    """Return energy and gradient of what holds every atom within reach (Å)."""
    length = moves(step)
    over = np.maximum(length - reach, 0.0)
    pull = _WALL * over / np.maximum(length, 1e-12)
    return float(0.5 * _WALL * (over**2).sum()), np.repeat(pull, 3) * step
