"""Put an archived campaign onto a server, so that it goes on there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from socket import gethostname
from typing import Any

import bson
from filelock import FileLock

from lps_flows.builders.increment import chunks
from lps_flows.foundation import LpsFlowsError
from lps_flows.foundation.writing import written_beside
from lps_flows.runner.archive_content import Content, check_content, settings_of
from lps_flows.runner.archive_file import read_archive
from lps_flows.runner.belongings import belongings, collections, job_query, remove
from lps_flows.runner.processes import has_ended, this_process
from lps_flows.runner.workplace import Workplace, place_of

RESTORING = "restoring"

_AT_ONCE = 500
_BATCH_BYTES = 2**23
_HELD_BACK = "RESTORING"
# what a firework may ask of FireWorks itself; queues and folders are of one machine
_ASKED = {
    *("_tasks", "_priority", "_fworker", "_category", "_exception_details"),
    *("_add_launchpad_and_fw_id", "_allow_fizzled_parents"),
}


class CampaignThereError(LpsFlowsError):
    """Something of a campaign is on the server to which it shall be restored."""


@dataclass(frozen=True)
class Restored:
    """A campaign that was put onto a server.

    Attributes
    ----------
    campaign
        Its name.
    n_fireworks, n_documents, n_files
        Fireworks, documents of jobs, files in run directories.
    put_back
        Fireworks that were running when it was archived, and will run again.
    settings
        The settings it was submitted with, as a campaign file has them; None if an old
        version did not record them.
    """

    campaign: str
    n_fireworks: int
    n_documents: int
    n_files: int
    put_back: tuple[int, ...] = ()
    settings: dict[str, Any] | None = None


def restore(workplace: Workplace, file: Path | str) -> Restored:
    """Put an archived campaign onto the workplace's server, to go on from there.

    The file is read whole before anything is written. Nothing in it is executed or
    made into an object; to run the campaign afterwards is to run the jobs it holds, so
    run those of people you trust. Fireworks and launches get ids that are free
    here, paths of run directories become those below this home (files that are there
    stay), and what was running is put back on the queue.

    Parameters
    ----------
    workplace
        Where to.
    file
        An archive, of :func:`archive`.

    Raises
    ------
    DamagedArchiveError
        If the file is damaged, no archive, or holds what no campaign has.
    CampaignThereError
        If the server holds something of a campaign of this name, or of these jobs.
    OSError
        If the file cannot be read, or run directories not be written.
    """
    file = Path(file)
    head, entries = read_archive(file)
    content = check_content(file, head, entries)
    name, campaigns = content.campaign, workplace.require_launchpad().db["campaigns"]
    with FileLock(workplace.home.lock(f"submit-{name}")):
        _claim(workplace, content)
        try:
            move = _Move(workplace, content, head["folders"])
            _write(workplace, move, read_archive(file)[1])
            record = {**head["record"], "state": "submitted"}
            record["place"] = place_of(workplace)
            record["workflow_id"] = min(move.fireworks.values(), default=0)
            del record["_id"]
            campaigns.replace_one({"campaign": name}, record)
        except BaseException:
            remove(workplace, name)
            campaigns.delete_one({"campaign": name, "state": RESTORING})
            raise
    return Restored(
        name,
        len(content.fireworks),
        content.n_documents,
        len(content.paths),
        tuple(sorted(move.fireworks[fw_id] for fw_id in content.put_back)),
        settings_of(record),
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
        raise CampaignThereError(
            "the server holds a campaign of this name, or documents of its jobs",
            field="campaign",
            value=name,
            remedy=f"`lps-flows delete {name}` removes it, after showing what; or "
            "restore on another server. `lps-flows campaigns` lists what is here",
        )
    campaigns.insert_one(
        {
            "campaign": name,
            "state": RESTORING,
            "place": here,
            "process": this_process(),
        }
    )


def _something_there(workplace: Workplace, content: Content) -> bool:
    place = collections(workplace)
    queries = list(belongings(workplace, content.campaign))
    for few in chunks(sorted(content.jobs), _AT_ONCE):
        these = {"$in": few}
        queries += [("docs", {"uuid": these}), ("fireworks", job_query(these))]
        queries += [("data.files", {"metadata.job_uuid": these})]
    return any(place[name].find_one(query, {"_id": 1}) for name, query in queries)


def _write(
    workplace: Workplace, move: _Move, entries: Iterator[tuple[str, Any]]
) -> None:
    place = collections(workplace)
    batch: list[Mapping[str, Any]] = []
    size, before = 0, ""
    with _RunFiles(move.folder) as files:
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
    held = {"spec.campaign": move.campaign, "state": _HELD_BACK}
    place["fireworks"].update_many(held, {"$set": {"state": "READY"}})


class _RunFiles:
    """Writes the files of run directories from their pieces; what is there stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._open = ExitStack()
        self._path, self._stream = "", None

    def __enter__(self) -> _RunFiles:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def write(self, path: str, piece: bytes) -> None:
        if path != self._path:
            self._open.close()
            self._path, self._stream = path, None
            target = self._folder / path
            # a link that is there may lead elsewhere
            inside = target.resolve().is_relative_to(self._folder)
            if inside and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                beside = self._open.enter_context(written_beside(target))
                self._stream = self._open.enter_context(beside.open("xb"))
        if self._stream is not None:
            self._stream.write(piece)


