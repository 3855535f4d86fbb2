"""Frames of dynamics at which a potential's committee is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import Maker, job
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis.trajectory import EmptyTrajectoryError
from lps_flows.engines.trained import load_potential
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.references import value_of
from lps_flows.jobs.trajectory import chunks_of, join_chunks
from lps_flows.potential import committee_uncertainty
from lps_flows.schemas import Provenance
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure

_ASKED = 100
"""Frames of each run at which the committee is asked."""


class GuardSettings(FrozenSettings):
    """When dynamics on a potential is stopped, taught, and started again."""

    max_energy_std: float = Field(
        0.01,
        gt=0,
        description="Standard deviation of the committee (eV/atom) above which a frame "
        "is labelled by the reference engine.",
    )
    n_frames: int = Field(
        20, ge=1, description="Most frames labelled each time, of all temperatures."
    )
    restarts: int = Field(
        2, ge=0, description="Times the dynamics of a structure may start again."
    )
    min_distance: float = Field(
        1.2, gt=0, description="Frames with a shorter distance are left out (Å)."
    )

    def unsure(self, run: MDRunDocument) -> bool:
        """Tell whether a run holds frames to learn from."""
        return (run.max_energy_std or 0.0) > self.max_energy_std


@dataclass
class UnsureFramesMaker(Maker):
    """Pick frames of runs at which the committee is unsure, the most unsure first."""

    name: str = "unsure frames"
    settings: GuardSettings = field(default_factory=GuardSettings)

    @job(output_schema=UnlabelledSet, data="entries", config=SEES_STORE)
    def make(
        self, runs: Sequence[tuple[Any, Sequence[Any]]], potential: Any
    ) -> UnlabelledSet:
        """Pick.

        Parameters
        ----------
        runs
            Analysed runs, each with its chunks: handed over by `both`.
        potential
            The potential that moved the atoms, as `load_potential` takes it.
        """
        model = load_potential(potential)
        unsure: list[tuple[float, UnlabelledStructure]] = []
        for analysed, chunks in runs:
            run: MDRunDocument = value_of(analysed)
            try:
                positions = join_chunks(chunks_of(chunks)).positions
            except EmptyTrajectoryError:
                continue
            last = len(positions) - 1
            asked = np.unique(np.linspace(0, last, _ASKED).round().astype(int))
            frames = [
                Structure(
                    run.structure.lattice,
                    run.structure.species,
                    positions[k],
                    coords_are_cartesian=True,
                )
                for k in asked
            ]
            near = self.settings.min_distance
            frames = [f for f in frames if not len(f.get_neighbor_list(near)[3])]
            origin = Provenance(
                source="md",
                group=f"{run.label} guarded {run.temperature:g} K",
                details={"temperature": run.temperature},
            )
            for frame, std in zip(
                frames, committee_uncertainty(model, frames), strict=True
            ):
                if std > self.settings.max_energy_std:
                    facts = {**origin.details, "energy_std": float(std)}
                    source = origin.model_copy(update={"details": facts})
                    entry = UnlabelledStructure(structure=frame, provenance=source)
                    unsure.append((float(std), entry))
        unsure.sort(key=lambda pair: -pair[0])
        entries = [entry for _, entry in unsure[: self.settings.n_frames]]
        return UnlabelledSet(n_structures=len(entries), entries=entries)
