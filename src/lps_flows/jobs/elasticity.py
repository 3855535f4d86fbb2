"""Energies at several volumes: the equation of state of one structure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import job
from pymatgen.core import Structure

from lps_flows.analysis import ElasticitySettings
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.engines import EngineError
from lps_flows.jobs.calculations import calculate_all, succeeded
from lps_flows.jobs.properties import PropertyMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.elasticity import EOSDocument

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
class EquationOfStateMaker(PropertyMaker):
    """Relax atoms and shape of one structure at several fixed volumes.

    Parameters
    ----------
    engine
        The reference engine.
    line
        Composition line on which x is given.
    settings
        Strains.
    """

    name: str = "equation of state"
    settings: ElasticitySettings = field(default_factory=ElasticitySettings)

    def computed(self, structure: Structure, provenance: Provenance) -> Any:
        """Compute the equation of state; a volume that failed is left out."""
        return calculate_all(
            self.engine.with_fixed_volume(),
            strained(structure, self.settings),
            collect_eos,
            relax=True,
            name=self.name,
            provenance=provenance,
            line=self.line,
        )


@job(output_schema=EOSDocument)
def collect_eos(
    tasks: Iterable[Any],
    *,
    provenance: Provenance,
    line: CompositionLine,
    **written: Any,
) -> EOSDocument:
    """Return the document of relaxations at fixed volumes.

    Raises
    ------
    EngineError
        When fewer than five volumes were computed.
    """
    ended, failed = succeeded(tasks)
    calculations = [calculation for _, calculation in ended]
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
        **written,
        provenance=provenance,
        formula=full_formula(structure),
        x=line.position(composition),
        nsites=len(structure),
        relaxed_ions=True,
        volumes=[float(c.structure.volume) for c in calculations],
        energies=[float(c.energy) for c in calculations],
        n_evaluations=sum(c.n_steps for c in calculations),
    )
