"""Energies at several volumes: the equation of state of one structure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import CURRENT_JOB, Maker, Response, job
from pymatgen.core import Structure

from lps_flows.analysis import ElasticitySettings
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.engines import (
    BAD_STRUCTURE,
    Engine,
    EngineError,
    get_engine,
    read_calculation,
)
from lps_flows.jobs.calculations import SEES_STORE, calculate_all, finished
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.elasticity import EOSDocument
from lps_flows.schemas.sampling import SamplingDocument

_FEWEST = 5


def strained(structure: Structure, settings: ElasticitySettings) -> list[Structure]:
    """Return the structure at evenly spaced linear strains, smallest cell first."""
    strains = np.linspace(-settings.max_strain, settings.max_strain, settings.n_frames)
    frames = []
    for strain in strains:
        frame = structure.copy()
        frame.apply_strain(float(strain))
        frames.append(frame)
    return frames


@dataclass
class EquationOfStateMaker(Maker):
    """Relax atoms and shape of one structure at several fixed volumes.

    Parameters
    ----------
    engine
        The reference engine.
    settings
        Strains.
    line
        Composition line on which x is given.
    """

    name: str = "equation of state"
    engine: Engine = field(default_factory=get_engine)
    settings: ElasticitySettings = field(default_factory=ElasticitySettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    # No output schema: a job that is replaced holds a reference, as `LabelMaker`'s.
    @job(config=SEES_STORE)
    def make(
        self,
        structure: Structure | StructureDocument | SamplingDocument | None,
        provenance: Provenance | None = None,
    ) -> EOSDocument | Response:
        """Compute the equation of state.

        Parameters
        ----------
        structure
            Relaxed structure, its document, or the sampling of a composition, of which
            the lowest structure is taken.
        provenance
            Where a structure without a document comes from.

        Returns
        -------
        EOSDocument
            Volumes and energies; a volume that failed is left out.

        Raises
        ------
        EngineError
            When there is no relaxed structure, or fewer than five volumes could be
            computed.
        """
        cell, origin = relaxed_structure(structure, provenance)
        document: EOSDocument | Response = calculate_all(
            self.engine.with_fixed_volume(),
            strained(cell, self.settings),
            collect_eos,
            relax=True,
            name=self.name,
            provenance=origin,
            line=self.line,
        )
        return document


def relaxed_structure(
    structure: Structure | StructureDocument | SamplingDocument | None,
    provenance: Provenance | None,
) -> tuple[Structure, Provenance]:
    """Return what a job is about, and where it comes from.

    Raises
    ------
    EngineError
        When there is no relaxed structure.
    """
    if isinstance(structure, SamplingDocument):
        structure = _lowest(structure)
    if isinstance(structure, StructureDocument):
        provenance = structure.provenance
        structure = structure.structure
    if structure is None:
        raise EngineError(
            "there is no relaxed structure to work on",
            field="structure",
            value=None,
            remedy="Look at its relaxation with `lps-flows status`, then rerun it",
        )
    return structure, provenance or Provenance(source="user")


def _lowest(sampling: SamplingDocument) -> StructureDocument | None:
    uuid = sampling.lowest_uuid
    if uuid is None:
        return None
    stored = CURRENT_JOB.store.get_output(uuid, load=True)
    return StructureDocument.from_store(stored)


@job(output_schema=EOSDocument)
def collect_eos(
    tasks: Iterable[Any], *, provenance: Provenance, method: str, line: CompositionLine
) -> EOSDocument:
    """Return the document of relaxations at fixed volumes.

    Raises
    ------
    EngineError
        When fewer than five volumes were computed.
    """
    calculations = []
    failed: list[Exception] = []
    for task in tasks:
        try:
            calculations.append(read_calculation(finished(task)))
        except BAD_STRUCTURE as error:
            failed.append(error)
    if len(calculations) < _FEWEST:
        n_volumes = len(calculations) + len(failed)
        why = f"; the first: {failed[0]}" if failed else ""
        raise EngineError(
            f"only {len(calculations)} of {n_volumes} volumes could be computed{why}",
            field="elasticity.n_frames",
            value=n_volumes,
            remedy="make the largest strain smaller, or look at the failed jobs",
        )
    structure = calculations[0].structure
    composition = structure.composition
    return EOSDocument(
        method=method,
        provenance=provenance,
        formula=full_formula(structure),
        x=line.position(composition),
        nsites=len(structure),
        relaxed_ions=True,
        volumes=[float(c.structure.volume) for c in calculations],
        energies=[float(c.energy) for c in calculations],
        n_evaluations=sum(c.n_steps for c in calculations),
    )
