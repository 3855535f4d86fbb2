"""Which structures the committee knows least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lps_flows.chemistry import AnyStructure
from lps_flows.potential.errors import PotentialError
from lps_flows.potential.model import ANNPotential


def committee_uncertainty(
    potential: ANNPotential, structures: Sequence[AnyStructure], by: str = "energy"
) -> np.ndarray:
    """Return the committee's disagreement over each structure.

    Parameters
    ----------
    potential
        With two members or more.
    by
        ``"energy"``: standard deviation of the energy per atom (eV/atom);
        ``"forces"``: the largest norm of an atom's force deviation (eV/Å).

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import (
    ...     TrainingSettings, committee_uncertainty, train_potential)
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(structures, [-7, -9, -9, -8], settings).potential
    >>> committee_uncertainty(potential, [crystal("Li2S")], by="forces").shape
    (1,)
    """
    if by not in ("energy", "forces"):
        raise PotentialError(
            "unknown measure", field="by", value=by, remedy="Use energy or forces"
        )
    if not structures:
        return np.empty(0)
    results = potential.evaluate(
        list(structures), forces=by == "forces", stress=False, committee=True
    )
    return np.array([_measure(result, by) for result in results])


def _measure(result: Any, by: str) -> float:
    if by == "energy":
        return float(result.energy_std)
    return float(np.linalg.norm(result.forces_std, axis=1).max())


def most_uncertain(
    potential: ANNPotential,
    structures: Sequence[AnyStructure],
    n: int,
    *,
    by: str = "energy",
    threshold: float = 0.0,
) -> list[int]:
    """Pick the at most `n` structures to label next, by `committee_uncertainty`.

    Parameters
    ----------
    threshold
        Leave out candidates whose uncertainty is not above it (eV/atom or eV/Å).

    Returns
    -------
    list of int
        Positions in `structures`, the most uncertain first; ties in their order.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import (
    ...     TrainingSettings, most_uncertain, train_potential)
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(structures, [-7, -9, -9, -8], settings).potential
    >>> len(most_uncertain(potential, structures, 2))
    2
    """
    values = committee_uncertainty(potential, structures, by)
    order = np.argsort(-values, kind="stable")
    return [int(k) for k in order[:n] if values[k] > threshold]
