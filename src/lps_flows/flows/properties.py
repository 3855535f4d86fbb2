"""Properties of crystals and glass-ceramic structures, a stage of a campaign each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Job, Maker, OnMissing
from pydantic import Field

from lps_flows.engines import EngineSettings, get_engine
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.properties import PropertyMaker
from lps_flows.jobs.references import both, uuid_of


class PropertyError(LpsFlowsError):
    """A property is asked for of what is not at hand."""


class PropertyStageSettings(FrozenSettings):
    """Structures that a campaign computes a property of."""

    crystals: tuple[str, ...] | None = Field(
        None, description="Keys of crystals; none: all of the campaign."
    )
    glasses: bool = Field(
        True, description="The lowest structure of every composition sampled, too."
    )


class ElasticityStageSettings(PropertyStageSettings):
    """What a campaign computes bulk moduli and elastic tensors of."""

    tensor: bool = Field(
        True,
        description="Elastic tensors on the campaign's potential, too; bulk moduli are "
        "those of the reference engine.",
    )


class PhononStageSettings(PropertyStageSettings):
    """What a campaign computes vibrations of.

    The end members are needed for a free energy above the hull.
    """

    glasses: bool = Field(
        False, description="The lowest structure of every composition sampled, too."
    )


@dataclass
class PropertyFlowMaker(Maker):
    """One job per structure and property; their builders take the outputs.

    Parameters
    ----------
    makers
        Makers of the jobs of one structure.
    on_potential
        Makers whose engine stands on the potential of the campaign.
    forces
        Settings of that engine.
    settings
        The structures.

    Examples
    --------
    >>> from lps_flows.flows.properties import PropertyFlowMaker
    >>> from lps_flows.jobs.elasticity import EquationOfStateMaker
    >>> maker = PropertyFlowMaker(makers=[EquationOfStateMaker()])
    >>> [job.name for job in maker.make({"Li2S": None}, {}).jobs]
    ['equation of state Li2S']
    """

    name: str = "properties"
    makers: list[PropertyMaker] = field(default_factory=list)
    on_potential: list[PropertyMaker] = field(default_factory=list)
    forces: EngineSettings = field(default_factory=lambda: EngineSettings(name="ann"))
    settings: PropertyStageSettings = field(default_factory=PropertyStageSettings)

    def make(
        self,
        crystals: Mapping[str, Any],
        sampled: Mapping[str, Any],
        potential: Any = None,
    ) -> Flow:
        """Make the flow of a campaign.

        Parameters
        ----------
        crystals
            The documents of relaxed crystals or references to them, by key.
        sampled
            The `SamplingDocument`s or references, by the name of their jobs.
        potential
            Reference to the `PotentialDocument` of the campaign.

        Returns
        -------
        Flow
            Its output is the list of references to the documents.

        Raises
        ------
        PropertyError
            When a crystal is asked for that is not given.
        """
        keys = crystals if self.settings.crystals is None else self.settings.crystals
        if missing := [key for key in keys if key not in crystals]:
            raise PropertyError(
                "these crystals are not among those given",
                field="settings.crystals",
                value=missing,
                remedy=f"Choose among {', '.join(crystals)}, or leave it out for all",
            )
        chosen = {key: crystals[key] for key in keys}
        if self.settings.glasses:
            chosen |= sampled
        makers = [(maker, None) for maker in self.makers]
        if self.on_potential:
            handed = both(potential)
            named = None if handed is None else uuid_of(handed)
            engine = get_engine(self.forces.on(named))
            makers += [
                (replace(one, engine=engine), handed) for one in self.on_potential
            ]
        jobs: list[Flow | Job] = []
        for maker, given in makers:
            for label, found in chosen.items():
                job = maker.make(found, potential=given)
                job.name = f"{maker.name} {label}"
                # What was not relaxed fails here too, and nobody waits for it.
                job.config.on_missing_references = OnMissing.NONE
                jobs.append(job)
        return Flow(jobs, output=[job.output for job in jobs], name=self.name)
