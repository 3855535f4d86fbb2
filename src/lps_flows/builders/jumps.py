"""Jumps of the mobile ions of every run of molecular dynamics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lps_flows.analysis.jumps import JumpSettings, ion_jumps
from lps_flows.analysis.trajectory import TrajectoryError, against_framework
from lps_flows.builders.increment import JobOutputBuilder, chunks
from lps_flows.jobs.large_parts import LostPartError
from lps_flows.jobs.outputs import campaign_of, checked_output, checked_parts
from lps_flows.jobs.trajectory import JoinedTrajectory, join_trajectory
from lps_flows.schemas.damage import readable
from lps_flows.schemas.jumps import JUMP_INDEXES, JumpAnalysis, JumpDocument
from lps_flows.schemas.md import MDRunDocument


class JumpBuilder(JobOutputBuilder):
    """One document per analysed run, from its stored trajectory.

    Parameters as `IncrementalBuilder`, with `JumpSettings`. A run whose trajectory is
    too short, or gone, is recorded with the reason; what has been analysed stays when
    its trajectory goes.
    """

    key = "jump_id"
    indexes = JUMP_INDEXES
    settings_type = JumpSettings
    output = "MDRunDocument"

    def context(self) -> Callable[[str], dict[str, Any]]:
        """Return the settings and which chunks of a run are gone, by the run's uuid."""
        settings = self.settings.model_dump(mode="json")
        self._gone = self._runs_with_chunks_gone()
        return lambda uuid: (
            settings | ({"gone": self._gone[uuid]} if uuid in self._gone else {})
        )

    def out_of_date(self, wanted: Mapping[str, str]) -> list[str]:
        """Leave out what was analysed before its trajectory went: it stays."""
        pending = super().out_of_date(wanted)
        gone = {"$in": [uuid for uuid in pending if uuid in self._gone]}
        kept = {self.key: gone, "analysis": {"$ne": None}}
        analysed = set(self.target.distinct(self.key, kept))
        return [uuid for uuid in pending if uuid not in analysed]

    def _runs_with_chunks_gone(self) -> dict[str, list[str]]:
        """Return the chunks that are not in the store, or not their frames, by run."""
        of = self.source, self.campaign, MDRunDocument
        runs = {
            run.uuid: run.output["chunk_uuids"]
            for run in checked_parts(*of, fields=("chunk_uuids",))
        }
        there = self._there({uuid for uuids in runs.values() for uuid in uuids})
        gone = {
            run: [uuid for uuid in uuids if uuid not in there]
            for run, uuids in runs.items()
        }
        return {run: uuids for run, uuids in gone.items() if uuids}

    def _there(self, uuids: Iterable[str]) -> set[str]:
        """Return which of these chunks are in the store with their frames."""
        # a store without one may hold everything in its documents
        data = self.source.additional_stores.get("data")
        there: set[str] = set()
        for few in chunks(sorted(uuids), 1000):
            blobs = {
                chunk["uuid"]: _blob(chunk.get("output"))
                for chunk in self.source.query(
                    {"uuid": {"$in": few}},
                    properties=["output.frames.blob_uuid"],
                    sort={"index": 1},
                )
            }
            named = {"blob_uuid": {"$in": [blob for blob in blobs.values() if blob]}}
            kept = {None, *([] if data is None else data.distinct("blob_uuid", named))}
            there |= {uuid for uuid, blob in blobs.items() if blob in kept}
        return there

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the runs whose jumps are out of date, with their trajectories."""
        yield from readable(self._with_trajectory, super().get_items())

    def _with_trajectory(self, item: dict[str, Any]) -> dict[str, Any]:
        run = checked_output(item["job"], MDRunDocument)
        try:
            return item | {"trajectory": join_trajectory(run.chunk_uuids, self.source)}
        except (TrajectoryError, LostPartError, ValueError) as error:
            # of frames that are half gone: what was analysed before stays
            analysed = {self.key: item["job"]["uuid"], "analysis": {"$ne": None}}
            if isinstance(error, LostPartError) and self.target.count(analysed):
                raise
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
            campaign=campaign_of(job),
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
            settings={key: context[key] for key in context if key != "gone"},
        )


def _blob(chunk: Any) -> str | None:
    """Return where the frames of a chunk lie in the additional store."""
    frames = chunk.get("frames") if isinstance(chunk, Mapping) else None
    return frames.get("blob_uuid") if isinstance(frames, Mapping) else None
