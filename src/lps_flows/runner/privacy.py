"""Whether other users of the machine are kept out: two of doctor's checks."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from lps_flows.runner.check import Check
from lps_flows.runner.credentials import KEY_FILE, USER_FILE
from lps_flows.runner.home import FOLDERS, Home

if TYPE_CHECKING:
    from lps_flows.runner.workplace import Workplace

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PATIENCE_MS = 2000


def check_private(home: Home) -> Check:
    """Check that home, launches, logs and secrets are their owner's alone."""
    open_to_others = [
        "the home itself" if path == home.path else str(path.relative_to(home.path))
        for path in _private_paths(home)
        if path.stat().st_mode & _OTHERS or path.stat().st_uid != os.geteuid()
    ]
    if open_to_others:
        return Check(
            "home is private",
            ok=False,
            detail=f"others may enter {', '.join(open_to_others)}",
            remedy=f"chmod -R go= {home.path}",
            required=True,
        )
    return Check("home is private", ok=True, detail="its owner's alone")


def _private_paths(home: Home) -> Iterator[Path]:
    folders = [home.path / name for name in ("", *FOLDERS)]
    secrets = [home.path / "mongod" / name for name in (KEY_FILE, USER_FILE)]
    for path in (*folders, *secrets, *sorted(home.config.glob("*.yaml"))):
        if path.exists():
            yield path


def check_strangers(workplace: Workplace) -> Check:
    """Check that the LaunchPad's server asks for a password.

    Whoever can write there can run code on the workers.
    """
    name, launchpad = "strangers", workplace.launchpad
    if launchpad is None:
        return Check(name, ok=True, detail="no LaunchPad")
    if launchpad.uri_mode:
        return Check(name, ok=True, detail="not tried, the server is named by a URI")
    try:
        with MongoClient[dict[str, Any]](
            launchpad.host,
            launchpad.port,
            **{
                **launchpad.mongoclient_kwargs,
                "serverSelectionTimeoutMS": _PATIENCE_MS,
            },
        ) as stranger:
            stranger[launchpad.name].list_collection_names()
    except OperationFailure:
        return Check(name, ok=True, detail="refused without a password")
    except PyMongoError as error:
        return Check(name, ok=True, detail=f"not let in ({type(error).__name__})")
    remedy = "Give the server users (docs/cluster.md)"
    if workplace.source == "private":
        remedy = "`lps-flows db stop`; the next command starts it with a password"
    return Check(
        name,
        ok=False,
        detail="anyone on the machine can read and write the LaunchPad",
        remedy=remedy,
        required=True,
    )
