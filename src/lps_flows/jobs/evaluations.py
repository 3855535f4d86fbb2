"""What the calculations of a campaign took, counted from their documents."""

from __future__ import annotations

from jobflow import JobStore

from lps_flows.jobs.outputs import outputs

_COUNTED = ("StructureDocument", "StructureSet", "MDChunkDocument", "EOSDocument")
_OF_A_POTENTIAL = "ann-"


def evaluations_by_stage(job_store: JobStore, campaign: str) -> dict[str, int]:
    """Return the evaluations of energy and forces so far, but for those on a potential.

    What documents of before do not say counts as none.

    Parameters
    ----------
    job_store
        Connected store of job outputs.
    campaign
        Name of the campaign.
    """
    counted: dict[str, int] = {}
    for kind in _COUNTED:
        for job in outputs(
            job_store, campaign, kind, fields=("method", "n_evaluations")
        ):
            if not str(job.output["method"]).startswith(_OF_A_POTENTIAL):
                spent = job.output.get("n_evaluations") or 0
                counted[job.stage] = counted.get(job.stage, 0) + spent
    return counted
