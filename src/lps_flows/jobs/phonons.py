"""Phonons of one structure from forces on displaced cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import Maker, Response, job
from pymatgen.core import Structure

from lps_flows.analysis.phonons import PhononSettings, displaced_cells, vibrations
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.engines import Engine, EngineError, get_engine, read_calculation
from lps_flows.jobs.calculations import SEES_STORE, calculate_all, finished
from lps_flows.jobs.elasticity import relaxed_structure
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.phonons import PhononDocument
from lps_flows.schemas.sampling import SamplingDocument


@dataclass
class PhononMaker(Maker):
    """Compute the harmonic vibrations of one relaxed structure.

    Parameters
    ----------
    engine
        The engine that gives the forces.
    settings
        Displacements, supercell, temperatures.
    line
        Composition line on which x is given.
    """

    name: str = "phonons"
    engine: Engine = field(default_factory=get_engine)
    settings: PhononSettings = field(default_factory=PhononSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    # No output schema: a job that is replaced holds a reference, as `LabelMaker`'s.
    @job(config=SEES_STORE)
    def make(
        self,
        structure: Structure | StructureDocument | SamplingDocument | None,
        provenance: Provenance | None = None,
    ) -> PhononDocument | Response:
        """Compute the forces on all displaced cells, and what follows.

        Parameters
        ----------
        structure
            As `EquationOfStateMaker.make` takes it.
        provenance
            Where a structure without a document comes from.

        Raises
        ------
        EngineError
            When there is no relaxed structure, or a displaced cell failed.
        """
        cell, origin = relaxed_structure(structure, provenance)
        document: PhononDocument | Response = calculate_all(
            self.engine,
            displaced_cells(cell, self.settings),
            collect_phonons,
            relax=False,
            name=self.name,
            structure=cell,
            provenance=origin,
            settings=self.settings,
            line=self.line,
        )
        return document


@job(output_schema=PhononDocument)
def collect_phonons(
    tasks: Iterable[Any],
    *,
    structure: Structure,
    provenance: Provenance,
    method: str,
    settings: PhononSettings,
    line: CompositionLine,
) -> PhononDocument:
    """Return the vibrations from the forces on the displaced cells.

    Raises
    ------
    EngineError
        When one of them failed: the modes rest on all.
    """
    cells = [read_calculation(finished(task)) for task in tasks]
    if len(cells) < 2:
        raise EngineError("no displaced cell was computed")
    return PhononDocument(
        method=method,
        provenance=provenance,
        formula=full_formula(structure),
        x=line.position(structure.composition),
        nsites=len(structure),
        energy_per_atom=cells[0].energy / len(cells[0].structure),
        vibrations=vibrations(
            structure, np.array([cell.forces for cell in cells]), settings
        ),
    )
