"""Relaxing by single points of a reference method, led by the potential.

The potential knows most of the surface. What the reference says beyond it is learnt
from the points asked so far (`DifferenceModel`, in coordinates scaled by the
potential's own curvature), and the next point is the lowest of the potential plus
that difference plus a multiple, the caution, of the difference's uncertainty. The
caution falls while predictions hold and doubles where the energy rose instead. At a
point below the thresholds one probe more looks for a way on down, which a soft valley
has. docs/potential.md tells what was tried beside this, and what each costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymatgen.core import Structure

from lps_flows.potential.plain_relaxation import relax_plainly
from lps_flows.potential.relaxation import BatchPotential
from lps_flows.potential.single_point_record import SinglePointResult, checked
from lps_flows.potential.single_point_relaxation import (
    MAX_STRESS,
    SinglePointRelaxation,
)

Evaluate = Callable[[Structure], tuple[float, Any, Any]]
"""Energy (eV), forces (N, 3) (eV/Å), stress (3, 3) (eV/Å^3, positive under tension)."""


def relax_by_single_points(
    structure: Structure,
    evaluate: Evaluate,
    potential: BatchPotential | None,
    *,
    fmax: float = 0.02,
    max_stress: float = MAX_STRESS,
    max_evaluations: int = 200,
) -> SinglePointResult:
    """Relax cell and positions on a reference with as few evaluations as can be.

    The potential leads (see this module); where it cannot, because it lacks an element
    or has no finite Hessian, L-BFGS does, and `reason` says so. An evaluation that
    raises or is not finite costs that step only: a shorter one follows.

    Parameters
    ----------
    structure
        Where it starts, best the potential's own minimum.
    evaluate
        Returns energy (eV), forces (N, 3) (eV/Å) and stress (3, 3) (eV/Å^3, positive
        under tension) of a structure by the reference.
    fmax
        Largest force on an atom at the end (eV/Å).
    max_stress
        Largest stress component at the end (eV/Å^3); 6.2e-4 is 0.1 GPa.

    Returns
    -------
    SinglePointResult
        Atoms in their order, site properties kept.

    Raises
    ------
    PotentialError
        When a threshold is not positive, or `evaluate` returns something else, or
        other shapes.
    StructureError
        When the structure is disordered, or not periodic in all directions.

    Examples
    --------
    Against itself a potential needs one evaluation, and one that looks for a way on:

    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import (
    ...     TrainingSettings, relax_batch, relax_by_single_points, train_potential)
    >>> cells = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(cells, [-7, -9, -9, -8], settings).potential
    >>> def evaluate(structure):
    ...     found = potential.evaluate(structure)
    ...     return found.energy, found.forces, found.stress
    >>> result = relax_by_single_points(
    ...     cells[2], evaluate, potential, max_evaluations=3)
    >>> result.n_evaluations <= 3
    True
    """
    relaxation = SinglePointRelaxation(
        structure,
        potential,
        fmax=fmax,
        max_stress=max_stress,
        max_evaluations=max_evaluations,
    )
    if relaxation.misfit is not None:
        return relax_plainly(
            structure,
            evaluate,
            fmax=fmax,
            max_stress=max_stress,
            max_evaluations=max_evaluations,
            why=relaxation.misfit,
        )
    while (candidate := relaxation.propose()) is not None:
        try:
            answer = evaluate(candidate)
        except Exception as error:
            relaxation.fail(f"{type(error).__name__}: {error}")
        else:
            relaxation.answer(*checked(answer, len(structure)))
    return relaxation.result()
