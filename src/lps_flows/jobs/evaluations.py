"""What the calculations of a campaign took, counted from their documents."""

from __future__ import annotations

from pydantic import BaseModel

from lps_flows.jobs.large_parts import Queried
from lps_flows.jobs.outputs import JobOutput, outputs
from lps_flows.schemas.damage import damaged, readable

# names, so that counting loads none of the classes
COUNTED = (
    "StructureDocument",
    "StructureSet",
    "MDChunkDocument",
    "EOSDocument",
    "TensorDocument",
    "PhononDocument",
)
"""The documents of calculations."""

_OF_A_POTENTIAL = "ann-"


class _Spent(BaseModel):
    """What a document of a calculation says of its price, of before perhaps nothing."""

    method: str
    n_evaluations: int | None = None


def evaluations_by_stage(jobs: Queried, campaign: str) -> dict[str, int]:
    """Return the evaluations of energy and forces so far, but for those on a potential.

    What documents of before do not say counts as none.
    """
    counted: dict[str, int] = {}
    for kind in COUNTED:
        stored = outputs(jobs, campaign, kind, fields=tuple(_Spent.model_fields))
        for job, spent in readable(_read, stored):
            if not spent.method.startswith(_OF_A_POTENTIAL):
                so_far = counted.get(job.stage, 0)
                counted[job.stage] = so_far + (spent.n_evaluations or 0)
    return counted


def _read(job: JobOutput) -> tuple[JobOutput, _Spent]:
    try:
        return job, _Spent.model_validate(job.output)
    except ValueError as error:
        raise damaged(job.uuid, "a calculation's", error) from error
