"""Chunks of dynamics by engines whose calculations are jobs of their own (VASP)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from jobflow import job
from pymatgen.core import Structure

from lps_flows.engines import read_trajectory
from lps_flows.foundation import decode
from lps_flows.jobs.dynamics import DynamicsError, DynamicsSettings
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDChunkDocument, MDFrames

# Two frames closer than this (Å) are the same: VASP writes coordinates with 8 digits.
_SAME_FRAME = 1e-4

# No atom moves further (Å) in the first time step of a task.
_FURTHEST_STEP = 1.0
# Distance (Å) that stands for atoms of different elements; finite, to be compared.
_NEVER = 1e6


@job(output_schema=MDChunkDocument, data=["frames"])
def document_md_task(
    task: Any,
    start: Structure,
    *,
    method: str,
    label: str,
    temperature: float,
    settings: DynamicsSettings,
    equilibration: bool,
    first_step: int = 0,
    last_stored: int | None = None,
) -> MDChunkDocument:
    """Turn the task document of an engine with jobs of its own into a chunk.

    Such an engine (VASP) stores every step, and continues from the structure,
    velocities and files of the chunk before. Whether its first frame is the start
    itself or the step after it, and whether its final structure is the last frame or
    the step after it, is seen from the positions; a frame that the chunk before has
    stored is left out. Positions are unwrapped by the smallest move from frame to
    frame, also over the joint. The chunk keeps the order of atoms of its start: the
    input sets of an engine may sort atoms by element.

    Parameters
    ----------
    label, temperature, settings, equilibration
        As in `MDChunkMaker`.
    last_stored
        Step of the last frame of the chunk before; none for the first chunk.

    Raises
    ------
    DynamicsError
        When the task ends without velocities (a continuation would draw new ones), or
        its atoms are not those of the start.
    """
    frames = read_trajectory(task)
    end = _final_structure(task)
    order = order_of(start, end, frames.fractional[0])
    fractional = frames.fractional[:, order]
    path = np.concatenate(
        [start.frac_coords[None], fractional, end.frac_coords[None, order]]
    )
    moves = np.diff(path, axis=0)
    moves -= np.round(moves)
    unwrapped = start.frac_coords + np.cumsum(moves, axis=0)
    matrix = end.lattice.matrix
    repeats_start, ends_on_frame = (
        bool(np.abs(moves[i] @ matrix).max() < _SAME_FRAME) for i in (0, -1)
    )
    numbers = first_step + (not repeats_start) + np.arange(len(fractional))
    kept = numbers % settings.frame_interval == 0
    if last_stored is not None:
        kept &= numbers > last_stored
    unknown = np.full(int(kept.sum()), np.nan)
    return MDChunkDocument(
        method=method,
        label=label,
        temperature=temperature,
        time_step=settings.time_step,
        first_step=first_step,
        last_step=int(numbers[-1]) + (not ends_on_frame),
        n_frames=int(kept.sum()),
        last_stored=int(numbers[kept][-1]) if kept.any() else last_stored,
        n_evaluations=int(numbers[-1]) + (not ends_on_frame) - first_step,
        equilibration=equilibration,
        structure=Structure(
            end.lattice,
            start.species,
            unwrapped[-1],
            site_properties={
                "velocities": [end.site_properties["velocities"][i] for i in order]
            },
        ),
        dir_name=str(field_of(task, "dir_name") or "") or None,
        frames=MDFrames(
            steps=PackedArray.pack(numbers[kept], "<i8"),
            positions=None
            if equilibration
            else PackedArray.pack(unwrapped[:-1][kept] @ matrix, "<f4"),
            temperatures=PackedArray.pack(frames.temperatures[kept]),
            potential_energies=PackedArray.pack(unknown),
            conserved_energies=PackedArray.pack(unknown),
        ),
    )


def order_of(start: Structure, end: Structure, first: np.ndarray) -> np.ndarray:
    """Return, for each atom of the start, its index in the task, shape (n_atoms,)."""
    wanted, symbols = (
        np.array([site.specie.symbol for site in cell]) for cell in (start, end)
    )
    order = np.arange(len(wanted))
    if sorted(wanted) == sorted(symbols) and (wanted != symbols).any():
        apart = start.lattice.get_all_distances(start.frac_coords, first)
        apart[wanted[:, None] != symbols] = _NEVER
        order = scipy.optimize.linear_sum_assignment(apart)[1]
    moved = np.inf
    if sorted(wanted) == sorted(symbols):
        moves = first[order] - start.frac_coords
        moved = np.abs((moves - np.round(moves)) @ start.lattice.matrix).max()
    if moved > _FURTHEST_STEP:
        raise DynamicsError(
            "the task does not go on from the atoms it is said to start from",
            field="task",
            value=f"{end.formula}, {moved:.1f} Å away",
            remedy="Look at POSCAR in its run directory, and at the chunk before",
        )
    return order


def _final_structure(task: Any) -> Structure:
    """Return the structure at the end of a task, which carries its velocities."""
    structure = field_of(task, "structure")
    if isinstance(structure, dict):
        structure = decode(structure)
    if structure is None or "velocities" not in structure.site_properties:
        raise DynamicsError(
            "the task ends without velocities, so a continuation would draw new ones",
            field="task",
            value=str(field_of(task, "dir_name")),
            remedy="Look at CONTCAR in its run directory: velocities follow the "
            "positions",
        )
    return structure


def field_of(task: Any, name: str) -> Any:
    """Return a field of a task document, be it an object or a table."""
    return task.get(name) if isinstance(task, dict) else getattr(task, name, None)
