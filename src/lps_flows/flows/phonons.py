"""Phonons of crystals and glass-ceramic structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Job, Maker, OnMissing
from pydantic import Field

from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.phonons import PhononMaker


class PhononStageSettings(FrozenSettings):
    """What a campaign computes vibrations of.

    The end members are needed for a free energy above the hull.
    """

    crystals: tuple[str, ...] | None = Field(
        None, description="Keys of crystals; none: all of the campaign."
    )
    glasses: bool = Field(
        False, description="The lowest structure of every composition sampled, too."
    )


@dataclass
class PhononFlowMaker(Maker):
    """Phonons of every structure chosen; `FreeEnergyBuilder` makes their hull.

    Parameters
    ----------
    phonons
        Maker of the job of one structure.
    settings
        What a campaign computes vibrations of.
    """

    name: str = "phonon stage"
    phonons: PhononMaker = field(default_factory=PhononMaker)
    settings: PhononStageSettings = field(default_factory=PhononStageSettings)

    def make(self, crystals: Mapping[str, Any], sampled: Mapping[str, Any]) -> Flow:
        """Make the flow of a campaign.

        Parameters
        ----------
        crystals
            References to the documents of relaxed crystals, by key.
        sampled
            References to the `SamplingDocument`s, by the name of their jobs.
        """
        keys = self.settings.crystals
        chosen = {key: crystals[key] for key in (crystals if keys is None else keys)}
        if self.settings.glasses:
            chosen |= sampled
        jobs: list[Flow | Job] = []
        for label, found in chosen.items():
            job = self.phonons.make(found)
            job.name = f"{self.phonons.name} {label}"
            # What was not relaxed fails here too, and nobody waits for it.
            job.config.on_missing_references = OnMissing.NONE
            jobs.append(job)
        return Flow(jobs, output=[job.output for job in jobs], name=self.name)
