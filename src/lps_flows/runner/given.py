"""Files that a campaign was given: where they lie, and where an archive keeps them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lps_flows.foundation.writing import file_name
from lps_flows.runner.home import checked_name
from lps_flows.runner.workplace import Workplace

_SHA256 = re.compile("[0-9a-f]{64}")
_FOLDER = "given"


def given_of(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the record of a campaign says of its files.

    Parameters
    ----------
    record
        That of older versions says nothing.

    Returns
    -------
    dict
        ``files``, by their path the SHA-256 of what was in them when the campaign was
        submitted, and ``own_crystals``, as the campaign file had them with that hash in
        place of their file.

    Raises
    ------
    ValueError
        If it says something else.
    """
    text = record.get("given")
    given = {"files": {}, "own_crystals": {}} if text is None else json.loads(text)
    files, own = given["files"], given["own_crystals"]
    named = all(
        isinstance(sha256, str) and _SHA256.fullmatch(sha256)
        for sha256 in files.values()
    )
    plain = all(
        isinstance(entry, dict) and isinstance(entry.get("file", ""), str)
        for entry in own.values()
    )
    if not named or not plain:
        raise ValueError("given files")
    return {"files": files, "own_crystals": own}


def kept_as(sha256: str, path: str) -> str:
    """Return the path of a given file among those of the campaign's runs."""
    return f"{_FOLDER}/{sha256[:16]}/{file_name(Path(path).name)}"


def at_hand(workplace: Workplace, record: Mapping[str, Any]) -> dict[str, Path]:
    """Return the given files that are here as they were, by the path they had."""
    folder = workplace.home.path / "launches" / checked_name(record["campaign"])
    found = {}
    for path, sha256 in given_of(record)["files"].items():
        places = (Path(path), folder / kept_as(sha256, path))
        there = next((file for file in places if _holds(file, sha256)), None)
        if there is not None:
            found[path] = there
    return found


def _holds(file: Path, sha256: str) -> bool:
    try:
        if not file.is_file():  # an archive may name a pipe or a device
            return False
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except (OSError, ValueError):  # ValueError: no path at all
        return False
