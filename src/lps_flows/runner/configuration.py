"""Configuration files for the private server, and whose configuration is used.

Stock FireWorks commands (``lpad``, ``rlaunch``) and jobflow find their servers
through files. For the private server these are written here, so that

    eval "$(lps-flows db env)"
    rlaunch rapidfire

works on it. Where the user has configured servers of their own, those are used and
nothing is written.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from lps_flows.foundation import LpsFlowsError
from lps_flows.foundation.writing import write_text
from lps_flows.runner.away import LOCK_S
from lps_flows.runner.home import Home
from lps_flows.runner.replica_set import REPLICA_SET
from lps_flows.runner.server import PrivateMongod
from lps_flows.schemas.layout import READABLE_VERSIONS

DATABASE = "lps_flows"
LAUNCHPAD_DATABASE = "lps_flows_launchpad"
DOCS_COLLECTION = "docs"
DATA_COLLECTION = "data"
WORKER_NAME = "lps-flows"
# A client that knows the set waits while a restarted server elects itself; one that
# is connected directly gets errors for that second.
_CLIENT = {"replicaSet": REPLICA_SET}
_USERS = "admin"

Source = Literal["configured", "private"]


class ConfigurationError(LpsFlowsError):
    """The configuration files contradict each other or cannot be used."""


@dataclass(frozen=True)
class Choice:
    """Whose servers are used.

    Attributes
    ----------
    source
        "configured" (files of the user) or "private" (the server of the home).
    """

    source: Source
    launchpad_file: Path
    jobflow_file: Path


def store_settings(server: PrivateMongod, database: str = DATABASE) -> dict[str, Any]:
    """Return jobflow's ``JOB_STORE`` for a private server, as its file has it."""
    where = {
        "database": database,
        "host": server.bind_ip,
        "port": server.port,
        **_login(server, "auth_source"),
        "mongoclient_kwargs": dict(_CLIENT),
    }
    return {
        "docs_store": {
            "type": "MongoStore",
            "collection_name": DOCS_COLLECTION,
            "key": "uuid",
            "last_updated_field": "completed_at",
            "last_updated_type": "isoformat",
            **where,
        },
        "additional_stores": {
            "data": {
                "type": "GridFSStore",
                "collection_name": DATA_COLLECTION,
                "key": "blob_uuid",
                **where,
            }
        },
    }


def launchpad_settings(server: PrivateMongod) -> dict[str, Any]:
    """Return FireWorks' launchpad settings for a private server."""
    return {
        "host": server.bind_ip,
        "port": server.port,
        "name": LAUNCHPAD_DATABASE,
        **_login(server, "authsource"),
        "strm_lvl": "ERROR",
        "user_indices": ["spec.campaign", "spec.stage", "spec.tags"],
        "wf_user_indices": ["metadata.campaign"],
        "mongoclient_kwargs": dict(_CLIENT),
    }


def _login(server: PrivateMongod, where_users_are: str) -> dict[str, Any]:
    known = server.credentials
    if known is None:
        return {}
    login = {"username": known.user, "password": known.password}
    return {**login, where_users_are: _USERS}


def worker_settings() -> dict[str, Any]:
    """Return a FireWorks worker that leaves fireworks of other layouts alone."""
    same_layout = {"spec.schema_version": {"$in": [None, *READABLE_VERSIONS]}}
    return {
        "name": WORKER_NAME,
        "category": "",
        "query": json.dumps(same_layout),
        "env": {},
    }


def write_configuration(home: Home, server: PrivateMongod) -> Path:
    """Write the files for a private server that has been started; return their folder.

    Files are only replaced when what they should say has changed (the port may).
    """
    folder = home.folder("config")
    files = {
        "FW_config.yaml": {
            "LAUNCHPAD_LOC": str(folder / "my_launchpad.yaml"),
            "FWORKER_LOC": str(folder / "my_fworker.yaml"),
            "RAPIDFIRE_SLEEP_SECS": 2,
            "WFLOCK_EXPIRATION_SECS": LOCK_S,
            "WFLOCK_EXPIRATION_KILL": True,
            "PRINT_FW_JSON": False,
        },
        "my_launchpad.yaml": launchpad_settings(server),
        "my_fworker.yaml": worker_settings(),
        "jobflow.yaml": {"JOB_STORE": store_settings(server)},
    }
    for name, content in files.items():
        _write(folder / name, _dump(content))
    atomate2 = folder / "atomate2.yaml"
    if not atomate2.exists():  # the user's to edit
        _write(
            atomate2,
            "# atomate2's settings; see workflows/fireworks/atomate2.yaml\n"
            "VASP_CMD: vasp_std\nVASP_GAMMA_CMD: vasp_gam\n",
        )
    return folder


