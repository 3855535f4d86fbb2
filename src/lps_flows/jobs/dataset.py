"""Jobs that make the structures of the reference set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jobflow import Maker, job
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine
from lps_flows.engines import EngineError
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.dataset_settings import DatasetSettings
from lps_flows.jobs.perturbation import (
    md_starts,
    rattled_structures,
    removed_structures,
    squeezed_structures,
    strained_structures,
)
from lps_flows.jobs.trajectory import chunks_of, join_chunks
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure

Kind = Literal["perturbed", "removed", "starts"]


@dataclass
class PerturbationMaker(Maker):
    """Make structures around a relaxed crystal."""

    name: str = "perturb crystal"
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(
        self, structure: Structure, parent: str, kind: Kind = "perturbed"
    ) -> UnlabelledSet:
        """Make the structures.

        Parameters
        ----------
        kind
            "perturbed": strained, rattled and squeezed; "removed": supercells with
            units of an end member removed; "starts": one start per MD run, the crystal
            first, then cells with removals.

        Raises
        ------
        DatasetError
            When the supercell holds too few units.
        """
        settings = self.settings
        if kind == "perturbed":
            entries = strained_structures(structure, parent, settings)
            entries += rattled_structures(structure, parent, settings)
            entries += squeezed_structures(structure, parent, settings)
        elif kind == "removed":
            entries = removed_structures(
                structure, parent, settings, self.line, settings.n_removed
            )
        else:
            entries = md_starts(structure, parent, settings, self.line)
        return UnlabelledSet(n_structures=len(entries), entries=entries)


@dataclass
class SnapshotMaker(Maker):
    """Choose evenly spaced snapshots of a reference MD run."""

    name: str = "md snapshots"
    settings: DatasetSettings = field(default_factory=DatasetSettings)

    @job(output_schema=UnlabelledSet, data="entries", config=SEES_STORE)
    def make(
        self, chunks: Sequence[Any], last_step: int, start: UnlabelledStructure
    ) -> UnlabelledSet:
        """Choose the snapshots; the start itself is not one of them.

        Parameters
        ----------
        chunks
            The run's chunks, in order: handed over by `both`.
        last_step
            Step the last chunk reached; a reference, so that this job waits for it.

        Raises
        ------
        TrajectoryError
            When there is not a single frame.
        EngineError
            When the thermostat did not hold the temperature.
        """
        run = join_chunks(chunks_of(chunks))
        cell, origin = run.structure, start.provenance
        target = self.settings.md_temperature
        details: dict[str, Any] = {"temperature": target, "n_steps": last_step}
        # A run that failed is worth labels up to there: it was where it should not be.
        if run.failure is None:
            details["mean_temperature"] = held_temperature(run.temperatures, target)
        moved = np.flatnonzero(run.times > 0)
        # The start, which is frame 0, is not stored by every engine.
        chosen = evenly_spaced(len(moved) + 1, self.settings.n_snapshots)
        entries = [
            UnlabelledStructure(
                structure=Structure(
                    cell.lattice,
                    cell.species,
                    run.positions[frame],
                    coords_are_cartesian=True,
                ),
                provenance=Provenance(
                    source="md",
                    parent=origin.parent,
                    removed=origin.removed,
                    n_removed=origin.n_removed,
                    group=f"{origin.group or origin.parent}-md",
                    details=details | {"time": float(run.times[frame])},
                ),
            )
            for frame in moved[np.array(chosen, dtype=int) - 1]
        ]
        return UnlabelledSet(n_structures=len(entries), entries=entries)


def evenly_spaced(n_frames: int, n_snapshots: int) -> list[int]:
    """Return indices of evenly spaced frames, the last included, the first not."""
    n = min(n_snapshots, n_frames - 1)
    return np.unique(np.linspace(0, n_frames - 1, n + 1).round().astype(int))[
        1:
    ].tolist()


def held_temperature(temperatures: np.ndarray, target: float) -> float | None:
    """Return the mean temperature (K) of a run's second half, checked.

    Returns
    -------
    float or None
        The mean; None when the engine stores no temperatures.

    Raises
    ------
    EngineError
        When it is off by more than a factor of two: then no thermostat was at work.
    """
    known = temperatures[len(temperatures) // 2 :]
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return None
    mean = float(known.mean())
    if not target / 2 < mean < target * 2:
        raise EngineError(
            f"the run held {mean:.0f} K where {target:.0f} K were asked for",
            field="md_temperature",
            value=target,
            remedy="Run longer, or check the thermostat of the engine's md Maker",
        )
    return mean
