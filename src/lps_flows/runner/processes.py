"""Name a process so that another one can see whether it still lives."""

from __future__ import annotations

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> dict[str, str | int]:
    """Return what tells this process from every other, also after a reboot."""
    return {**_here(), "pid": os.getpid(), "started": _started(os.getpid()) or ""}


def has_ended(process: object) -> bool:
    """Whether a process that :func:`this_process` named is known to be gone.

    One on another machine, or in another container, may live: nobody here can see it.
    """
    if not isinstance(process, dict) or not isinstance(process.get("pid"), int):
        return False
    here = all(process.get(name) == value for name, value in _here().items())
    return here and _started(process["pid"]) != process.get("started")


def _here() -> dict[str, str]:
    """Return which running system numbers the processes."""
    try:
        return {
            "boot": _BOOT.read_text().strip(),
            "space": str(Path("/proc/self/ns/pid").readlink()),
        }
    except OSError:  # no such thing here: then nobody can tell
        return {"boot": "", "space": str(os.getpid())}


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since the boot; None if it is gone."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in {"Z", "X"} else rest[18]
