"""Run the builders as the last job of a campaign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import CURRENT_JOB, JobConfig, Maker, job

from lps_flows.builders import BuildSettings, build_all
from lps_flows.chemistry import CompositionLine


@dataclass
class BuildMaker(Maker):
    """Run every builder on the store of the running job."""

    name: str = "build"
    settings: BuildSettings = field(default_factory=BuildSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(config=JobConfig(expose_store=True))
    def make(self, after: Any = None) -> dict[str, int]:
        """Run the builders.

        Returns
        -------
        dict
            Documents written by each builder.
        """
        del after
        return build_all(
            CURRENT_JOB.store,
            self.settings,
            line=self.line,
            campaign=CURRENT_JOB.job.metadata.get("campaign"),
        )
