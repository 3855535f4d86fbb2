"""The settings a campaign was submitted with, from the records it left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fireworks import LaunchPad

from lps_flows.foundation.writing import written_beside
from lps_flows.runner.home import checked_name
from lps_flows.runner.workplace import Workplace

# Versions before 0.2 recorded no settings. Their fireworks hold those of the Makers:
# where, and under which key of the campaign file.
_IN_FIREWORKS = {
    "BuildMaker.make": {"settings": "analysis"},
    "PerturbationMaker.make": {"settings": "dataset"},
    "LabelMaker.make": {"engine.name": "engine.name"},
    "TrainingMaker.make": {"settings": "training"},
    "UncertainStructuresMaker.make": {"settings": "active_learning"},
    "RelaxLowestMaker.make": {"settings": "sampling.lowest"},
    "SelectionMaker.make": {
        "settings": "selection",
        "conductivity.settings": "conductivity",
        "conductivity.line": "line",
    },
}


class Comparable(Protocol):
    """Settings that know themselves as plain data, and what other ones say otherwise.

    `CampaignSettings` does; the runner, which starts in every worker, need not load it.
    """

    @property
    def recorded(self) -> Mapping[str, Any]:
        """Everything that determines the results, as plain data."""

    @property
    def given(self) -> Mapping[str, Any]:
        """Files that they lead to, by the hash of their content."""

    @property
    def settings_hash(self) -> str:
        """Hash of it."""

    def differences(
        self, submitted: Mapping[str, Any], *, complete: bool = True
    ) -> Sequence[object]:
        """Return what was submitted otherwise, each readable as text."""


@dataclass(frozen=True)
class Recorded:
    """What is known of the settings a campaign was submitted with.

    Attributes
    ----------
    complete
        Whether these are all; an older version left some of them only.
    """

    settings_hash: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = True


def recorded(workplace: Workplace, campaign: str) -> Recorded | None:
    """Return what is known of a campaign's settings; None when it never ran here."""
    if workplace.launchpad is None:
        file = _file(workplace, campaign)
        return Recorded(**json.loads(file.read_text())) if file.exists() else None
    record = workplace.launchpad.db["campaigns"].find_one({"campaign": campaign})
    if record is None:
        return None
    settings_hash = str(record.get("settings_hash", ""))
    try:
        return Recorded(settings_hash, dict(json.loads(record["settings"])))
    # a record of an older version says nothing of them, a damaged one nothing readable
    except (KeyError, TypeError, ValueError):
        settings = _in_fireworks(workplace.launchpad, campaign)
        return Recorded(settings_hash, settings, complete=False)


def record_in_files(workplace: Workplace, campaign: str, settings: Comparable) -> None:
    """Keep the settings of a campaign that runs without a LaunchPad."""
    content = {
        "settings_hash": settings.settings_hash,
        "settings": dict(settings.recorded),
    }
    with written_beside(_file(workplace, campaign), private=True) as path:
        path.write_text(json.dumps(content), encoding="utf-8")


def rename_record_in_files(workplace: Workplace, campaign: str, name: str) -> None:
    """Keep the settings of an earlier run under another name."""
    file = _file(workplace, campaign)
    if file.exists():
        file.replace(_file(workplace, name))


def _file(workplace: Workplace, campaign: str) -> Path:
    return workplace.home.folder("files") / f"{checked_name(campaign)}-settings.json"


def _in_fireworks(launchpad: LaunchPad, campaign: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for maker, places in _IN_FIREWORKS.items():
        function = "spec._tasks.0.job.function.@callable"
        firework = launchpad.fireworks.find_one(
            {"spec.campaign": campaign, function: maker}, {"spec._tasks": 1}
        )
        if firework is None:
            continue
        maker_fields = firework["spec"]["_tasks"][0]["job"]["function"].get("@bound")
        for there, key in places.items():
            value = _at(maker_fields, there)
            if value is not None:
                *tables, name = key.split(".")
                table = settings
                for part in tables:
                    table = table.setdefault(part, {})
                table[name] = value
    return settings


def _at(content: Any, path: str) -> Any:
    for part in path.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content
