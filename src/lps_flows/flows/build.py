"""Run the builders as the last job of a campaign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import CURRENT_JOB, SETTINGS, JobConfig, Maker, job

from lps_flows.builders import BuildSettings, build_all
from lps_flows.builders.increment import refuse_foreign
from lps_flows.chemistry import CompositionLine
from lps_flows.jobs.outputs import holds


@dataclass
class BuildMaker(Maker):
    """Run every builder on the store of the running job.

    Where that does not hold the campaign, as on a worker of jobflow-remote, it is the
    store that jobflow's own settings name there (``JOBFLOW_CONFIG_FILE``).
    """

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

        Raises
        ------
        ForeignStoreError
            When neither store holds the campaign's jobs.
        """
        del after
        store, campaign = CURRENT_JOB.store, CURRENT_JOB.job.metadata.get("campaign")
        if not holds(store, campaign):
            store = SETTINGS.JOB_STORE
            store.connect()
        refuse_foreign(store, campaign)
        return build_all(store, self.settings, line=self.line, campaign=campaign)