def environment(home: Home) -> dict[str, str]:
    """Return the variables that make stock commands use the private server."""
    files = {
        "JOBFLOW_CONFIG_FILE": "jobflow.yaml",
        "FW_CONFIG_FILE": "FW_config.yaml",
        "ATOMATE2_CONFIG_FILE": "atomate2.yaml",
    }
    return {name: str(home.config / file) for name, file in files.items()}


def choose(home: Home) -> Choice:
    """Decide between the user's own servers and the private one.

    The user's are taken when both jobflow and FireWorks are configured by files
    outside the home folder.

    Raises
    ------
    ConfigurationError
        If only one of the two is configured (results and queue would end up on
        different servers), or a file does not exist or cannot be read.
    """
    jobflow_file, launchpad_file = _jobflow_file(), _launchpad_file()
    for file in (jobflow_file, launchpad_file):
        if file is not None:
            read_table(file)
    ours = home.config
    given = {
        "jobflow": jobflow_file is not None and jobflow_file.parent != ours,
        "FireWorks": launchpad_file is not None and launchpad_file.parent != ours,
    }
    if not any(given.values()):
        return Choice("private", ours / "my_launchpad.yaml", ours / "jobflow.yaml")
    if jobflow_file is None or launchpad_file is None or not all(given.values()):
        named, missing = sorted(given, key=lambda name: not given[name])
        raise ConfigurationError(
            f"{named} is configured by the user but {missing} is not, so that results "
            "and queue would be on different servers",
            field="JOBFLOW_CONFIG_FILE" if missing == "jobflow" else "FW_CONFIG_FILE",
            value=None,
            remedy=f"Configure {missing} too (templates in workflows/fireworks), or "
            "neither, to use the private server",
        )
    return Choice("configured", launchpad_file, jobflow_file)


def _jobflow_file() -> Path | None:
    """Return the file jobflow reads its store from, if there is one."""
    named = os.environ.get("JOBFLOW_CONFIG_FILE")
    if named:
        return _existing("JOBFLOW_CONFIG_FILE", named)
    usual = Path("~/.jobflow.yaml").expanduser()
    return usual if usual.exists() else None


def _launchpad_file() -> Path | None:
    """Return the file FireWorks reads its LaunchPad from, if there is one.

    The search is FireWorks' own, made afresh: its result is fixed at import there.
    """
    folders = [Path.cwd(), Path("~/.fireworks").expanduser()]
    configs = [folder / "FW_config.yaml" for folder in folders]
    named = os.environ.get("FW_CONFIG_FILE")
    if named:
        configs.append(_existing("FW_CONFIG_FILE", named))
    config = next((file for file in configs if file.exists()), None)
    if config is not None:
        content = read_table(config)
        if launchpad := _path_in(content, "LAUNCHPAD_LOC", config):
            return _existing("LAUNCHPAD_LOC", launchpad)
        folders.insert(0, Path(_path_in(content, "CONFIG_FILE_DIR", config) or "."))
    candidates = [folder / "my_launchpad.yaml" for folder in folders]
    return next((file.resolve() for file in candidates if file.exists()), None)


def _path_in(content: dict[str, Any], key: str, file: Path) -> str | None:
    value = content.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ConfigurationError(
        f"the value in {file} is no path",
        field=key,
        value=type(value).__name__,  # what stands there may hold a password
        remedy="Write the path of a file there, or leave it out",
    )


def read_table(file: Path) -> dict[str, Any]:
    """Read a YAML file of settings as FireWorks and jobflow do; empty, it has none.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or is no table of settings. Nothing of it is quoted: it
        may hold a password.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        problem = "it cannot be read (it is not in UTF-8)"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f" in line {mark.line + 1}"
        problem = f"it cannot be read ({type(error).__name__}{where})"
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        problem = f"it cannot be read ({type(error).__name__})"
    else:
        if content is None or isinstance(content, dict):
            return content or {}
        problem = "it is not a table of settings"
    raise ConfigurationError(
        problem,
        field="file",
        value=str(file),
        remedy="Correct it; templates are in workflows/fireworks",
    )


def _existing(setting: str, named: str) -> Path:
    file = Path(named).expanduser().resolve()
    if not file.is_file():
        raise ConfigurationError(
            "there is no such file",
            field=setting,
            value=named,
            remedy="Correct it, or unset it to use the private server",
        )
    return file


def holds_password(content: object) -> bool:
    """Tell whether a file's content holds a password or a URI with one."""
    if isinstance(content, dict):
        here = any("password" in str(k).lower() and v for k, v in content.items())
        return here or any(holds_password(value) for value in content.values())
    if isinstance(content, list):
        return any(holds_password(value) for value in content)
    return isinstance(content, str) and "://" in content and "@" in content


class _PlainDumper(yaml.SafeDumper):
    """Writes a table that occurs twice twice: anchors puzzle readers."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _dump(content: dict[str, Any]) -> str:
    text: str = yaml.dump(content, Dumper=_PlainDumper, sort_keys=False)
    return text


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text() != text:
        write_text(file, text, private=True)
    file.chmod(0o600)
