"""How far a campaign is, read from its fireworks."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.database import Database

_STATES = {
    "COMPLETED": "completed",
    "RUNNING": "running",
    "RESERVED": "running",
    "READY": "ready",
    "WAITING": "waiting",
    "FIZZLED": "failed",
}
# MongoDB compares the parts of a list, too
_ONE = {"$not": {"$type": "array"}}
_SOUND: dict[str, Any] = {
    "state": {"$in": [*_STATES, "DEFUSED", "PAUSED", "ARCHIVED"], **_ONE},
    "fw_id": {"$type": "number", **_ONE},
    "name": {"$type": "string", **_ONE},
    "launches": {"$type": "array"},
}
_ERROR_LINE = re.compile(r"^[A-Za-z_][\w.]*(?:: |$)")
_LONGEST_REASON = 600
# user and password of a connection string that an exception quotes
_CREDENTIALS = re.compile(r"://[^/@\s]+@")
_CHAINED = "During handling of the above exception, another exception occurred:"
_IN_THE_JOB = re.compile(r"^\s+File .*, in run_task$", re.MULTILINE)


class Queue(Protocol):
    """Where fireworks wait: a LaunchPad, or its database alone."""

    @property
    def db(self) -> Database[dict[str, Any]]:
        """The database."""

    @property
    def fireworks(self) -> Collection[dict[str, Any]]:
        """Its fireworks."""

    @property
    def launches(self) -> Collection[dict[str, Any]]:
        """Its launches."""


@dataclass(frozen=True)
class StageProgress:
    """Counts of the fireworks of one stage.

    `stopped` counts those that were defused, paused or archived.
    """

    stage: str
    completed: int = 0
    running: int = 0
    ready: int = 0
    waiting: int = 0
    failed: int = 0
    stopped: int = 0

    @property
    def total(self) -> int:
        """Number of fireworks so far; jobs may still add some."""
        return self.completed + self.unfinished

    @property
    def unfinished(self) -> int:
        """Number of fireworks that are not completed."""
        return self.running + self.ready + self.waiting + self.failed + self.stopped


@dataclass(frozen=True)
class Progress:
    """State of a campaign.

    Attributes
    ----------
    stages
        Counts per stage, in the order of the flow.
    running
        Names of the fireworks that are running now.
    stopped
        How many fireworks someone took out of the queue, by FireWorks' state.
    damaged
        Fireworks that do not say what every firework says, and count as stopped; and
        how many are missing.
    missing
        How many fireworks the workflow names that are not there; looked for where none
        runs or could.
    """

    campaign: str
    stages: tuple[StageProgress, ...]
    running: tuple[str, ...] = ()
    stopped: dict[str, int] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    missing: int = 0

    @property
    def total(self) -> StageProgress:
        """Counts over all stages."""
        fields = ("completed", "running", "ready", "waiting", "failed", "stopped")
        sums = {f: sum(getattr(stage, f) for stage in self.stages) for f in fields}
        return StageProgress("total", **sums)

    @property
    def complete(self) -> bool:
        """Whether every firework is completed, and there is at least one."""
        return bool(self.stages) and self.total.unfinished == self.missing == 0


@dataclass(frozen=True)
class Failure:
    """A firework that failed.

    Attributes
    ----------
    fw_id
        Its id, for ``lpad get_fws -i`` and ``lpad rerun_fws -i``; -1 where it has none.
    reason
        Type and message of the exception.
    """

    fw_id: int
    name: str
    stage: str
    reason: str
    folder: str


def progress(queue: Queue, campaign: str) -> Progress:
    """Count the fireworks of a campaign by stage and state."""
    counted = queue.fireworks.aggregate(
        [
            {"$match": {"spec.campaign": campaign}},
            {
                "$group": {
                    "_id": {"stage": "$spec.stage", "state": "$state"},
                    "n": {"$sum": 1},
                }
            },
        ]
    )
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    stopped: dict[str, int] = {}
    for group in counted:
        stage = str(group["_id"].get("stage") or "other")
        state = str(group["_id"].get("state", "without a state"))
        counts[stage][_STATES.get(state, "stopped")] += group["n"]
        if state not in _STATES:
            stopped[state] = stopped.get(state, 0) + group["n"]
    record = queue.db["campaigns"].find_one({"campaign": campaign}) or {}
    recorded = record.get("stages")
    known = [
        s for s in (recorded if isinstance(recorded, list) else []) if s in list(counts)
    ]
    stages = [*known, *sorted(set(counts) - set(known))]
    damaged = [
        f"firework {firework.get('fw_id', firework['_id'])}: its state, name or "
        "launches are not a firework's"
        for firework in queue.fireworks.find(
            {"spec.campaign": campaign, "$nor": [_SOUND]}, {"fw_id": 1}
        )
    ]
    goes_on = any(count["running"] or count["ready"] for count in counts.values())
    missing = 0 if goes_on else _missing(queue, campaign)
    if missing:
        damaged.append(f"{missing} fireworks that the workflow names are not there")
    running = queue.fireworks.find(
        {"spec.campaign": campaign, "state": "RUNNING"}, {"name": 1}
    )
    return Progress(
        campaign,
        tuple(StageProgress(stage, **counts[stage]) for stage in stages),
        tuple(sorted(str(firework.get("name")) for firework in running)),
        stopped,
        tuple(damaged),
        missing,
    )


def _missing(queue: Queue, campaign: str) -> int:
    """Count the fireworks that are named in a campaign's workflow alone."""
    of_campaign = {"metadata.campaign": campaign}
    workflow = queue.db["workflows"].find_one(of_campaign, {"nodes": 1}) or {}
    nodes = workflow.get("nodes", [])
    if not isinstance(nodes, list):
        return 0
    # after the workflow: additions are there before it names them
    return len(nodes) - queue.fireworks.count_documents({"fw_id": {"$in": nodes}})


