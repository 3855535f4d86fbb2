"""Turn the parts of an archive into what belongs on this machine and server."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from socket import gethostname
from typing import IO, Any

import bson

from lps_flows.foundation.writing import written_beside
from lps_flows.runner.archive_content import Content
from lps_flows.runner.archive_file import PIECE
from lps_flows.runner.given import kept_as
from lps_flows.runner.run_folders import LAUNCHER
from lps_flows.runner.workplace import Workplace

HELD_BACK = "RESTORING"
"""State of a firework that is ready as soon as all of its campaign is there."""

# what a firework may ask of FireWorks itself; queues and folders are of one machine
_ASKED = {
    *("_tasks", "_priority", "_fworker", "_category", "_exception_details"),
    *("_add_launchpad_and_fw_id", "_allow_fizzled_parents"),
}


class RunFiles:
    """Writes the files of run directories from their pieces; what is there stays.

    So does the first of several of one path, which older versions wrote.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._open = ExitStack()
        self._path, self._last = "", False
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> RunFiles:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def write(self, path: str, piece: bytes) -> None:
        """Write the next piece of a file."""
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
        elif self._last:
            self._stream = None
        self._last = len(piece) < PIECE
        if self._stream is not None:
            self._stream.write(piece)


class Move:
    """Turns what an archive holds into what belongs here."""

    def __init__(
        self,
        workplace: Workplace,
        content: Content,
        folders: list[str],
        given: Mapping[str, str],
    ) -> None:
        launchpad = workplace.require_launchpad()
        self.folder = workplace.home.launches(content.campaign)
        first = launchpad.get_new_fw_id(len(content.fireworks))
        self.fireworks = dict(zip(sorted(content.fireworks), count(first)))
        first = launchpad.fw_id_assigner.find_one_and_update(
            {}, {"$inc": {"next_launch_id": len(content.launches)}}
        )["next_launch_id"]
        self._launches = dict(zip(sorted(content.launches), count(first)))
        self._put_back = content.put_back
        kept = {path: kept_as(sha256, path) for path, sha256 in given.items()}
        self.given = {
            path: str(self.folder / there)
            for path, there in kept.items()
            if there in content.paths
        }
        """Where given files are that the archive holds, by where they were."""
        self._paths = [os.fsencode(path) for path in (*folders, *self.given)]
        hosts, places = (
            "|".join(made for _, made in sorted(names, reverse=True))
            for names in (
                [(len(host), re.escape(host)) for host in content.hosts],
                [(len(f), _place(f, content.campaign)) for f in folders],
            )
        )
        self._there = re.compile(rf"(?:\b({hosts}):)?(?:{places})")

    def document(self, name: str, raw: Any) -> Mapping[str, Any]:
        """Return a document of collection `name` as it is here."""
        if name.endswith(".chunks"):
            return raw
        document = bson.decode(raw.raw)
        if any(path in raw.raw for path in self._paths):
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
            document.pop("_id", None)
        return document

    def _moved(self, value: Any) -> Any:
        """Return the same with paths of run directories and given files here."""
        if isinstance(value, str):
            if value in self.given:
                return self.given[value]
            return self._there.sub(
                lambda match: (
                    (f"{gethostname()}:" if match[1] else "") + str(self.folder)
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
            document["state"] = HELD_BACK
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


def _place(folder: str, campaign: str) -> str:
    """Return a pattern of the folder of a campaign's run directories.

    One below a home holds nothing else; where a stock worker was started other things
    may lie beside them, and stay there.
    """
    if Path(folder).parts[-2:] == ("launches", campaign):
        return rf"{re.escape(folder)}(?![\w-]|\.\w)"
    return rf"{re.escape(folder)}(?=/(?:{LAUNCHER}|training-[\w-]+\.record\b))"
