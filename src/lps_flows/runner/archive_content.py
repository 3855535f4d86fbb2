"""What an archive may hold: one campaign, whose parts refer to each other alone.

An archive comes from outside. Everything in it is looked at before anything is written:
whose it is, what it refers to, and where its files would lie.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import bson
from bson.errors import BSONError

from lps_flows.builders import KEYS
from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.archive_file import damaged_archive
from lps_flows.runner.given import given_of
from lps_flows.runner.home import checked_name

_TASK = "{{jobflow.managers.fireworks.JobFiretask}}"
_LONGEST_PATH = 1000
_LONGEST_NAME = 255
_RECORDED = {"settings_hash", "schema_version", "versions", "n_fireworks"}


class UnsoundCampaignError(LpsFlowsError):
    """A campaign is not as a campaign must be to be restored from an archive."""


@dataclass
class Content:
    """What the documents of an archive refer to.

    Attributes
    ----------
    nodes
        Fireworks of its workflow; empty where that was deleted.
    named
        Launches that fireworks name.
    ended
        Launches that came to an end.
    active
        Fireworks that were running or reserved, with their launches.
    n_bytes
        Size of what each collection has, and of the files of run directories.
    """

    campaign: str
    nodes: set[int] = field(default_factory=set)
    fireworks: set[int] = field(default_factory=set)
    launches: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    active: dict[int, list[int]] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    files: set[Any] = field(default_factory=set)
    paths: dict[str, None] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    n_documents: int = 0
    n_bytes: Counter[str] = field(default_factory=Counter)

    @property
    def put_back(self) -> set[int]:
        """Fireworks whose worker stays behind, to be run again."""
        return {fw for fw, its in self.active.items() if not self.ended & set(its)}

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        """Take note of a document; a ValueError says why it cannot be here."""
        match name:
            case "workflows":
                self._workflow(document)
            case "fireworks":
                self._firework(document)
            case "launches":
                self._launch(document)
            case "docs":
                _need(document["metadata"]["campaign"] == self.campaign, name)
                _need(isinstance(document["uuid"], str), name)
                self.jobs.add(document["uuid"])
                self.n_documents += 1
            case "data.files":
                _need(document["metadata"]["job_uuid"] in self.jobs, name)
                self.files.add(document["_id"])
            case "actions.files":
                _need(document["metadata"]["launch_id"] in self.launches, name)
                self.files.add(document["_id"])
            case "data.chunks" | "actions.chunks":
                _need(document["files_id"] in self.files, name)
            case "runs":
                self._file(document)
            case _:
                _need(name in KEYS, name)
                _need(document["campaign"] == self.campaign, name)

    def _workflow(self, document: Mapping[str, Any]) -> None:
        _need(not self.nodes, "more than one workflow")
        _need(document["metadata"]["campaign"] == self.campaign, "workflows")
        self.nodes = {_id(node) for node in document["nodes"]}
        named = {int(key) for key in document["fw_states"]}
        for links in (document["links"], document["parent_links"]):
            named |= {int(key) for key in links}
            named |= {int(node) for ends in links.values() for node in ends}
        _need(bool(self.nodes) and named <= self.nodes, "links")

    def _firework(self, document: Mapping[str, Any]) -> None:
        (task,) = document["spec"]["_tasks"]
        _need(document["spec"]["campaign"] == self.campaign, "fireworks")
        _need(task["_fw_name"] == _TASK and task["store"] is None, "a foreign task")
        fw_id = _id(document["fw_id"])
        _need(fw_id in self.nodes and fw_id not in self.fireworks, "fireworks")
        self.fireworks.add(fw_id)
        self.jobs.add(str(task["job"]["uuid"]))
        launches = [_id(n) for n in document["launches"]]
        self.named.update(launches)
        for earlier in document.get("archived_launches", ()):
            _id(earlier)
        if document["state"] in ("RUNNING", "RESERVED"):
            self.active[fw_id] = launches

    def _launch(self, document: Mapping[str, Any]) -> None:
        launch = _id(document["launch_id"])
        _need(document["fw_id"] in self.fireworks, "launches")
        _need(launch not in self.launches, "launches")
        _need(isinstance(document["launch_dir"], str), "launch_dir")
        self.launches.add(launch)
        self.hosts.add(str(document["host"]))
        if document["state"] in ("COMPLETED", "FIZZLED"):
            self.ended.add(launch)

    def _file(self, document: Mapping[str, Any]) -> None:
        path = document["path"]
        _need(isinstance(path, str) and 0 < len(path) <= _LONGEST_PATH, "a path")
        steps = PurePosixPath(path)
        plain = not steps.is_absolute() and ".." not in steps.parts and bool(steps.name)
        _need(plain and "\0" not in path, "a path that leads elsewhere")
        above = {str(folder) for folder in steps.parents}
        taken = path in self.folders or not above.isdisjoint(self.paths)
        _need(path == str(steps) and not taken, "a file that is a folder")
        short = all(len(name.encode()) <= _LONGEST_NAME for name in steps.parts)
        _need(short, "a name that is too long")
        self.folders |= above
        _need(isinstance(document["content"], bytes), "runs")
        self.paths[path] = None

    def check_whole(self) -> None:
        """Raise a ValueError unless all that belongs to the campaign was added."""
        _need(self.fireworks == self.nodes, "fireworks")
        _need(self.named <= self.launches, "launches")


def restorable(
    campaign: str, documents: Iterator[tuple[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """Yield what goes into an archive, and make sure that it can come back.

    Raises
    ------
    UnsoundCampaignError
        When it could not.
    """
    content = Content(campaign)
    try:
        for name, document in documents:
            content.add(name, document)
            yield name, document
        content.check_whole()
    except (BSONError, LookupError, TypeError, ValueError) as error:
        why = str(error) if type(error) is ValueError else type(error).__name__
        raise UnsoundCampaignError(
            f"it could not be restored: it holds what no campaign has ({why})",
            field="campaign",
            value=campaign,
            remedy="No archive was written, and nothing should be deleted. `lps-flows "
            "recover` mends what killed workers left; `lps-flows status` tells of "
            "fireworks that are missing",
        ) from error


def check_content(
    file: Path, head: Mapping[str, Any], entries: Iterator[tuple[str, Any]]
) -> Content:
    """Read an archive whole; return what it holds.

    Raises
    ------
    DamagedArchiveError
        If it holds what no campaign has, or cannot be read to its end.
    CampaignNameError
        If its name cannot be used.
    """
    try:
        record = head["record"]
        content = Content(checked_name(str(head["campaign"])))
        _need(record["campaign"] == content.campaign, "campaigns")
        _need(all(Path(str(f)).is_absolute() for f in head["folders"]), "folders")
        _need(record.keys() >= _RECORDED, "campaigns")
        settings_of(record)
        given_of(record)
        for name, document in entries:
            whole = name.endswith(".chunks")  # of which no field but one matters
            content.n_bytes[name] += len(document.raw)
            content.add(name, document if whole else bson.decode(document.raw))
        content.check_whole()
    except (
        *(AttributeError, BSONError, LookupError, TypeError, ValueError),
        RecursionError,
    ) as error:
        why = str(error) if type(error) is ValueError else type(error).__name__
        raise damaged_archive(f"it holds what no campaign has ({why})", file) from error
    return content


def settings_of(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the settings in the record of a campaign, where there are any."""
    text = record.get("settings")
    settings = None if text is None else json.loads(text)
    _need(settings is None or isinstance(settings, dict), "settings")
    return settings


def _id(value: object) -> int:
    _need(isinstance(value, int) and not isinstance(value, bool), "an id")
    return int(str(value))


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what[:100])