class _Move:
    """Turns what an archive holds into what belongs here."""

    def __init__(
        self, workplace: Workplace, content: Content, folders: list[str]
    ) -> None:
        launchpad = workplace.require_launchpad()
        self.campaign = content.campaign
        self.folder = workplace.home.launches(self.campaign)
        first = launchpad.get_new_fw_id(len(content.fireworks))
        self.fireworks = dict(zip(sorted(content.fireworks), count(first)))
        first = launchpad.fw_id_assigner.find_one_and_update(
            {}, {"$inc": {"next_launch_id": len(content.launches)}}
        )["next_launch_id"]
        self._launches = dict(zip(sorted(content.launches), count(first)))
        self._put_back = content.put_back
        self._folders = [f.encode() for f in folders]
        hosts, places = (
            "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
            for names in (content.hosts, folders)
        )
        self._there = re.compile(rf"(?:\b({hosts}):)?(?:{places})(?![\w.-])")

    def document(self, name: str, raw: Any) -> Mapping[str, Any]:
        if name.endswith(".chunks"):
            return raw  # type: ignore[no-any-return]
        document = bson.decode(raw.raw)
        if any(folder in raw.raw for folder in self._folders):
            document = self._moved(document)
        match name:
            case "workflows":
                self._workflow(document)
            case "fireworks":
                self._firework(document)
            case "launches":
                self._launch(document)
            case "actions.files":
                launch = document["metadata"]["launch_id"]
                document["metadata"]["launch_id"] = self._launches[launch]
            case "docs" if document["metadata"].get("fw_id") in self.fireworks:
                fw_id = document["metadata"]["fw_id"]
                document["metadata"]["fw_id"] = self.fireworks[fw_id]
        if not name.endswith(".files"):
            del document["_id"]
        return document

    def _moved(self, value: Any) -> Any:
        """Return the same with paths of run directories here."""
        if isinstance(value, str):
            return self._there.sub(
                lambda found: (
                    (f"{gethostname()}:" if found[1] else "") + str(self.folder)
                ),
                value,
            )
        if isinstance(value, dict):
            return {key: self._moved(inner) for key, inner in value.items()}
        return [self._moved(v) for v in value] if isinstance(value, list) else value

    def _workflow(self, document: dict[str, Any]) -> None:
        ids = self.fireworks
        document.pop("locked", None)
        document["nodes"] = [ids[node] for node in document["nodes"]]
        states = {int(key): state for key, state in document["fw_states"].items()}
        states |= dict.fromkeys(self._put_back, "READY")
        document["fw_states"] = {str(ids[key]): s for key, s in states.items()}
        for links in ("links", "parent_links"):
            document[links] = {
                str(ids[int(key)]): [ids[node] for node in ends]
                for key, ends in document[links].items()
            }

    def _firework(self, document: dict[str, Any]) -> None:
        launches = [self._launches[n] for n in document["launches"]]
        earlier = [
            self._launches[n]
            for n in document.get("archived_launches", ())
            if n in self._launches
        ]
        if document["fw_id"] in self._put_back:
            document["state"] = "READY"
            earlier, launches = earlier + launches, []
        if document["state"] == "READY":
            document["state"] = _HELD_BACK
        document["fw_id"] = self.fireworks[document["fw_id"]]
        document["launches"], document["archived_launches"] = launches, earlier
        document["spec"] = {
            key: value
            for key, value in document["spec"].items()
            if not key.startswith("_") or key in _ASKED
        }

    def _launch(self, document: dict[str, Any]) -> None:
        if document["fw_id"] in self._put_back and document["state"] == "RUNNING":
            document["state"] = "FIZZLED"
            ended = {"state": "FIZZLED", "created_on": datetime.now(UTC).isoformat()}
            document["state_history"] = [*document["state_history"], ended]
        document["fw_id"] = self.fireworks[document["fw_id"]]
        document["launch_id"] = self._launches[document["launch_id"]]
        # `delete` removes such folders: none but ours
        document["launch_dir"] = str(self.folder / Path(document["launch_dir"]).name)
