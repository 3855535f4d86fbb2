"""Jobs that make the structures of the reference set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import Maker, job
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine
from lps_flows.engines import EngineError, TrajectoryFrames, read_trajectory
from lps_flows.jobs.perturbation import (
    DatasetSettings,
    md_starts,
    rattled_structures,
    removed_structures,
    strained_structures,
)
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure


def _unlabelled(entries: list[UnlabelledStructure]) -> UnlabelledSet:
    return UnlabelledSet(n_structures=len(entries), entries=entries)


@dataclass
class PerturbationMaker(Maker):
    """Make strained and rattled structures of a relaxed crystal.

    Parameters
    ----------
    name
        Name of the job.
    settings
        Strains, amplitudes, numbers and seed.
    """

    name: str = "perturb crystal"
    settings: DatasetSettings = field(default_factory=DatasetSettings)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(self, structure: Structure, parent: str) -> UnlabelledSet:
        """Make the structures.

        Parameters
        ----------
        structure
            Relaxed crystal.
        parent
            Its key.
        """
        return _unlabelled(
            strained_structures(structure, parent, self.settings)
            + rattled_structures(structure, parent, self.settings)
        )


@dataclass
class RemovalMaker(Maker):
    """Make supercells of a relaxed crystal with units of an end member removed.

    Parameters
    ----------
    name
        Name of the job.
    settings
        Supercell size, largest fraction removed, amplitudes and seed.
    line
        Composition line whose end members are removed.
    """

    name: str = "remove units"
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(self, structure: Structure, parent: str) -> UnlabelledSet:
        """Make the structures.

        Parameters
        ----------
        structure
            Relaxed crystal on the composition line.
        parent
            Its key.

        Raises
        ------
        DatasetError
            When the supercell holds too few units.
        """
        return _unlabelled(
            removed_structures(
                structure, parent, self.settings, self.line, self.settings.n_removed
            )
        )


@dataclass
class MDStartMaker(Maker):
    """Make the supercells that the reference MD runs start from.

    Parameters
    ----------
    name
        Name of the job.
    settings
        Number of trajectories, supercell size and seed.
    line
        Composition line whose end members are removed.
    """

    name: str = "md starts"
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(self, structure: Structure, parent: str) -> UnlabelledSet:
        """Make one start per trajectory: the crystal, then cells with removals.

        Parameters
        ----------
        structure
            Relaxed crystal on the composition line.
        parent
            Its key.

        Raises
        ------
        DatasetError
            When the supercell holds too few units.
        """
        return _unlabelled(md_starts(structure, parent, self.settings, self.line))


@dataclass
class SnapshotMaker(Maker):
    """Choose evenly spaced snapshots of a reference MD run.

    Parameters
    ----------
    name
        Name of the job.
    settings
        Number of snapshots and the temperature that was asked for.
    """

    name: str = "md snapshots"
    settings: DatasetSettings = field(default_factory=DatasetSettings)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(
        self, md_documents: list[Any], start: UnlabelledStructure
    ) -> UnlabelledSet:
        """Choose the snapshots; the start itself is not one of them.

        Parameters
        ----------
        md_documents
            Task documents of the engine's MD Maker, one per part of the run.
        start
            The structure it started from.

        Raises
        ------
        EngineError
            When the trajectory is missing, or the thermostat did not hold the
            temperature.
        """
        parts = [read_trajectory(document) for document in md_documents]
        mean = held_temperature(
            np.concatenate([part.temperatures for part in parts]),
            self.settings.md_temperature,
        )
        ends = np.cumsum([len(part) for part in parts])
        n_frames = int(ends[-1])
        chosen = evenly_spaced(n_frames, self.settings.n_snapshots)
        origin = start.provenance
        group = f"{origin.group or origin.parent}-md"
        return _unlabelled(
            [
                UnlabelledStructure(
                    structure=_frame(parts, ends, index),
                    provenance=Provenance(
                        source="md",
                        parent=origin.parent,
                        removed=origin.removed,
                        n_removed=origin.n_removed,
                        group=group,
                        details={
                            "temperature": self.settings.md_temperature,
                            "mean_temperature": mean,
                            "frame": int(index),
                            "n_frames": n_frames,
                        },
                    ),
                )
                for index in chosen
            ]
        )


def _frame(parts: list[TrajectoryFrames], ends: np.ndarray, index: int) -> Structure:
    part = int(np.searchsorted(ends, index, side="right"))
    return parts[part].structure(index - int(ends[part]))


def evenly_spaced(n_frames: int, n_snapshots: int) -> list[int]:
    """Return indices of evenly spaced frames, the last included, the first not.

    Parameters
    ----------
    n_frames
        Number of frames, the start being frame 0.
    n_snapshots
        Most frames to choose.
    """
    n = min(n_snapshots, n_frames - 1)
    return np.unique(np.linspace(0, n_frames - 1, n + 1).round().astype(int))[
        1:
    ].tolist()


def held_temperature(temperatures: np.ndarray, target: float) -> float | None:
    """Return the mean temperature (K) of a run's second half, checked.

    Parameters
    ----------
    temperatures
        Kinetic temperature of every frame (K), shape (n_frames,).
    target
        Temperature that was asked for (K).

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
