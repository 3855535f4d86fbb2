"""Short dynamics on a potential, to find what it does not know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jobflow import Maker, job
from pydantic import Field, field_validator
from pymatgen.core import Structure

from lps_flows.chemistry import supercell_near
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.dynamics import DynamicsSettings, run_chunk
from lps_flows.potential import ANNCalculator, ANNPotential
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure


class ExplorationSettings(FrozenSettings):
    """Dynamics on the potential of the round, at the temperatures it is wanted for."""

    temperatures: tuple[float, ...] = Field(
        (700.0, 900.0, 1200.0, 1500.0), min_length=1, description="Temperatures (K)."
    )
    duration: float = Field(2000.0, gt=0, description="Length of each run (fs).")
    n_frames: int = Field(
        6, ge=1, description="Evenly spaced frames kept of each run, the last included."
    )
    target_atoms: int = Field(
        60, ge=1, le=5000, description="Atoms in a supercell of a crystal, about."
    )
    min_distance: float = Field(
        1.2, gt=0, description="Frames with a shorter distance are left out (Å)."
    )

    @field_validator("temperatures")
    @classmethod
    def _positive(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(temperature <= 0 for temperature in value):
            msg = "temperatures are positive (K)"
            raise ValueError(msg)
        return value


@dataclass
class ExploreDynamicsMaker(Maker):
    """Run short NVT dynamics on a potential and keep frames of it.

    A run that fails is the reason for doing this: its frames up to the failure are
    kept, so that labels teach the potential where it went wrong.
    """

    name: str = "explore md"
    settings: ExplorationSettings = field(default_factory=ExplorationSettings)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(
        self,
        start: StructureDocument | EvolutionDocument,
        potential: PotentialDocument,
        *,
        label: str,
        seed: int = 0,
    ) -> UnlabelledSet:
        """Run at every temperature.

        Parameters
        ----------
        start
            A relaxed crystal, of which a supercell is made, or a GA run, of which the
            lowest structure is taken as it is.
        seed
            Seed of the velocities; another one each round.

        Returns
        -------
        UnlabelledSet
            Frames in which no two atoms are closer than the least distance.
        """
        model = ANNPotential.from_dict(potential.potential)
        entries: list[UnlabelledStructure] = []
        for document in _starts(start):
            cell = document.structure
            if isinstance(start, StructureDocument):
                cell = supercell_near(cell, self.settings.target_atoms)
            for temperature in self.settings.temperatures:
                provenance = document.provenance.model_copy(
                    update={
                        "source": "md",
                        "group": f"{label} explored {temperature:g} K {seed}",
                        "details": {"temperature": temperature},
                    }
                )
                entries += [
                    UnlabelledStructure(structure=frame, provenance=provenance)
                    for frame in self._frames(cell, model, temperature, seed)
                ]
        return UnlabelledSet(n_structures=len(entries), entries=entries)

    def _frames(
        self, cell: Structure, model: ANNPotential, temperature: float, seed: int
    ) -> list[Structure]:
        dynamics = DynamicsSettings(seed=seed)
        run = run_chunk(
            cell,
            ANNCalculator(model),
            temperature=temperature,
            n_steps=dynamics.steps(self.settings.duration),
            settings=dynamics,
        )
        if run.frames.positions is None:
            return []
        positions = run.frames.positions.unpack().astype(float)
        last, n = len(positions) - 1, self.settings.n_frames
        # The first frame is the start, which teaches nothing.
        chosen = {int(k) for k in np.linspace(last / n, last, n)} - {0}
        frames = [
            Structure(
                cell.lattice, cell.species, positions[k], coords_are_cartesian=True
            )
            for k in sorted(chosen)
        ]
        shortest = self.settings.min_distance
        return [f for f in frames if not len(f.get_neighbor_list(shortest)[3])]


def _starts(start: StructureDocument | EvolutionDocument) -> list[StructureDocument]:
    if isinstance(start, EvolutionDocument):
        return start.lowest[:1]
    return [start]
