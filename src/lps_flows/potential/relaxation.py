"""Relaxing many structures at once, one batched evaluation per step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from ase import Atoms
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import StructureError, closest_contact
from lps_flows.potential.coordinates import RelaxedCoordinates, check_relaxable
from lps_flows.potential.errors import OverlappingAtomsError
from lps_flows.potential.geometry import FARTHEST
from lps_flows.potential.relaxation_settings import (
    Failure,
    RelaxationResult,
    RelaxationSettings,
)

if TYPE_CHECKING:
    from ase.optimize.optimize import Optimizer

# Reusing neighbour lists over the small steps of a relaxation saves a third of it.
_SKIN = 0.5


class BatchPotential(Protocol):
    """What a relaxation asks of a potential."""

    def evaluate(
        self,
        structures: Any,
        forces: bool = True,
        stress: bool = True,
        committee: bool = False,
    ) -> Any:
        """Return one result per structure (energy, forces, stress, energy_std)."""


@dataclass(frozen=True)
class _Best:
    """The lowest geometry met, and what the potential said of it."""

    positions: np.ndarray
    cell: np.ndarray
    values: dict[str, Any]


@dataclass
class _Run:
    index: int
    source: Structure
    atoms: Atoms
    coordinates: RelaxedCoordinates
    optimizer: Optimizer
    volume: float
    n_steps: int = 0
    converged: bool = False
    failure: Failure | None = None
    energy_std: float | None = None
    best: _Best | None = field(default=None, repr=False)


def relax_batch(
    structures: Sequence[Structure],
    potential: BatchPotential,
    settings: RelaxationSettings | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> list[RelaxationResult]:
    """Relax structures in lock-step, with one batched evaluation per step.

    Every structure has an ASE optimiser of its own, fed with precomputed forces;
    converged ones leave the batch. Nothing a single structure does stops the others.

    Parameters
    ----------
    potential
        Evaluates a list of structures at once, such as `ANNPotential`.
    on_step
        Called after each step with the step number and the structures still moving.

    Raises
    ------
    UnknownElementError
        When the potential does not know an element, before any step.
    StructureError
        When a structure is disordered, or its cell is to relax and it is not periodic
        in all directions; before any step, too.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import (
    ...     RelaxationSettings, TrainingSettings, relax_batch, train_potential)
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(structures, [-7, -9, -9, -8], settings).potential
    >>> results = relax_batch(structures, potential, RelaxationSettings(max_steps=3))
    >>> [result.n_steps <= 3 for result in results]
    [True, True, True, True]
    """
    settings = settings or RelaxationSettings()
    evaluate = _evaluator(potential)
    runs = [_start(index, s, settings) for index, s in enumerate(structures)]
    for run in runs:
        if _too_close(run.atoms, settings.min_distance):
            run.failure = "minimum distance"
    moving = [run for run in runs if run.failure is None]
    for step in range(settings.max_steps + 1):
        if not moving:
            break
        _evaluate(moving, evaluate, settings)
        moving = [run for run in moving if run.failure is None and not run.converged]
        if step == settings.max_steps:
            break
        for run in moving:
            run.optimizer.step()
            run.n_steps += 1
        if on_step is not None:
            on_step(step + 1, len(moving))
    for run in runs:
        if run.failure is None:
            _restore_best(run)
            if _too_close(run.atoms, settings.min_distance):
                run.failure = "minimum distance"
    _add_uncertainty([r for r in runs if r.failure is None], potential)
    return [_result(run) for run in runs]


def _too_close(atoms: Atoms, fraction: float) -> bool:
    return fraction > 0 and closest_contact(atoms) < fraction


def _start(index: int, structure: Structure, settings: RelaxationSettings) -> _Run:
    check_relaxable(structure, settings.relax_cell)
    atoms = structure.to_ase_atoms(msonable=False)
    from ase.optimize import FIRE, LBFGS

    # Only species, positions and cell matter; the rest would be checked every step.
    atoms = Atoms(
        atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc
    )
    coordinates = RelaxedCoordinates(atoms, settings.relax_cell)
    # ASE's annotations do not yet know that its optimisers take any Optimizable.
    movable = cast("Any", coordinates)
    quiet = cast("Any", None)
    optimizer: Optimizer
    if settings.optimizer == "lbfgs":
        optimizer = LBFGS(movable, logfile=quiet, maxstep=settings.max_step, memory=30)
    else:
        # FIRE limits the length of the whole step, not of one atom's.
        length = settings.max_step * np.sqrt(len(atoms))
        optimizer = FIRE(movable, logfile=quiet, maxstep=length)
    return _Run(
        index, structure, atoms, coordinates, optimizer, float(atoms.get_volume())
    )


def _evaluator(potential: BatchPotential) -> Callable[..., Any]:
    make = getattr(potential, "evaluator", None)
    if make is None:
        return lambda atoms, keys: potential.evaluate(atoms)  # noqa: ARG005
    kept = make(skin=_SKIN)
    return lambda atoms, keys: kept.evaluate(atoms, keys=keys)


def _evaluate(
    runs: list[_Run], evaluate: Callable[..., Any], settings: RelaxationSettings
) -> None:
    runs = [run for run in runs if _is_sound(run, settings)]
    while runs:
        try:
            results = evaluate(
                [run.atoms for run in runs], keys=[run.index for run in runs]
            )
        except OverlappingAtomsError as error:
            if not error.structures:
                raise
            for position in error.structures:
                runs[position].failure = "minimum distance"
            runs = [run for run in runs if run.failure is None]
            continue
        for run, result in zip(runs, results, strict=True):
            _take(run, result, settings)
        return


def _is_sound(run: _Run, settings: RelaxationSettings) -> bool:
    if not (
        np.isfinite(run.atoms.positions).all() and np.isfinite(run.atoms.cell).all()
    ):
        run.failure = "not finite"
    else:
        change = abs(run.atoms.get_volume() / run.volume - 1.0)
        far = np.abs(run.atoms.positions).max() > FARTHEST
        if far or not change < settings.max_volume_change:
            run.failure = "exploded"
    return run.failure is None


def _take(run: _Run, result: Any, settings: RelaxationSettings) -> None:
    forces = np.asarray(result.forces)
    stress = np.zeros((3, 3)) if result.stress is None else np.asarray(result.stress)
    largest = np.sqrt((forces**2).sum(axis=1).max())
    if not (np.isfinite(result.energy) and np.isfinite(largest)):
        run.failure = "not finite"
        return
    if largest > settings.explosion_force:
        run.failure = "exploded"
        return
    run.coordinates.set_values(result.energy, forces, stress)
    run.converged = bool(
        largest < settings.max_force
        and (not settings.relax_cell or np.abs(stress).max() < settings.max_stress)
    )
    if run.converged or run.best is None or result.energy < run.best.values["energy"]:
        values = {
            "energy": float(result.energy),
            "forces": forces,
            "stress": stress,
            "atomic_energies": getattr(result, "atomic_energies", None),
        }
        atoms = run.atoms
        run.best = _Best(atoms.positions.copy(), atoms.cell.array.copy(), values)


def _restore_best(run: _Run) -> None:
    """Go back to the lowest energy met, which a step without line search can miss."""
    if run.best is None:
        raise StructureError("a structure was not evaluated", field="structures")
    run.atoms.positions = run.best.positions
    run.atoms.cell.array[:] = run.best.cell


def _add_uncertainty(runs: list[_Run], potential: BatchPotential) -> None:
    if runs and len(getattr(potential, "members", ())) > 1:
        results = potential.evaluate(
            [run.atoms for run in runs], forces=False, stress=False, committee=True
        )
        for run, result in zip(runs, results, strict=True):
            run.energy_std = float(result.energy_std)


def _result(run: _Run) -> RelaxationResult:
    best = run.best
    if best is None:
        structure = run.source.copy()
    else:
        structure = Structure(
            Lattice(best.cell, pbc=run.source.lattice.pbc),
            run.source.species,
            best.positions,
            coords_are_cartesian=True,
            site_properties=run.source.site_properties,
            properties=run.source.properties,
        )
    return RelaxationResult(
        structure=structure,
        energy_std=run.energy_std,
        converged=run.converged and run.failure is None,
        n_steps=run.n_steps,
        failure=run.failure,
        **({"energy": float("nan")} if best is None else best.values),
    )
