"""Frames of dynamics at which a potential's committee is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jobflow import CURRENT_JOB, Maker, job
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis.trajectory import EmptyTrajectoryError
from lps_flows.engines.trained import load_potential
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.trajectory import join_trajectory
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
    def make(self, run_uuids: Sequence[str], potential: str) -> UnlabelledSet:
        """Pick.

        Parameters
        ----------
        potential
            The potential that moved the atoms, by its job's uuid or a path.
        """
        model, store = load_potential(potential), CURRENT_JOB.store
        unsure: list[tuple[float, UnlabelledStructure]] = []
        for uuid in run_uuids:
            run = MDRunDocument.from_store(store.get_output(uuid, load=True))
            try:
                positions = join_trajectory(run.chunk_uuids, store).positions
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
