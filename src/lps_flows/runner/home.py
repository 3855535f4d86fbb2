"""The folder in which lps-flows keeps what is its own.

home/
mongod/      the private server (server.py)
config/      FireWorks, jobflow and atomate2 files that point at it
launches/    run directories, one folder per campaign
logs/        what the workers print
locks/       who is running
files/       documents, where no server can run
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Container
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from lps_flows.foundation import LpsFlowsError

HOME_VARIABLE = "LPS_FLOWS_HOME"

FOLDERS = ("mongod", "config", "launches", "logs", "locks", "files")

_PRIVATE = 0o700
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# of a name, so that a number can follow it
_LONGEST = 90


class HomeError(LpsFlowsError):
    """The home folder cannot be used."""


class CampaignNameError(LpsFlowsError):
    """The name of a campaign cannot serve as the name of a folder."""


def _default_home() -> Path:
    return Path(os.environ.get(HOME_VARIABLE) or "~/.lps_flows")


@dataclass(frozen=True)
class Home:
    """The home folder; nothing is created before it is needed.

    Parameters
    ----------
    path
        The folder; by default ``LPS_FLOWS_HOME`` or ``~/.lps_flows``.
    """

    path: Path = field(default_factory=_default_home)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path).expanduser().resolve())

    def folder(self, name: str, *parts: str) -> Path:
        """Return a folder of the home, made if it is not there.

        It and all above it, up to the home itself, are their owner's alone (mode
        0700), whatever the umask, and whatever they were before.

        Raises
        ------
        HomeError
            If it cannot be made.
        """
        folder = self.path
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            for part in ("", name, *parts):
                folder /= part
                folder.mkdir(exist_ok=True, mode=_PRIVATE)
                if stat.S_IMODE(folder.stat().st_mode) != _PRIVATE:
                    with contextlib.suppress(PermissionError):  # `doctor` tells
                        folder.chmod(_PRIVATE)
        except OSError as error:
            raise _unusable(folder, "folder", error) from error
        return folder

    def close_to_others(self) -> None:
        """Make what an older version left open its owner's alone."""
        for name in FOLDERS:
            if (self.path / name).is_dir():
                self.folder(name)

    @property
    def config(self) -> Path:
        """Where the ready-made configuration files are."""
        return self.path / "config"

    def launches(self, campaign: str) -> Path:
        """Return the folder of a campaign's run directories."""
        return self.folder("launches", checked_name(campaign))

    def lock(self, name: str) -> Path:
        """Return the path of a lock file, which is made if it is not there.

        Raises
        ------
        HomeError
            If it cannot be made.
        """
        file = self.folder("locks") / f"{name}.lock"
        try:
            file.touch(mode=0o600)
        except OSError as error:
            raise _unusable(file, "file", error) from error
        return file


def _unusable(path: Path, kind: str, error: OSError) -> HomeError:
    return HomeError(
        f"this {kind} cannot be made ({error.strerror})",
        field=HOME_VARIABLE,
        value=str(path),
        remedy=f"Make room, mend its permissions, or set {HOME_VARIABLE}",
    )


def is_campaign_name(name: object) -> bool:
    """Tell whether a campaign can have this name, which names a folder, too."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked_name(campaign: str) -> str:
    """Return `campaign` if it can name a folder.

    Raises
    ------
    CampaignNameError
        If it is empty, too long, or could lead out of the run directory.
    """
    if not is_campaign_name(campaign):
        raise CampaignNameError(
            "this name cannot be used for a folder",
            field="campaign",
            value=campaign,
            remedy="Use at most 100 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit",
        )
    return campaign


def free_name(campaign: str, taken: Container[str]) -> str:
    """Return a name for what is left of a campaign whose own name is wanted anew.

    >>> free_name("demo", {"demo", "demo.1"})
    'demo.2'
    """
    names = (f"{campaign[:_LONGEST]}.{n}" for n in count(1))
    return next(name for name in names if name not in taken)
