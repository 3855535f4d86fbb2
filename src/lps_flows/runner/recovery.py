"""Mend what killed workers left on the LaunchPad.

FireWorks writes a finished launch, its firework, the fireworks it adds, and the
workflow one after the other. A worker killed in between leaves one of these:

- a firework RUNNING whose worker is dead: its launch is marked failed and it is rerun;
- a firework RESERVED that no launch belongs to: it is made READY;
- a launch that is completed while its firework is not, or a firework whose state
  differs from the one in its workflow: the workflow is refreshed, which applies what
  the launch asked for;
- fireworks that belong to no workflow (additions whose workflow was not yet written):
  they are deleted, the refresh makes them again;
- a locked workflow: its lock is taken over once nothing is written under it any more.

A server that was away leaves fireworks FIZZLED that are not to blame for it; they are
rerun, too.

``lpad detect_lostruns --rerun --refresh`` mends the first and part of the third.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fireworks import LaunchPad

from lps_flows.runner.away import LOCK_S, tells_of_away
from lps_flows.runner.claims import refuse_while_claimed
from lps_flows.runner.progress import failures

HANDOVER_S = 5.0
"""Time from reservation to launch where no other worker is alive."""
BUSY_HANDOVER_S = 120.0
"""The same where one may be: reading a job has taken a busy machine 13 s."""
_SILENCE_S = 2.0
"""Silence after which a lock is taken over where no worker can be alive."""


@dataclass(frozen=True)
class Recovered:
    """What was mended, as ids of fireworks."""

    rerun: tuple[int, ...] = ()
    released: tuple[int, ...] = ()
    refreshed: tuple[int, ...] = ()
    unanswered: tuple[int, ...] = ()
    deleted: int = 0

    def __bool__(self) -> bool:
        return any(astuple(self))


def recover(
    launchpad: LaunchPad,
    campaign: str,
    dead: dict[str, Any] | None = None,
    *,
    handover_s: float = HANDOVER_S,
    proven: bool = False,
) -> Recovered:
    """Mend a campaign after workers were killed.

    Parameters
    ----------
    campaign
        The campaign. Others are left alone.
    dead
        Query on launches whose worker is known to be dead, e.g.
        ``{"fworker.name": "…"}``; an empty query means all of this campaign. None:
        no launch is known to be lost.
    handover_s
        Seconds that a living worker is given between the reservation of a firework
        and its launch; what is reserved for longer counts as given up.
    proven
        Whether those workers are known to be gone, not only taken for dead. Where none
        but they ever worked at the campaign, what they were writing is taken up after
        seconds, else after `LOCK_S` in which nothing was written.

    Raises
    ------
    SubmissionError
        If another process is submitting, restoring or deleting the campaign.
    """
    refuse_while_claimed(launchpad, campaign)
    fireworks = launchpad.fireworks
    of_campaign = {"spec.campaign": campaign}
    active = {**of_campaign, "state": {"$in": ["RUNNING", "RESERVED"]}}
    in_flight = [f["fw_id"] for f in fireworks.find(active, {"fw_id": 1})]
    lost: list[int] = []
    if dead is not None and in_flight:
        query = {**dead, "fw_id": {"$in": in_flight}, "state": "RUNNING"}
        lost = launchpad.launches.distinct("launch_id", query)
    nobody = proven and dead is not None and _all_of(launchpad, campaign, dead)
    deleted, refreshed = 0, []
    for workflow in launchpad.workflows.find({"metadata.campaign": campaign}):
        node = workflow["nodes"][0]
        with _locked(launchpad, campaign, node, _SILENCE_S if nobody else LOCK_S):
            if not nobody and _being_added_to(launchpad, campaign):
                continue
            deleted += delete_orphans(launchpad, campaign)
            refreshed += _contradictions(launchpad, node)
    for fw_id in refreshed:
        launchpad._refresh_wf(fw_id)  # noqa: SLF001 - what `lpad admin refresh` calls
    rerun = _rerun(launchpad, lost)
    unanswered = _rerun_unanswered(launchpad, campaign)
    released = _release(launchpad, active, handover_s)
    return Recovered(
        tuple(rerun), tuple(released), tuple(refreshed), tuple(unanswered), deleted
    )


def silent_for(seconds: float) -> dict[str, Any]:
    """Return a query on launches that gave no sign of life for so long.

    What ``lpad detect_lostruns --time`` looks for.
    """
    before = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    last = {"state": "RUNNING", "updated_on": {"$lte": before}}
    return {"state_history": {"$elemMatch": last}}


def delete_orphans(launchpad: LaunchPad, campaign: str) -> int:
    """Delete fireworks of a campaign that belong to no workflow."""
    orphans = list(_orphans(launchpad, campaign))
    launchpad.fireworks.delete_many({"fw_id": {"$in": orphans}})
    return len(orphans)


def _orphans(launchpad: LaunchPad, campaign: str) -> dict[int, datetime]:
    """Return the fireworks that belong to no workflow, and when they were written."""
    # in this order: additions are written before the workflow that names them
    fireworks = {
        f["fw_id"]: f["_id"].generation_time
        for f in launchpad.fireworks.find({"spec.campaign": campaign}, {"fw_id": 1})
    }
    workflows = launchpad.workflows.find({"metadata.campaign": campaign}, {"nodes": 1})
    nodes = {node for workflow in workflows for node in workflow["nodes"]}
    return {fw: written for fw, written in fireworks.items() if fw not in nodes}


def _being_added_to(launchpad: LaunchPad, campaign: str) -> bool:
    """Whether a worker from which the lock was taken may still be adding fireworks."""
    newest = max(_orphans(launchpad, campaign).values(), default=None)
    if newest is None:
        return False
    # by the server's clock, which dated them
    now = launchpad.db.command("hello")["localTime"].replace(tzinfo=UTC)
    return now - newest < timedelta(seconds=LOCK_S)


def _all_of(launchpad: LaunchPad, campaign: str, dead: dict[str, Any]) -> bool:
    """Whether no worker but the dead ones ever launched anything of a campaign."""
    ids = launchpad.fireworks.distinct("fw_id", {"spec.campaign": campaign})
    others = {"fw_id": {"$in": ids}, "$nor": [dead]}
    return launchpad.launches.find_one(others, {"_id": 1}) is None


@contextmanager
def _locked(
    launchpad: LaunchPad, campaign: str, node: int, patience_s: float
) -> Iterator[None]:
    """Hold the lock of a workflow; one under which nothing is written is taken over.

    Locks have no owner, and a worker that adds much holds one while no launch of it is
    running any more: only what it writes tells that it lives.
    """
    workflows, its = launchpad.workflows, {"nodes": node}
    free = {**its, "locked": {"$exists": False}}
    lock = {"$set": {"locked": True}}
    written, since = None, time.monotonic()
    while workflows.find_one_and_update(free, lock, {"_id": 1}) is None:
        now = (
            workflows.distinct("updated_on", its),
            launchpad.fireworks.count_documents({"spec.campaign": campaign}),
        )
        if now != written:
            written, since = now, time.monotonic()
        if time.monotonic() - since > patience_s:
            break
        time.sleep(0.2)
    try:
        yield
    finally:
        workflows.update_one(its, {"$unset": {"locked": True}})


def _contradictions(launchpad: LaunchPad, workflow_node: int) -> list[int]:
    """Return the fireworks whose launch, own state and workflow disagree.

    To be called with the workflow locked: living workers pass through such states
    while they hold the lock.
    """
    workflow = launchpad.workflows.find_one({"nodes": workflow_node})
    if workflow is None:  # deleted meanwhile
        return []
    states = {int(k): state for k, state in workflow["fw_states"].items()}
    query = {"fw_id": {"$in": workflow["nodes"]}}
    wanted = {"fw_id": 1, "state": 1, "launches": 1}
    contradictory = []
    for firework in launchpad.fireworks.find(query, wanted).sort("fw_id", 1):
        fw_id, state = firework["fw_id"], firework["state"]
        if state == "RESERVED" and not firework["launches"]:
            continue  # a living worker may be about to launch it, see `_release`
        ended = {
            "launch_id": {"$in": firework["launches"]},
            "state": {"$in": ["COMPLETED", "FIZZLED"]},
        }
        if states.get(fw_id) != state or (
            state == "RUNNING" and launchpad.launches.find_one(ended, {"_id": 1})
        ):
            contradictory.append(fw_id)
            if state in ("COMPLETED", "FIZZLED"):
                # else the refresh sees no change and does not apply the action
                running = {"$set": {"state": "RUNNING"}}
                launchpad.fireworks.update_one({"fw_id": fw_id}, running)
    return contradictory


def _rerun(launchpad: LaunchPad, lost: list[int]) -> list[int]:
    rerun = []
    for launch_id in lost:
        launch = launchpad.launches.find_one({"launch_id": launch_id}, {"fw_id": 1})
        launchpad.mark_fizzled(launch_id)
        firework = launchpad.fireworks.find_one(
            {"fw_id": launch["fw_id"]}, {"state": 1}
        )
        if firework is not None and firework["state"] == "FIZZLED":
            launchpad.rerun_fw(launch["fw_id"])
            rerun.append(launch["fw_id"])
    return rerun


def _rerun_unanswered(launchpad: LaunchPad, campaign: str) -> list[int]:
    """Rerun what failed since the server did not answer."""
    rerun = []
    for failure in failures(launchpad, campaign):
        if tells_of_away(failure.reason):
            launchpad.rerun_fw(failure.fw_id)
            rerun.append(failure.fw_id)
    return rerun


def _release(
    launchpad: LaunchPad, active: dict[str, Any], handover_s: float
) -> list[int]:
    """Make READY what a worker reserved but never launched."""
    before = reservations(launchpad, active)
    if not before:
        return []
    now = datetime.now(UTC)
    ages = {one: (now - one[1]).total_seconds() for one in before}
    waited = min(max(handover_s - min(ages.values()), 0.0), handover_s, HANDOVER_S)
    time.sleep(waited)
    still = before & reservations(launchpad, active)
    released = sorted(
        fw_id
        for fw_id, since in still
        # a clock that is ahead of ours is not waited for
        if max(ages[fw_id, since] + waited, waited) >= handover_s
    )
    for fw_id in released:
        launchpad.rerun_fw(fw_id)
    return released


def reservations(
    launchpad: LaunchPad, query: dict[str, Any]
) -> set[tuple[int, datetime]]:
    """Return the fireworks of a query that wait for their launch, and since when."""
    reserved = {**query, "state": "RESERVED", "launches": []}
    found = set()
    for firework in launchpad.fireworks.find(reserved, {"fw_id": 1, "updated_on": 1}):
        since = firework.get("updated_on")
        if isinstance(since, str):
            since = datetime.fromisoformat(since)
        since = since or datetime.min.replace(tzinfo=UTC)
        found.add((firework["fw_id"], since.replace(tzinfo=since.tzinfo or UTC)))
    return found
