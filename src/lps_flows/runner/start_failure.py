"""Why a mongod did not start, in its own words, and what to do about it.

With ``--fork`` the program itself says only that its child failed. The reason is in the
log, as JSON lines of severity E and F among a hundred others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lps_flows.runner.loopback import ServerError

_LONGEST = 400
# components of the log that speak of the database files
_FILES = {"WT", "STORAGE"}
_LOADER = "error while loading shared libraries"
# what mongod prints under --fork whatever the reason is
_NO_REASONS = (
    "about to fork",
    "forked process",
    "ERROR: child process failed",
    "To see additional",
    "{",
)


def start_failure(
    folder: Path, printed_text: str, status: int, log: Path, since: int
) -> ServerError:
    """Return the error for a mongod that ended instead of starting.

    Parameters
    ----------
    since
        Size of the log before it was started (bytes).
    """
    logged = list(_complaints(log, since))
    printed = [
        line for line in printed_text.splitlines() if not line.startswith(_NO_REASONS)
    ]
    reasons = dict.fromkeys(
        [line.strip() for line in printed if line.strip()]
        + [text for _, text in logged]
    )
    why = "; ".join(reasons) or "it does not say why"
    if len(why) > _LONGEST:
        why = why[: _LONGEST - 1] + "…"
    remedy = f"Look into {log}"
    if _LOADER in printed_text:
        remedy = "Install the library it names; on slim images that is libcurl4"
    elif "unrecogni" in printed_text:
        remedy = "Name a mongod of release 6.0 or newer in LPS_FLOWS_MONGOD"
    elif "Too many open files" in why:
        remedy = "Allow more open files (ulimit -n 4096) and start it again"
    elif "No space left" in why:
        remedy = "Make room on its disk and start it again"
    elif any(component in _FILES for component, _ in logged):
        remedy = (
            f"Its database files are damaged: put back a copy of {folder / 'db'}, or "
            f"try `mongod --repair --dbpath` on a copy. More is in {log}"
        )
    return ServerError(
        f"mongod did not start, exit status {status} ({why})",
        field="folder",
        value=str(folder),
        remedy=remedy,
    )


def _complaints(log: Path, since: int) -> Iterator[tuple[str, str]]:
    """Yield component and text of what the log says went wrong."""
    try:
        with log.open("rb") as file:
            file.seek(since)
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
            severity, component = entry["s"], entry["c"]
        except (ValueError, KeyError, TypeError):
            continue
        if severity in {"E", "F"} and component not in {"ASSERT", "CONTROL"}:
            detail = _detail(entry.get("attr"))
            text = f"{entry.get('msg', '')}{': ' if detail else ''}{detail}"
            yield component, text.strip()


def _detail(attributes: Any) -> str:
    """Return the text of an error, wherever this kind of entry holds it."""
    if isinstance(attributes, str):
        return attributes
    if isinstance(attributes, Mapping):
        for name in ("errmsg", "msg", "error", "message"):
            if text := _detail(attributes.get(name)):
                return text
    return ""
