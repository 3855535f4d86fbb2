"""The cell at temperature: a short run at constant pressure before the dynamics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import units
from jobflow import Maker, job
from pymatgen.core import Structure

from lps_flows.analysis.framework import sampling_statistics
from lps_flows.engines import (
    BAD_STRUCTURE,
    Engine,
    EngineError,
    get_engine,
    is_of_the_device,
)
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.dynamics import DynamicsSettings, broken, initial_atoms
from lps_flows.schemas.md import ThermalCellDocument

# Barostat over thermostat: the cell must be the slower of the two.
_PRESSURE_DAMPING = 10.0
# Part of the run that is left out of the mean volume.
_SETTLING = 0.4
# Steps between looks at the volume.
_INTERVAL = 5
SHORTEST = 20 * _INTERVAL
"""Fewest steps of which a mean volume is taken."""
# A cell that changes its volume by more than this fraction has melted or burst.
_LARGEST_CHANGE = 0.3


@dataclass
class ThermalCellMaker(Maker):
    """Scale a structure's cell to its mean volume at temperature and no pressure.

    The cell keeps its shape (isotropic Martyna-Tobias-Klein dynamics, ASE's), and the
    structure is the one given, in the larger cell: what the run did to its atoms is
    left behind.

    Parameters
    ----------
    engine
        Engine whose forces and stress move atoms and cell, inside this process.
    duration
        Length of the run (fs).
    """

    name: str = "thermal cell"
    engine: Engine = field(default_factory=get_engine)
    settings: DynamicsSettings = field(default_factory=DynamicsSettings)
    duration: float = 5000.0

    @job(output_schema=ThermalCellDocument, config=SEES_STORE)
    def make(
        self,
        structure: Structure,
        *,
        temperature: float,
        label: str,
        potential: Any = None,
    ) -> ThermalCellDocument:
        """Run, and return the structure in its cell at temperature.

        Parameters
        ----------
        temperature
            Thermostat temperature (K).
        potential
            As `MDChunkMaker.make` takes it.

        Returns
        -------
        ThermalCellDocument
            With the reason, and the cell given, where the run explodes, two atoms
            overlap, or the volume changes by more than 30 %.
        """
        from ase.md.nose_hoover_chain import IsotropicMTKNPT

        settings, engine = self.settings, self.engine.given(potential)
        atoms = initial_atoms(structure, temperature, settings.seed, draw=True)
        atoms.calc = engine.calculator()
        damping = settings.damping_time * units.fs
        dynamics = IsotropicMTKNPT(
            atoms,
            settings.time_step * units.fs,
            temperature_K=temperature,
            pressure_au=0.0,
            tdamp=damping,
            pdamp=_PRESSURE_DAMPING * damping,
        )
        facts = {
            **engine.written(),
            "label": label,
            "temperature": temperature,
            "duration": self.duration,
            "relaxed_volume": structure.volume,
        }
        volumes: list[float] = []
        for _ in range(round(self.duration / settings.time_step / _INTERVAL)):
            try:
                dynamics.run(_INTERVAL)
                problem = broken(atoms, temperature, settings)
            except BAD_STRUCTURE as error:
                if is_of_the_device(error):
                    raise
                problem = str(error) or type(error).__name__
            volumes.append(float(atoms.get_volume()))
            change = volumes[-1] / structure.volume - 1
            if not abs(change) < _LARGEST_CHANGE:
                problem = f"volume {100 * change:+.0f} %"
            if problem:
                failure = (
                    f"there is no cell at {temperature:g} K, for the run at constant "
                    f"pressure came apart: {problem}. conductivity.npt: 0 keeps the "
                    "relaxed cell"
                )
                return ThermalCellDocument(
                    **facts,
                    volume=None,
                    volume_error=None,
                    structure=structure,
                    remarks=[failure],
                    failure=failure,
                )
        settled = np.array(volumes[int(_SETTLING * len(volumes)) :], dtype=float)
        times = _INTERVAL * settings.time_step * np.arange(len(settled), dtype=float)
        volume = sampling_statistics(settled, times)
        scaled = structure.copy()
        scaled.scale_lattice(volume.mean)
        change = 100 * (volume.mean / structure.volume - 1)
        remark = (
            f"the cell's volume is {change:+.1f} % off the relaxed one's: mean over "
            f"{self.duration / 1000:g} ps at no pressure"
        )
        return ThermalCellDocument(
            **facts,
            volume=volume.mean,
            volume_error=volume.error,
            structure=scaled,
            remarks=[remark],
        )


def needs_process(engine: Engine, duration: float) -> None:
    """Refuse a run of some length (fs) by an engine whose runs are jobs of their own.

    Raises
    ------
    EngineError
        When atoms do not move in this process.
    """
    if not engine.in_process:
        raise EngineError(
            f"{engine.name} moves atoms in jobs of its own, at constant volume",
            field="conductivity.npt",
            value=duration,
            remedy="Set conductivity.npt: 0, or give conductivity_engine another name",
        )
