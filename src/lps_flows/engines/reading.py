"""Read what every engine's task document has in common, in one set of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa
from emmet.core.types.enums import TaskState
from monty.json import MontyDecoder

from lps_flows.engines.engine import EngineError

if TYPE_CHECKING:
    from pymatgen.core import Structure

# atomate2 and emmet keep VASP's stress: kbar, positive under compression.
_KBAR_COMPRESSION = -0.1 * GPa


@dataclass(frozen=True)
class Calculation:
    """The end of one calculation.

    Parameters
    ----------
    structure
        Final structure.
    energy
        Total energy of the cell (eV).
    forces
        Forces, shape (n_atoms, 3) (eV/Å).
    stress
        Stress, shape (3, 3), positive under tension (eV/Å^3); None when the engine
        gives none.
    converged
        True when electrons and, in a relaxation, ions converged.
    n_steps
        Number of ionic steps.
    max_force
        Largest norm of a force (eV/Å).
    """

    structure: Structure
    energy: float
    forces: np.ndarray
    stress: np.ndarray | None
    converged: bool
    n_steps: int
    max_force: float


@dataclass(frozen=True)
class TrajectoryFrames:
    """A trajectory read from an MD document.

    Parameters
    ----------
    structures
        One structure per stored frame.
    temperatures
        Kinetic temperature of each frame (K), shape (n_frames,); NaN where the
        engine stores none.
    """

    structures: list[Structure]
    temperatures: np.ndarray


def read_calculation(task_document: Any) -> Calculation:
    """Read a task document of a static calculation or relaxation.

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
    document = _decoded(task_document)
    output = document.output
    energy = _finite(output.energy, "energy", document)
    forces = _finite(output.forces, "forces", document)
    stress = None
    if output.stress is not None:
        stress = _KBAR_COMPRESSION * _finite(output.stress, "stress", document)
    structure = document.structure.copy()
    # Velocities and magnetic moments belong to the engine, not to the structure.
    for name in list(structure.site_properties):
        structure.remove_site_property(name)
    return Calculation(
        structure=structure,
        energy=float(energy),
        forces=forces,
        stress=stress,
        converged=_converged(document),
        n_steps=_n_steps(document),
        max_force=float(np.linalg.norm(forces, axis=1).max()),
    )


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
    document = _decoded(task_document)
    for name in ("objects", "vasp_objects"):
        stored = getattr(document, name, None) or {}
        trajectory = _decoded(
            next((v for k, v in stored.items() if _value(k) == "trajectory"), None)
        )
        if trajectory is not None:
            break
    else:
        raise EngineError(
            "the document holds no trajectory",
            field="objects",
            value=type(document).__name__,
            remedy="Run it with the engine's own md Maker and load the data store",
        )
    properties = trajectory.frame_properties or [{}] * len(trajectory)
    return TrajectoryFrames(
        structures=[trajectory.get_structure(i) for i in range(len(trajectory))],
        temperatures=np.array(
            [float(p.get("temperature", np.nan)) for p in properties]
        ),
    )


def _value(key: Any) -> str:
    return str(getattr(key, "value", key))


def _decoded(document: Any) -> Any:
    return (
        MontyDecoder().process_decoded(document)
        if isinstance(document, dict)
        else document
    )


def _finite(value: Any, name: str, document: Any) -> np.ndarray:
    array = np.asarray(np.nan if value is None else value, dtype=float)
    if not np.isfinite(array).all():
        raise EngineError(
            "the calculation gave no finite number",
            field=name,
            value=document.structure.composition.formula,
            remedy="Look at its run directory: the structure may be unphysical, or "
            "the electronic cycle may have diverged",
        )
    return array


def _converged(document: Any) -> bool:
    # A force-field static has nothing to converge and may carry no state.
    return document.state in (None, TaskState.SUCCESS)


def _n_steps(document: Any) -> int:
    counted = getattr(document.output, "n_steps", None)
    if counted is not None:
        return int(counted)
    calculations = getattr(document, "calcs_reversed", None) or []
    return sum(len(entry.output.ionic_steps or []) for entry in calculations)
