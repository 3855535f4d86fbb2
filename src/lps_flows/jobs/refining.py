"""Train a potential further, on what was labelled since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jobflow import CURRENT_JOB, JobConfig, JobStore, Maker, OnMissing, job

from lps_flows.foundation import decode
from lps_flows.jobs.outputs import newest_heads
from lps_flows.jobs.training import TrainingMaker
from lps_flows.schemas import StructureSet
from lps_flows.schemas.potential import PotentialDocument


@dataclass
class RefineMaker(Maker):
    """Train on all that a potential was trained on, and on what came after it.

    Of a campaign that is every single point of its relaxations: labels near the minima
    that decide the hull.
    """

    name: str = "refine potential"
    training: TrainingMaker = field(
        default_factory=lambda: TrainingMaker(name="refining training")
    )

    @job(
        output_schema=PotentialDocument,
        data=["potential", "parity", "restarts"],
        config=JobConfig(expose_store=True, on_missing_references=OnMissing.NONE),
    )
    def make(
        self,
        potential: PotentialDocument,
        further: Sequence[StructureSet | None] = (),
        further_uuids: Sequence[str] = (),
        after: Any = None,
    ) -> PotentialDocument:
        """Train.

        Parameters
        ----------
        further, further_uuids
            Labelled sets besides, and their jobs.
        """
        del after
        store, current = CURRENT_JOB.store, CURRENT_JOB.job
        known = list(potential.trained_on)
        campaign = current.metadata.get("campaign")
        if campaign is not None:
            relaxations = newest_heads(store, ["RelaxationDocument"], campaign)
            known += sorted(set(relaxations) - set(known))
        labelled = [_load(store, uuid) for uuid in known]
        train = getattr(TrainingMaker.make, "original")  # noqa: B009
        trained: PotentialDocument = train(
            self.training,
            [*labelled, *further],
            potential,
            [*known, *further_uuids],
        )
        return trained


def _load(store: JobStore, uuid: str) -> Any:
    """Return a labelled set; None for one that failed, as when it was asked for."""
    if store.count({"uuid": uuid}) == 0:
        return None
    return decode(store.get_output(uuid, load=True))
