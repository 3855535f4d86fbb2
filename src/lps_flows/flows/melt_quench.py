"""Truly amorphous models: heat, hold, cool at a stated rate, relax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import Flow, Maker, job
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis import classify_motifs
from lps_flows.chemistry import full_formula, supercell_near
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.md import MDChunkMaker, runs_in_process
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.glass import MeltQuenchDocument
from lps_flows.schemas.md import MDChunkDocument


class MeltQuenchError(LpsFlowsError):
    """A melt-quench cannot be run as asked."""


class MeltQuenchSettings(DynamicsSettings):
    """The temperature programme; each hold and each cooling step is one job."""

    melt_temperature: float = Field(2000.0, gt=0, description="Melt (K).")
    melt_time: float = Field(20000.0, gt=0, description="Time in the melt (fs).")
    final_temperature: float = Field(
        300.0, gt=0, description="Temperature at the end of the cooling (K)."
    )
    cooling_rate: float = Field(
        50.0, gt=0, description="Rate of cooling (K/ps); 50 K/ps is 5e13 K/s."
    )
    temperature_step: float = Field(
        100.0,
        gt=0,
        description="Cooling goes in steps of at most this size, each held as long as "
        "the rate asks (K).",
    )
    target_atoms: int = Field(
        100,
        ge=1,
        description="Smaller structures become supercells of about this many atoms.",
    )

    def programme(self) -> list[tuple[float, float]]:
        """Return (temperature in K, time in fs) of the melt and each cooling step."""
        fall = self.melt_temperature - self.final_temperature
        if fall <= 0:
            raise MeltQuenchError(
                "the melt must be hotter than the glass",
                field="melt_quench.melt_temperature",
                value=self.melt_temperature,
                remedy=f"Choose more than {self.final_temperature:g} K",
            )
        n = max(int(np.ceil(fall / self.temperature_step)), 1)
        each = 1000 * fall / n / self.cooling_rate
        cooled = [self.melt_temperature - fall * (i + 1) / n for i in range(n)]
        return [(self.melt_temperature, self.melt_time), *((T, each) for T in cooled)]


@dataclass
class MeltQuenchFlowMaker(Maker):
    """Melt a structure, cool it at a stated rate, and relax the glass.

    The output is the `StructureDocument` of the relaxed glass (source
    'melt-quench'), so that builders treat it as they do structures of the GA; the
    history is the `MeltQuenchDocument` of the job before. The volume is constant
    until the relaxation.

    Parameters
    ----------
    name
        Name of the flow.
    engine
        Settings of the engine; one that runs inside the Python process.
    settings
        Temperature programme and dynamics.
    relax
        Maker of the relaxation of the glass; by the same engine when none.
    """

    name: str = "melt-quench"
    engine: EngineSettings = field(default_factory=EngineSettings)
    settings: MeltQuenchSettings = field(default_factory=MeltQuenchSettings)
    relax: ReferenceRelaxMaker | None = None

    def make(self, structure: Structure, label: str | None = None) -> Flow:
        """Make the flow.

        Parameters
        ----------
        structure
            Structure to melt.
        label
            Name of the structure; its formula by default.

        Raises
        ------
        MeltQuenchError
            When the melt is not hotter than the glass, or the engine has jobs of its
            own.
        """
        settings = self.settings
        programme = settings.programme()
        if not runs_in_process(self.engine):
            raise MeltQuenchError(
                "this engine cannot run the chunks of a melt-quench",
                field="engine.name",
                value=self.engine.name,
                remedy="Use atomate2's MPMorph Makers with it, or a force field here",
            )
        structure = structure.copy().remove_oxidation_states()
        if len(structure) < settings.target_atoms:
            structure = supercell_near(structure, settings.target_atoms)
        label = label or full_formula(structure)
        dynamics = DynamicsSettings.model_validate(
            settings.model_dump(include=set(DynamicsSettings.model_fields))
        )
        maker = MDChunkMaker(
            name="melt-quench md", engine=self.engine, settings=dynamics
        )
        jobs: list[Any] = []
        previous: Any = None
        first_step = 0
        for temperature, duration in programme:
            for n_steps in dynamics.chunks(duration):
                chunk = maker.make(
                    structure if previous is None else None,
                    temperature=temperature,
                    n_steps=n_steps,
                    label=label,
                    previous=previous,
                    first_step=first_step,
                    equilibration=True,
                )
                chunk.name = f"{label} melt-quench {len(jobs) + 1} {temperature:.0f} K"
                jobs.append(chunk)
                previous, first_step = chunk.output, first_step + n_steps
        glass = document_glass(
            previous,
            structure,
            settings=settings,
            chunk_uuids=[chunk.uuid for chunk in jobs],
        )
        glass.name = f"{label} glass"
        relax = self.relax or ReferenceRelaxMaker(engine=get_engine(self.engine))
        cooled: Any = glass.output.structure
        relaxed = relax.make(
            cooled,
            Provenance(
                source="melt-quench",
                parent=label,
                details={
                    "cooling_rate_K_per_ps": settings.cooling_rate,
                    "melt_temperature_K": settings.melt_temperature,
                },
            ),
        )
        return Flow(
            [*jobs, glass, relaxed],
            output=relaxed.output,
            name=f"{self.name} {label}",
        )


@job(output_schema=MeltQuenchDocument)
def document_glass(
    last: MDChunkDocument,
    start: Structure,
    *,
    settings: MeltQuenchSettings,
    chunk_uuids: list[str],
) -> MeltQuenchDocument:
    """Describe the glass at the end of a cooling.

    Parameters
    ----------
    last
        Last chunk of the cooling.
    start
        Structure that was molten.
    settings
        The temperature programme.
    chunk_uuids
        Jobs of the dynamics.

    Raises
    ------
    MeltQuenchError
        When the dynamics failed: there is no glass to relax.
    """
    if isinstance(last, dict):
        last = MDChunkDocument.model_validate(
            {key: value for key, value in last.items() if not key.startswith("@")}
        )
    if last.failure is not None:
        raise MeltQuenchError(
            "the dynamics failed, so there is no glass",
            field="melt_quench",
            value=last.failure,
            remedy="Melt at a lower temperature, or train the potential on the melt",
        )
    glass = Structure(
        last.structure.lattice, last.structure.species, last.structure.frac_coords
    ).get_sorted_structure()
    programme = settings.programme()
    return MeltQuenchDocument(
        method=last.method,
        label=last.label,
        structure=glass,
        start=start,
        temperatures=[temperature for temperature, _ in programme],
        cooling_rate=settings.cooling_rate,
        melt_temperature=settings.melt_temperature,
        melt_time=settings.melt_time,
        motifs=classify_motifs(glass),
        start_motifs=classify_motifs(start),
        chunk_uuids=chunk_uuids,
    )
