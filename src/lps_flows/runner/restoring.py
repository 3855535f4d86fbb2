"""Put an archived campaign onto a server, so that it goes on there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import disk_usage
from typing import Any

from filelock import FileLock
from pymongo.errors import DuplicateKeyError

from lps_flows.builders.increment import chunks
from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.archive_content import Content, check_content, settings_of
from lps_flows.runner.archive_file import read_archive
from lps_flows.runner.archive_parts import HELD_BACK, Move, RunFiles
from lps_flows.runner.belongings import belongings, collections, remove
from lps_flows.runner.given import at_hand, given_of
from lps_flows.runner.processes import has_ended, this_process
from lps_flows.runner.run_folders import JOB
from lps_flows.runner.workplace import Workplace, place_of

RESTORING = "restoring"

_AT_ONCE = 500
_BATCH_BYTES = 2**23


class CampaignThereError(LpsFlowsError):
    """Something of a campaign is on the server to which it shall be restored."""


class NoRoomError(LpsFlowsError):
    """What an archive holds is larger than the room on the disk."""


@dataclass(frozen=True)
class Restored:
    """A campaign that was put onto a server.

    Attributes
    ----------
    put_back
        Fireworks that were running when it was archived, and will run again.
    settings
        The settings it was submitted with, as a campaign file has them; None if an old
        version did not record them.
    given
        Files that they lead to and that are here: ``files``, paths by the SHA-256 of
        their content, and ``own_crystals`` as the campaign file had them.
    """

    campaign: str
    n_fireworks: int
    n_documents: int
    n_files: int
    put_back: tuple[int, ...] = ()
    settings: dict[str, Any] | None = None
    given: dict[str, dict[str, Any]] = field(default_factory=dict)


def restore(workplace: Workplace, file: Path | str) -> Restored:
    """Put an archived campaign onto the workplace's server, to go on from there.

    The file is read whole before anything is written. Nothing in it is executed or
    made into an object; to run the campaign afterwards is to run the jobs it holds, so
    run those of people you trust. Fireworks and launches get ids that are free
    here, paths of run directories become those below this home (files that are there
    stay), and what was running is put back on the queue.

    Raises
    ------
    DamagedArchiveError
        If the file is damaged, no archive, or holds what no campaign has.
    CampaignThereError
        If the server holds something of a campaign of this name, or of these jobs.
    NoRoomError
        If there is not the room on the disk for what it holds.
    OSError
        If the file cannot be read, or run directories not be written.
    """
    file = Path(file)
    head, entries = read_archive(file)
    content = check_content(file, head, entries)
    name, campaigns = content.campaign, workplace.require_launchpad().db["campaigns"]
    _need_room(workplace, content, file)
    with FileLock(workplace.home.lock(f"submit-{name}")):
        _claim(workplace, content)
        try:
            given = given_of(head["record"])
            move = Move(workplace, content, head["folders"], given["files"])
            _write(workplace, move, read_archive(file)[1])
            record = {**head["record"], "state": "submitted"}
            record["place"] = place_of(workplace)
            there = {
                move.given.get(path, path): sha256
                for path, sha256 in given["files"].items()
            }
            record["given"] = json.dumps({**given, "files": there})
            record["workflow_id"] = min(move.fireworks.values(), default=0)
            record.pop("_id", None)
            campaigns.replace_one({"campaign": name}, record)
        except BaseException:
            remove(workplace, name)
            campaigns.delete_one({"campaign": name, "state": RESTORING})
            raise
    hashes = given_of(record)["files"]
    return Restored(
        name,
        len(content.fireworks),
        content.n_documents,
        len(content.paths),
        tuple(sorted(move.fireworks[fw_id] for fw_id in content.put_back)),
        settings_of(record),
        {
            **given_of(record),
            "files": {
                hashes[path]: str(file)
                for path, file in at_hand(workplace, record).items()
            },
        },
    )


def _need_room(workplace: Workplace, content: Content, file: Path) -> None:
    needed = content.n_bytes["runs"]
    if workplace.server is not None:  # else the documents go to another machine
        needed = content.n_bytes.total()
    free = disk_usage(workplace.home.folder("launches")).free
    if needed > free:
        raise NoRoomError(
            f"it holds {needed / 1e9:.3g} GB; {free / 1e9:.3g} GB are free in "
            f"{workplace.home.path}",
            field="file",
            value=str(file),
            remedy="Nothing was written. Make room, or name another LPS_FLOWS_HOME",
        )


def _claim(workplace: Workplace, content: Content) -> None:
    """Record that this process restores the campaign; refuse what is there already."""
    name = content.campaign
    campaigns = workplace.require_launchpad().db["campaigns"]
    known = campaigns.find_one({"campaign": name})
    here = place_of(workplace)
    # a killed one of this place held the lock that we hold
    if (known or {}).get("state") == RESTORING and (
        known["place"] == here or has_ended(known["process"])
    ):
        remove(workplace, name)
        campaigns.delete_one({"_id": known["_id"]})
        known = None
    if known is not None or _something_there(workplace, content):
        raise _there(name)
    claim = {"campaign": name, "state": RESTORING, "place": here}
    try:
        campaigns.insert_one({**claim, "process": this_process()})
    except DuplicateKeyError:  # another process was faster
        raise _there(name) from None


def _there(campaign: str) -> CampaignThereError:
    return CampaignThereError(
        "the server holds a campaign of this name, or documents of its jobs",
        field="campaign",
        value=campaign,
        remedy=f"`lps-flows delete {campaign}` removes it, after showing what; or "
        "restore on another server. `lps-flows campaigns` lists what is here",
    )


def _something_there(workplace: Workplace, content: Content) -> bool:
    place = collections(workplace)
    queries = list(belongings(workplace, content.campaign))
    for few in chunks(sorted(content.jobs), _AT_ONCE):
        these = {"$in": few}
        queries += [("docs", {"uuid": these}), ("fireworks", {JOB: these})]
        queries += [("data.files", {"metadata.job_uuid": these})]
    return any(place[name].find_one(query, {"_id": 1}) for name, query in queries)


def _write(
    workplace: Workplace, move: Move, entries: Iterator[tuple[str, Any]]
) -> None:
    place = collections(workplace)
    batch: list[Mapping[str, Any]] = []
    size, before = 0, ""
    with RunFiles(move.folder) as files:
        for name, raw in entries:
            if batch and (name != before or size > _BATCH_BYTES):
                place[before].insert_many(batch)  # type: ignore[arg-type]
                batch, size = [], 0
            before = name
            if name == "runs":
                files.write(raw["path"], raw["content"])
            else:
                batch.append(move.document(name, raw))
                size += len(raw.raw)
        if batch:
            place[before].insert_many(batch)  # type: ignore[arg-type]
    # only now may a worker take them
    held = {"fw_id": {"$in": list(move.fireworks.values())}, "state": HELD_BACK}
    place["fireworks"].update_many(held, {"$set": {"state": "READY"}})