def launch_times(queue: Queue, campaign: str) -> tuple[dict[str, float], list[str]]:
    """Return the wall time of finished launches by stage (s), and what is unread."""
    stages: dict[int, str] = {}
    for firework in queue.fireworks.find(
        {"spec.campaign": campaign}, {"fw_id": 1, "spec.stage": 1}
    ):
        if isinstance(firework.get("fw_id"), int):
            stages[firework["fw_id"]] = str(firework["spec"].get("stage", "other"))
    spent: dict[str, float] = {}
    unread = []
    for launch in queue.launches.find(
        {"fw_id": {"$in": list(stages)}}, {"fw_id": 1, "state_history": 1}
    ):
        try:
            seconds = _wall_time(launch["state_history"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            unread.append(
                f"launch of firework {launch['fw_id']}: its times cannot be read "
                f"({type(error).__name__}: {error})"
            )
            continue
        if seconds is not None:
            stage = stages[launch["fw_id"]]
            spent[stage] = spent.get(stage, 0.0) + seconds
    return spent, unread


def _wall_time(history: list[dict[str, Any]]) -> float | None:
    begun = ended = None
    for entry in history:
        if entry["state"] == "RUNNING":
            begun = entry["created_on"]
        elif entry["state"] in {"COMPLETED", "FIZZLED"}:
            ended = entry["created_on"]
    return None if begun is None or ended is None else _seconds(begun, ended)


def _seconds(begun: datetime | str, ended: datetime | str) -> float:
    first, last = (
        moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
        for moment in (begun, ended)
    )
    return max((last - first).total_seconds(), 0.0)


def failures(queue: Queue, campaign: str) -> list[Failure]:
    """Return the failed fireworks of a campaign with their reasons."""
    query = {"spec.campaign": campaign, "state": "FIZZLED"}
    wanted = {"fw_id": 1, "name": 1, "spec.stage": 1, "launches": 1}
    wanted["spec._exception_details"] = 1
    failed = []
    for firework in queue.fireworks.find(query, wanted).sort("fw_id", 1):
        launches = firework.get("launches")
        launch = queue.launches.find_one(
            {"launch_id": {"$in": launches if isinstance(launches, list) else []}},
            sort=[("launch_id", -1)],
        )
        fw_id = firework.get("fw_id")
        failed.append(
            Failure(
                fw_id if isinstance(fw_id, int) else -1,
                str(firework.get("name")),
                str(firework["spec"].get("stage", "other")),
                _reason(firework, launch),
                str((launch or {}).get("launch_dir", "")),
            )
        )
    return failed


def _reason(firework: dict[str, Any], launch: dict[str, Any] | None) -> str:
    trace = _at(launch, "action", "stored_data", "_exception", "_stacktrace")
    if trace is None:
        trace = _at(firework, "spec", "_exception_details", "_stacktrace")
    if _at(launch, "action", "gridfs_id") is not None:
        number = firework.get("fw_id")
        return f"Too large to be told here, see `lpad get_fws -d all -i {number}`."
    if not isinstance(trace, str):
        return "The worker stopped without a word (killed, or out of memory)."
    return last_error(trace)


def _at(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def last_error(trace: str) -> str:
    r"""Return type and message of the exception that ends a stack trace.

    Once a job has failed, that is its own: FireWorks stores it with its arguments
    resolved, which may be larger than a document can be, and then fails in turn.

    >>> last_error("Traceback ...\n  File ...\nValueError: no\nsuch thing\n")
    'ValueError: no such thing'
    """
    parts = trace.split(_CHAINED)
    own = next((part for part in parts if _IN_THE_JOB.search(part)), trace)
    lines = own.rstrip().splitlines()
    # a new exception begins without indentation; its message may have more lines
    last_frame = max((n for n, line in enumerate(lines) if line[:1] == " "), default=-1)
    tail = [line.strip() for line in lines[last_frame + 1 :] if line.strip()]
    begin = next((n for n, line in enumerate(tail) if _ERROR_LINE.match(line)), 0)
    reason = " ".join(tail[begin:]) or lines[-1].strip() if lines else "unknown"
    reason = _CREDENTIALS.sub("://***@", reason)
    if len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 1] + "…"
    return reason
