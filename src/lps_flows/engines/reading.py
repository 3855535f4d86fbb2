"""Read what every engine's task document has in common, in one set of units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.stress import voigt_6_to_full_3x3_stress
from ase.units import GPa

from lps_flows.chemistry import bare_structure, full_formula
from lps_flows.engines.errors import EngineError
from lps_flows.engines.vasp_steps import (
    electrons_converged,
    step_converged,
    step_energy,
)
from lps_flows.foundation import decode

if TYPE_CHECKING:
    from pymatgen.core import Structure

# atomate2 and emmet keep VASP's stress: kbar, positive under compression.
_KBAR_COMPRESSION = -0.1 * GPa


@dataclass(frozen=True)
class Calculation:
    """One calculated geometry: the end of a calculation, or a step on the way.

    Parameters
    ----------
    energy
        Total energy of the cell (eV).
    forces
        Forces, shape (n_atoms, 3) (eV/Å).
    stress
        Stress, shape (3, 3), positive under tension (eV/Å^3); None when the engine
        gives none.
    converged
        True when electrons and, at the end of a relaxation, ions converged.
    electrons_converged
        True when the electronic cycle of this geometry converged; always for engines
        without one.
    n_steps
        Number of ionic steps up to here.
    max_force
        Largest norm of a force (eV/Å).
    energy_change
        Change of the energy in the last step of a relaxation (eV); None when the
        document keeps no steps.
    """

    structure: Structure
    energy: float
    forces: np.ndarray
    stress: np.ndarray | None
    converged: bool
    electrons_converged: bool
    n_steps: int
    max_force: float
    energy_change: float | None = None

    @property
    def max_stress(self) -> float | None:
        """Largest component of the stress (GPa)."""
        return None if self.stress is None else float(np.abs(self.stress).max() / GPa)


@dataclass(frozen=True)
class TrajectoryFrames:
    """A trajectory read from an MD document.

    Ten thousand frames as structures fill gigabytes, so a structure is made only
    when it is asked for.

    Parameters
    ----------
    fractional
        Fractional coordinates, shape (n_frames, n_atoms, 3).
    temperatures
        Kinetic temperature of each frame (K), shape (n_frames,); NaN where the
        engine stores none.
    source
        pymatgen's trajectory, as the engine's Maker stored it.
    """

    fractional: np.ndarray
    temperatures: np.ndarray
    source: Any

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.fractional)

    def structure(self, index: int) -> Structure:
        """Return one frame as a structure without velocities."""
        return _bare(self.source.get_structure(index % len(self)))


def read_calculation(task_document: Any) -> Calculation:
    """Read the end of a static calculation or relaxation.

    Parameters
    ----------
    task_document
        emmet's VASP document, or atomate2's force-field or ASE document; as an
        object or as the dictionary a store returns.

    Returns
    -------
    Calculation
        Structure, energy, forces and stress at the end.

    Raises
    ------
    EngineError
        When energy or forces are missing or not finite.
    """
    from emmet.core.types.enums import TaskState

    document = _decoded(task_document)
    output = document.output
    electrons = electrons_converged(document)
    end = _calculation(
        document.structure,
        energy=output.energy,
        forces=output.forces,
        stress=_from_kbar(output.stress),
        # A static without an optimiser has nothing to converge and carries no state.
        converged=electrons and document.state in (None, TaskState.SUCCESS),
        electrons_converged=electrons,
        n_steps=_n_steps(document),
    )
    return replace(end, energy_change=_last_change(document))


def read_path(task_document: Any) -> list[Calculation]:
    """Read every step of a relaxation, the start first.

    Parameters
    ----------
    task_document
        Document of a relaxation by an engine made with `Engine.with_path`.

    Returns
    -------
    list of Calculation
        Steps; of all but the last, `converged` speaks of the electrons alone.

    Raises
    ------
    EngineError
        When the document keeps no steps, or one is not finite.
    """
    document = _decoded(task_document)
    if getattr(document, "calcs_reversed", None):
        path = _vasp_path(document)
    else:
        trajectory = _trajectory(document)
        path = [
            _calculation(
                trajectory.get_structure(index),
                energy=step["energy"],
                forces=step["forces"],
                stress=None
                if step.get("stress") is None
                else voigt_6_to_full_3x3_stress(np.array(step["stress"])),
                converged=True,
                electrons_converged=True,
                n_steps=index + 1,
            )
            for index, step in enumerate(trajectory.frame_properties)
        ]
    return [*path[:-1], read_calculation(document)]


def read_trajectory(task_document: Any) -> TrajectoryFrames:
    """Read the frames of an MD document.

    Parameters
    ----------
    task_document
        Document of an engine's ``md`` Maker, with its trajectory loaded.

    Raises
    ------
    EngineError
        When the document holds no trajectory.
    """
    trajectory = _trajectory(_decoded(task_document))
    steps = trajectory.frame_properties or [{}] * len(trajectory)
    trajectory.to_positions()
    return TrajectoryFrames(
        fractional=np.array(trajectory.coords, dtype=float),
        temperatures=np.array([float(s.get("temperature", np.nan)) for s in steps]),
        source=trajectory,
    )


def _calculation(
    structure: Structure,
    *,
    energy: Any,
    forces: Any,
    stress: np.ndarray | None,
    converged: bool,
    electrons_converged: bool,
    n_steps: int,
) -> Calculation:
    given = {"energy": energy, "forces": forces}
    if stress is not None:
        given["stress"] = stress
    numbers = {
        name: np.asarray(np.nan if value is None else value, dtype=float)
        for name, value in given.items()
    }
    for name, values in numbers.items():
        if not np.isfinite(values).all():
            raise EngineError(
                f"the calculation gave no finite {name}",
                field="structure",
                value=full_formula(structure),
                remedy="Look at its run directory: the structure may be unphysical, "
                "or the electronic cycle may have diverged",
            )
    return Calculation(
        structure=_bare(structure),
        energy=float(numbers["energy"]),
        forces=numbers["forces"],
        stress=numbers.get("stress"),
        converged=converged,
        electrons_converged=electrons_converged,
        n_steps=n_steps,
        max_force=float(np.linalg.norm(numbers["forces"], axis=1).max()),
    )


def _vasp_path(document: Any) -> list[Calculation]:
    steps = [
        (step, step_converged(calculation, step))
        for calculation in reversed(document.calcs_reversed)
        for step in calculation.output.ionic_steps or []
    ]
    return [
        _calculation(
            step.structure,
            energy=step_energy(step),
            forces=step.forces,
            stress=_from_kbar(step.stress),
            converged=converged,
            electrons_converged=converged,
            n_steps=index + 1,
        )
        for index, (step, converged) in enumerate(steps)
    ]


def _from_kbar(stress: Any) -> np.ndarray | None:
    return None if stress is None else _KBAR_COMPRESSION * np.array(stress)


def _trajectory(document: Any) -> Any:
    for name in ("objects", "vasp_objects"):
        for key, stored in (getattr(document, name, None) or {}).items():
            if getattr(key, "value", key) == "trajectory" and stored is not None:
                return _decoded(stored)
    raise EngineError(
        "the document holds no trajectory",
        field="objects",
        value=type(document).__name__,
        remedy="Make it with the engine's own Makers and load the data store",
    )


def _bare(structure: Structure) -> Structure:
    """Elements and places: velocities, moments and the like belong to the engine."""
    bare = bare_structure(structure)
    bare.properties = {}
    return bare


def _decoded(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    # what custodian did, and what OUTCAR says beside all else, is told in their own
    # classes, and read by nobody here
    kept = {key: document[key] for key in document if key != "custodian"}
    if calculations := kept.get("calcs_reversed"):
        kept["calcs_reversed"] = [_without_outcar(one) for one in calculations]
    return decode(kept)


def _without_outcar(calculation: Any) -> Any:
    if not isinstance(calculation, dict):
        return calculation
    output = calculation.get("output")
    if not isinstance(output, dict):
        return calculation
    return calculation | {"output": {k: output[k] for k in output if k != "outcar"}}


def _last_change(document: Any) -> float | None:
    calculations = getattr(document, "calcs_reversed", None)
    if calculations:
        steps = calculations[0].output.ionic_steps or []
        energies = [step_energy(step) for step in steps[-2:]]
    else:
        steps = getattr(document.output, "ionic_steps", None) or []
        energies = [getattr(step, "energy", None) for step in steps[-2:]]
    if len(energies) < 2 or None in energies:
        return None
    return float(energies[1] - energies[0])  # type: ignore[operator]


def _n_steps(document: Any) -> int:
    counted = getattr(document.output, "n_steps", None)
    if counted is not None:
        return int(counted)
    calculations = getattr(document, "calcs_reversed", None) or []
    return sum(len(entry.output.ionic_steps or []) for entry in calculations)
