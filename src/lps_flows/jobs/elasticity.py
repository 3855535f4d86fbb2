"""Energies at several volumes: the equation of state of one structure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jobflow import Flow, Job, JobConfig, Maker, OnMissing, Response, job
from pymatgen.core import Structure

from lps_flows.analysis import ElasticitySettings
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.engines import Engine, EngineError, get_engine, read_calculation
from lps_flows.schemas import Provenance
from lps_flows.schemas.elasticity import EOSDocument

_FEWEST = 5

# What an engine inside this process raises over one bad structure.
_BAD_STRUCTURE = (EngineError, ValueError, RuntimeError, ArithmeticError)


def fixed_cell(engine: Engine) -> Engine:
    """Return the same engine with relaxations that keep the cell.

    Parameters
    ----------
    engine
        Any engine of ours.

    Raises
    ------
    EngineError
        When its relaxation Maker cannot keep the cell.
    """
    maker: Any = engine.relax
    if hasattr(maker, "relax_cell"):
        return replace(engine, relax=replace(maker, relax_cell=False))
    generator = getattr(maker, "input_set_generator", None)
    if hasattr(generator, "relax_cell"):
        kept = replace(generator, relax_cell=False)  # type: ignore[type-var]
        return replace(engine, relax=replace(maker, input_set_generator=kept))
    raise EngineError(
        "the relaxation of this engine cannot keep the cell",
        field="engine.relax",
        value=type(maker).__name__,
        remedy="use one derived from atomate2's ASE or from our VASP Makers",
    )


def strained(structure: Structure, settings: ElasticitySettings) -> list[Structure]:
    """Return the structure at evenly spaced linear strains, smallest cell first.

    Parameters
    ----------
    structure
        Relaxed structure.
    settings
        Largest strain and number of volumes.
    """
    strains = np.linspace(-settings.max_strain, settings.max_strain, settings.n_frames)
    frames = []
    for strain in strains:
        frame = structure.copy()
        frame.apply_strain(float(strain))
        frames.append(frame)
    return frames


@dataclass
class EquationOfStateMaker(Maker):
    """Relax the atoms of one structure at several volumes.

    Parameters
    ----------
    name
        Name of the job.
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

    @job(output_schema=EOSDocument, config=JobConfig(expose_store=True))
    def make(
        self, structure: Structure, provenance: Provenance
    ) -> EOSDocument | Response:
        """Compute the equation of state.

        Engines inside the Python process relax all volumes in this job; any other
        gets one job per volume.

        Parameters
        ----------
        structure
            Relaxed structure.
        provenance
            Where it comes from.

        Returns
        -------
        EOSDocument
            Volumes and energies; a volume that failed is left out.

        Raises
        ------
        EngineError
            When fewer than five volumes could be computed.
        """
        engine = fixed_cell(self.engine)
        frames = strained(structure, self.settings)
        if engine.batched:
            tasks: list[Any] = []
            for frame in frames:
                try:
                    tasks.append(engine.compute(frame, relax=True))
                except _BAD_STRUCTURE:
                    tasks.append(None)
            return eos_document(
                tasks, provenance, method=engine.written_method(), line=self.line
            )
        calculations: list[Flow | Job] = []
        for index, frame in enumerate(frames):
            calculation = engine.relax.make(frame)
            calculation.name = f"{self.name} {full_formula(structure)} {index}"
            calculations.append(calculation)
        collect = collect_eos(
            [calculation.output for calculation in calculations],
            provenance,
            method=engine.method,
            line=self.line,
        )
        # A volume that fails is left out, not fatal.
        collect.config.on_missing_references = OnMissing.NONE
        return Response(
            replace=Flow([*calculations, collect], collect.output, name=self.name)
        )


@job(output_schema=EOSDocument)
def collect_eos(
    tasks: list[Any], provenance: Provenance, *, method: str, line: CompositionLine
) -> EOSDocument:
    """Collect the volumes that were computed as jobs of their own."""
    return eos_document(tasks, provenance, method=method, line=line)


def eos_document(
    tasks: list[Any], provenance: Provenance, *, method: str, line: CompositionLine
) -> EOSDocument:
    """Return the document of some relaxations at fixed cells.

    Parameters
    ----------
    tasks
        Task documents; None marks a failed one.
    provenance
        Where the structure comes from.
    method
        Method of the engine.
    line
        Composition line; x is None for a composition off it.

    Raises
    ------
    EngineError
        When fewer than five volumes were computed.
    """
    found = []
    for task in tasks:
        if task is not None:
            try:
                found.append(read_calculation(task))
            except EngineError:
                continue
    if len(found) < _FEWEST:
        raise EngineError(
            f"only {len(found)} of {len(tasks)} volumes could be computed",
            field="elasticity.n_frames",
            value=len(tasks),
            remedy="make the largest strain smaller, or look at the failed jobs",
        )
    structure = found[0].structure
    composition = structure.composition
    return EOSDocument(
        method=method,
        provenance=provenance,
        formula=full_formula(structure),
        x=line.x(composition) if line.contains(composition) else None,
        n_atoms=len(structure),
        relaxed_ions=True,
        volumes=[float(c.structure.volume) for c in found],
        energies=[float(c.energy) for c in found],
    )
