"""Jumps of the mobile ions of every run of molecular dynamics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lps_flows.analysis.jumps import JumpSettings, ion_jumps
from lps_flows.analysis.trajectory import TrajectoryError, against_framework
from lps_flows.builders.increment import JobOutputBuilder
from lps_flows.jobs.outputs import checked_output
from lps_flows.jobs.trajectory import JoinedTrajectory, join_trajectory
from lps_flows.schemas.built import NO_CAMPAIGN
from lps_flows.schemas.damage import readable
from lps_flows.schemas.jumps import JUMP_INDEXES, JumpAnalysis, JumpDocument
from lps_flows.schemas.md import MDRunDocument


class JumpBuilder(JobOutputBuilder):
    """One document per analysed run, from its stored trajectory.

    Parameters as `IncrementalBuilder`, with `JumpSettings`. A run whose trajectory is
    too short, or gone, is recorded with the reason.
    """

    key = "jump_id"
    indexes = JUMP_INDEXES
    settings_type = JumpSettings
    output = "MDRunDocument"

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the runs whose jumps are out of date, with their trajectories."""
        yield from readable(self._with_trajectory, super().get_items())

    def _with_trajectory(self, item: dict[str, Any]) -> dict[str, Any]:
        run = checked_output(item["job"], MDRunDocument)
        try:
            return item | {"trajectory": join_trajectory(run.chunk_uuids, self.source)}
        except (TrajectoryError, ValueError) as error:
            return item | {"trajectory": str(error)}

    def document(
        self,
        job: Mapping[str, Any],
        context: dict[str, Any],
        source: str,
        trajectory: JoinedTrajectory | str = "",
    ) -> JumpDocument:
        """Return the jumps of one run."""
        run = checked_output(job, MDRunDocument)
        analysis: JumpAnalysis | None = None
        note = trajectory if isinstance(trajectory, str) else None
        if not isinstance(trajectory, str):
            try:
                analysis = ion_jumps(
                    run.structure,
                    against_framework(run.structure, trajectory.positions, run.mobile),
                    trajectory.times,
                    run.temperature,
                    settings=self.settings,
                    line=self.line,
                )
            except TrajectoryError as error:
                note = str(error)
        return JumpDocument(
            jump_id=job["uuid"],
            campaign=(job.get("metadata") or {}).get("campaign") or NO_CAMPAIGN,
            method=run.method,
            source_digest=source,
            label=run.label,
            formula=run.formula,
            temperature=run.temperature,
            mobile=run.mobile,
            production=run.production,
            structure=run.structure,
            analysis=analysis,
            note=note,
            settings=context,
        )
