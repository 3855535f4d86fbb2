"""Frames of dynamics at which a potential's committee is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import Maker, job
from numpy.typing import NDArray
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.engines.trained import load_potential
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.references import value_of
from lps_flows.jobs.trajectory import chunks_of, kept_positions
from lps_flows.potential import committee_uncertainty
from lps_flows.schemas import Provenance
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure

_ASKED = 100
"""Frames of each run at which the committee is asked."""

_LAST = 20
"""Frames before the end of a run that broke, at which it is asked besides."""


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
        """Tell whether a run holds frames to learn from: a broken one does, too.

        Not one that had no cell to begin in.
        """
        broke = run.failure is not None and bool(run.chunk_uuids)
        return broke or (run.max_energy_std or 0.0) > self.max_energy_std


@dataclass
class UnsureFramesMaker(Maker):
    """Pick frames of runs at which the committee is unsure, the most unsure first.

    Of a run that broke the most unsure ones are picked even where the committee is of
    one mind: it was wrong.
    """

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

        Returns
        -------
        UnlabelledSet
            Empty where the committee is sure of all, or there are no runs.
        """
        model = load_potential(potential)
        # of a run that broke
        share = max(1, self.settings.n_frames // max(1, len(runs)))
        unsure: list[tuple[float, UnlabelledStructure]] = []
        for analysed, chunks in runs:
            run: MDRunDocument = value_of(analysed)
            broke = run.failure is not None
            frames = self._sound(run, kept_positions(chunks_of(chunks)), broke)
            if not frames:
                continue
            origin = Provenance(
                source="md",
                group=f"{run.label} guarded {run.temperature:g} K",
                details={"temperature": run.temperature},
            )
            stds = committee_uncertainty(model, frames)
            for rank, k in enumerate(np.argsort(-stds)):
                std = float(stds[k])
                if (broke and rank < share) or std > self.settings.max_energy_std:
                    facts = {**origin.details, "energy_std": std}
                    source = origin.model_copy(update={"details": facts})
                    entry = UnlabelledStructure(structure=frames[k], provenance=source)
                    unsure.append((std, entry))
        unsure.sort(key=lambda pair: -pair[0])
        entries = [entry for _, entry in unsure[: self.settings.n_frames]]
        return UnlabelledSet(n_structures=len(entries), entries=entries)

    def _sound(
        self, run: MDRunDocument, positions: NDArray[np.float64], broke: bool
    ) -> list[Structure]:
        """Return frames from all over a run, and before its end where it broke."""
        n_frames, cell = len(positions), run.structure
        spread = np.linspace(0, n_frames - 1, min(_ASKED, n_frames)).round().astype(int)
        end = np.arange(max(n_frames - _LAST, 0), n_frames if broke else 0)
        frames = (
            Structure(
                cell.lattice, cell.species, positions[k], coords_are_cartesian=True
            )
            for k in np.union1d(spread, end)
        )
        near = self.settings.min_distance
        return [f for f in frames if not len(f.get_neighbor_list(near)[3])]
