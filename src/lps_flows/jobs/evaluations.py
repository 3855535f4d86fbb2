"""What the calculations of a campaign took, counted from their documents."""

from __future__ import annotations

from jobflow import JobStore

from lps_flows.jobs.outputs import checked_parts
from lps_flows.schemas.elasticity import EOSDocument, TensorDocument
from lps_flows.schemas.md import MDChunkDocument
from lps_flows.schemas.phonons import PhononDocument
from lps_flows.schemas.structure import StructureDocument, StructureSet

_COUNTED = (
    StructureDocument,
    StructureSet,
    MDChunkDocument,
    EOSDocument,
    TensorDocument,
    PhononDocument,
)
_FIELDS = ("method", "n_evaluations")
_OF_A_POTENTIAL = "ann-"


def evaluations_by_stage(job_store: JobStore, campaign: str) -> dict[str, int]:
    """Return the evaluations of energy and forces so far, but for those on a potential.

    What documents of before do not say counts as none.
    """
    counted: dict[str, int] = {}
    for kind in _COUNTED:
        for job in checked_parts(job_store, campaign, kind, fields=_FIELDS):
            if not job.output["method"].startswith(_OF_A_POTENTIAL):
                spent = job.output.get("n_evaluations") or 0
                counted[job.stage] = counted.get(job.stage, 0) + spent
    return counted
