"""Train a potential further, on what was labelled since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jobflow import CURRENT_JOB, Flow, JobConfig, Maker, OnMissing, Response, job
from jobflow.core.reference import ResolvedReference

from lps_flows.jobs.outputs import newest_heads
from lps_flows.jobs.references import by_uuid, in_place, recall, value_of
from lps_flows.jobs.training import TrainingMaker
from lps_flows.schemas import StructureSet
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.sampling import SamplingDocument


@dataclass
class RefineMaker(Maker):
    """Train on all that a potential was trained on, and on what came after it.

    Of a campaign that is single points of its relaxations: labels near the minima that
    decide the hull. It goes on from the weights there are, which know what dynamics
    will meet: anew errors were larger, there and at minima (docs/potential.md).
    """

    name: str = "refine potential"
    training: TrainingMaker = field(
        default_factory=lambda: TrainingMaker(name="refining training")
    )

    # No output schema: a job that is replaced holds none of its own.
    @job(config=JobConfig(expose_store=True, on_missing_references=OnMissing.NONE))
    def make(
        self,
        potential: Any,
        further: Sequence[StructureSet | None] = (),
        further_uuids: Sequence[str] = (),
        after: Any = None,
        relaxation_uuids: Sequence[str] = (),
    ) -> Response:
        """Replace this job by one that trains, whose output is a `PotentialDocument`.

        Parameters
        ----------
        potential
            The potential so far (`PotentialDocument`), handed over by `both`.
        further, further_uuids
            Labelled sets besides, which are waited for, and their jobs.
        after
            What is waited for; the relaxations behind a `SamplingDocument` among it
            are trained on.
        relaxation_uuids
            Jobs of further relaxations (`RelaxationDocument`).
        """
        del further
        so_far: PotentialDocument = value_of(potential)
        known = [*so_far.trained_on, *relaxation_uuids]
        for done in after or ():
            if isinstance(done, SamplingDocument):
                known += done.relaxation_uuids
        campaign = CURRENT_JOB.job.metadata.get("campaign")
        if campaign is not None and CURRENT_JOB.store is not None:
            # what an earlier version left no references to
            known += newest_heads(CURRENT_JOB.store, ["RelaxationDocument"], campaign)
        sets = list(dict.fromkeys([*known, *further_uuids]))
        recalling, given = recall(
            potential=potential, **{uuid: by_uuid(uuid) for uuid in sets}
        )
        train: Any = self.training.make(
            [given[uuid].value for uuid in sets],
            given["potential"].value
            if isinstance(given["potential"], ResolvedReference)
            else given["potential"],
            sets,
            further=True,
        )
        # what failed is left out
        train.config.on_missing_references = OnMissing.NONE
        return Response(replace=Flow([*recalling, in_place(train)]))
