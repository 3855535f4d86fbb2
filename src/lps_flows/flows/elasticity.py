"""Equations of state of crystals and glass-ceramic structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobflow import Flow, Job, Maker
from pymatgen.core import Structure

from lps_flows.jobs.elasticity import EquationOfStateMaker
from lps_flows.schemas import Provenance


@dataclass
class ElasticityFlowMaker(Maker):
    """One equation of state per structure; `ElasticityBuilder` fits them.

    Parameters
    ----------
    name
        Name of the flow.
    equation_of_state
        Maker of the job of one structure.
    """

    name: str = "elasticity"
    equation_of_state: EquationOfStateMaker = field(
        default_factory=EquationOfStateMaker
    )

    def make(self, structures: Mapping[str, tuple[Structure, Provenance]]) -> Flow:
        """Make the flow.

        Parameters
        ----------
        structures
            Relaxed structures, or references to them, with their provenance, by the
            name that tells their jobs apart.

        Returns
        -------
        Flow
            Its output is the list of references to the `EOSDocument`s.
        """
        jobs: list[Flow | Job] = []
        for label, (structure, provenance) in structures.items():
            job = self.equation_of_state.make(structure, provenance)
            job.name = f"{self.equation_of_state.name} {label}"
            jobs.append(job)
        return Flow(jobs, output=[job.output for job in jobs], name=self.name)
