"""Write the campaign file of a campaign from what was recorded of it."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lps_flows.chemistry import OwnCrystal
from lps_flows.foundation import LpsFlowsError
from lps_flows.foundation.writing import file_name, write_text, written_beside
from lps_flows.settings.campaign import ENGINES


def write_campaign_file(
    file: Path, recorded: Mapping[str, Any], given: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Write a campaign file, and beside it the files that it leads to.

    Parameters
    ----------
    file
        Where to write; the others go to the folder ``NAME-files`` beside it.
    recorded
        Settings as `CampaignSettings.recorded` has them.
    given
        What `CampaignSettings.given` has, but for ``files``: by SHA-256, the paths of
        those that are there now.

    Returns
    -------
    list of str
        What of it cannot be written, and what to do about it.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    settings = copy.deepcopy(dict(recorded))
    beside = _Beside(file.with_name(f"{file.stem}-files"), given["files"])
    for key, cell in settings.get("own_crystals", {}).items():
        own = given["own_crystals"].get(key)
        settings["own_crystals"][key] = beside.crystal(key, cell, own)
    dataset = settings.get("dataset", {})
    if "labelled" in dataset:
        dataset["labelled"] = [
            beside.named("dataset.labelled", sha256) for sha256 in dataset["labelled"]
        ]
    for key in ENGINES:
        engine = settings.get(key) or {}
        if _is_hash(engine.get("potential")):
            place = f"{key}.potential"
            engine["potential"] = beside.named(place, engine["potential"])
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    write_text(file, text)
    return beside.lost


class _Beside:
    """Copies files into a folder beside a campaign file, which names them so."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self._folder, self._files = folder, files
        self.lost: list[str] = []

    def named(self, key: str, sha256: str) -> str:
        """Return how the campaign file names a file; the hash where it is not there."""
        if sha256 not in self._files:
            self._miss(key, f"the file of SHA-256 {sha256}")
            return sha256
        return self._copy(sha256)

    def crystal(
        self, key: str, cell: str, own: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the campaign file says of an own crystal.

        Parameters
        ----------
        cell
            What was recorded of it, all there is where an older version did so.
        own
            What the campaign file said, with a hash in place of the file.
        """
        if own is not None and "file" not in own:
            return dict(own)
        if own is not None and own["file"] in self._files:
            return {**own, "file": self._copy(own["file"])}
        target = self._target(file_name(f"{key}.vasp"))
        write_text(target, cell)
        entry = {"file": self._name(target)}
        try:
            same = OwnCrystal(file=str(target)).recorded() == cell
        except (LpsFlowsError, ValueError):
            same = False
        if not same:  # made from a disordered file, of which these are the orderings
            self._miss(f"own_crystals.{key}", "the file it was made from")
        return entry

    def _copy(self, sha256: str) -> str:
        source = Path(self._files[sha256])
        target = self._target(file_name(source.name))
        with written_beside(target) as beside:
            shutil.copyfile(source, beside)
        return self._name(target)

    def _target(self, name: str) -> Path:
        """Return a path in the folder that is free; files may be called alike."""
        self._folder.mkdir(exist_ok=True)
        target, number = self._folder / name, 1
        while target.exists():
            number += 1
            target = self._folder / f"{number}-{name}"
        return target

    def _name(self, target: Path) -> str:
        return f"{self._folder.name}/{target.name}"

    def _miss(self, key: str, what: str) -> None:
        self.lost.append(
            f"{key}: {what} is not in the archive. Put its path there before you go on"
        )


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and value.isalnum()
