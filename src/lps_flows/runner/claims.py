"""Whose a campaign is while it is submitted, restored or deleted."""

from __future__ import annotations

from fireworks import LaunchPad

from lps_flows.foundation import LpsFlowsError

SUBMISSION_EXPIRES_S = 600.0
"""Age at which a submission that another machine began is forgotten (s)."""


class SubmissionError(LpsFlowsError):
    """A campaign is being submitted, restored or deleted by another process."""


def refuse_while_claimed(launchpad: LaunchPad, campaign: str) -> None:
    """Raise unless a campaign is whole, as far as its record says.

    Raises
    ------
    SubmissionError
        If it is being submitted, restored or deleted.
    """
    record = launchpad.db["campaigns"].find_one({"campaign": campaign}, {"state": 1})
    if record is not None and record["state"] != "submitted":
        raise being_claimed(campaign)


def being_claimed(campaign: str) -> SubmissionError:
    """Return the error for a campaign that another process writes or takes away."""
    return SubmissionError(
        "another process is submitting, restoring or deleting this campaign",
        field="campaign",
        value=campaign,
        remedy="Wait. If it was killed: submit, restore or delete it again; a "
        "submission on another machine is forgotten "
        f"{SUBMISSION_EXPIRES_S / 60:.0f} minutes after it began",
    )
