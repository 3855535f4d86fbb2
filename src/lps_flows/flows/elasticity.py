"""Equations of state of crystals and glass-ceramic structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Job, Maker, OnMissing
from pydantic import Field

from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.elasticity import EquationOfStateMaker
from lps_flows.schemas import Provenance


class ElasticityStageSettings(FrozenSettings):
    """What a campaign computes bulk moduli of."""

    crystals: tuple[str, ...] | None = Field(
        None, description="Keys of crystals; none: all of the campaign."
    )
    glasses: bool = Field(
        True, description="The lowest structure of every composition sampled, too."
    )


@dataclass
class ElasticityFlowMaker(Maker):
    """One equation of state per structure; `ElasticityBuilder` fits them.

    Parameters
    ----------
    equation_of_state
        Maker of the job of one structure.
    settings
        What a campaign computes bulk moduli of.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.flows.elasticity import ElasticityFlowMaker
    >>> from lps_flows.schemas import Provenance
    >>> origin = Provenance(source="crystal", parent="Li2S")
    >>> flow = ElasticityFlowMaker().make({"Li2S": (crystal("Li2S"), origin)})
    >>> [job.name for job in flow.jobs]
    ['equation of state Li2S']
    """

    name: str = "elasticity"
    equation_of_state: EquationOfStateMaker = field(
        default_factory=EquationOfStateMaker
    )
    settings: ElasticityStageSettings = field(default_factory=ElasticityStageSettings)

    def make(self, structures: Mapping[str, tuple[Any, Provenance | None]]) -> Flow:
        """Make the flow.

        Parameters
        ----------
        structures
            Relaxed structures with their provenance, by the name that tells their
            jobs apart; or references to documents, which have one of their own (see
            `EquationOfStateMaker.make`).

        Returns
        -------
        Flow
            Its output is the list of references to the `EOSDocument`s.
        """
        jobs: list[Flow | Job] = []
        for label, (structure, provenance) in structures.items():
            job = self.equation_of_state.make(structure, provenance)
            job.name = f"{self.equation_of_state.name} {label}"
            # What was not relaxed fails here too, and nobody waits for it.
            job.config.on_missing_references = OnMissing.NONE
            jobs.append(job)
        return Flow(jobs, output=[job.output for job in jobs], name=self.name)

    def stage(self, crystals: Mapping[str, Any], sampled: Mapping[str, Any]) -> Flow:
        """Make the flow of a campaign."""
        wanted = self.settings.crystals
        chosen = {
            key: crystals[key] for key in (crystals if wanted is None else wanted)
        }
        if self.settings.glasses:
            chosen |= sampled
        return self.make({label: (found, None) for label, found in chosen.items()})
