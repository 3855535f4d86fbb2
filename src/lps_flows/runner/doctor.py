"""What is installed and reachable, and what to do about what is not.

Every check is a function without side effects that it does not undo; ``lps-flows
doctor`` prints what they return.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
import subprocess
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pymongo.errors import PyMongoError

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.check import Check
from lps_flows.runner.configuration import (
    Choice,
    ConfigurationError,
    choose,
    holds_password,
    read_table,
)
from lps_flows.runner.home import Home
from lps_flows.runner.mongod_binary import (
    MONGOD_VARIABLE,
    MongodMissingError,
    find_mongod,
)
from lps_flows.runner.privacy import check_private, check_strangers
from lps_flows.runner.server import PrivateMongod

if TYPE_CHECKING:
    from lps_flows.runner.workplace import Workplace

_ENOUGH_GB = 2.0


def check_everything(home: Home | None = None) -> list[Check]:
    """Make all checks. The private server is started if it is the one in use."""
    home = home or Home()
    checks = check_quickly(home)
    with contextlib.suppress(ConfigurationError):  # told above
        choice = choose(home)
        checks += _tried("stores", lambda: _check_servers(home, choice), required=True)
    checks += _tried("engines", _check_engines)
    checks += _tried("VASP_CMD", lambda: [check_vasp_command()])
    return [*checks, *_tried("POTCARs", lambda: [check_potcars()])]


def _tried(
    name: str, check: Callable[[], list[Check]], *, required: bool = False
) -> list[Check]:
    """Make checks; what breaks them is a failed one, for set-ups break in many ways."""
    try:
        return check()
    except Exception as error:
        return [_failed(name, error, required=required)]


def _check_servers(home: Home, choice: Choice) -> list[Check]:
    from lps_flows.runner.workplace import open_workplace

    with open_workplace(home) as workplace:
        checks = check_fireworks_files(choose(home))
        files = worker_files(choice.launchpad_file.parent)
        checks += [check_stores(workplace), check_strangers(workplace)]
        return [*checks, check_workers(workplace, files)]


def _check_engines() -> list[Check]:
    from lps_flows.engines import engine_names

    return [check_engine(name) for name in engine_names()]


def check_quickly(home: Home | None = None) -> list[Check]:
    """Make the checks that open no store, load no engine and start no server."""
    home = home or Home()
    private = check_private(home)  # before another look mends it
    checks = [check_home(home), private, check_mongod(home)]
    try:
        return [*checks, check_choice(choose(home))]
    except ConfigurationError as error:
        return [*checks, _failed("configuration", error, required=True)]


def check_home(home: Home) -> Check:
    """Check that the home folder can be written and has room."""
    try:
        folder = home.folder("launches")
        probe = folder / f".probe-{uuid4().hex}"
        probe.touch()
        probe.unlink()
        free = shutil.disk_usage(folder).free / 1e9
    except (OSError, LpsFlowsError) as error:
        return _failed("home folder", error, required=True)
    return Check(
        "home folder",
        free > _ENOUGH_GB,
        f"{home.path}, {free:.0f} GB free",
        "Make room, or set LPS_FLOWS_HOME to a larger disk",
        required=True,
    )


def check_mongod(home: Home) -> Check:
    """Check the MongoDB server program and whether the private server runs."""
    try:
        program = find_mongod()
    except MongodMissingError as error:
        return _failed("mongod", error)
    if program is None:
        remedy = "Run `lps-flows db install`, or configure a server"
        return Check("mongod", ok=False, detail="no server program", remedy=remedy)
    try:
        done = subprocess.run(  # noqa: S603 - the program found above
            [str(program), "--version"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        detail = f"{program} cannot be run ({error.strerror})"
        remedy = f"Install one by `lps-flows db install`, or unset {MONGOD_VARIABLE}"
        return Check("mongod", ok=False, detail=detail, remedy=remedy)
    if done.returncode != 0:
        message = (done.stderr or done.stdout).strip().splitlines()[-1:]
        remedy = "On slim images install libcurl4"
        return Check("mongod", ok=False, detail=" ".join(message), remedy=remedy)
    version = done.stdout.split("\n", 1)[0].rpartition("v")[2]
    state = PrivateMongod(home.path).status()
    running = f"running on port {state.port}" if state.running else "not running"
    detail = f"MongoDB {version}, private server {running}"
    return Check("mongod", ok=True, detail=detail)


def check_choice(choice: Choice) -> Check:
    """Say whose servers are in use."""
    whose = {"configured": "the user's own files", "private": "the private server"}
    return Check("configuration", ok=True, detail=whose[choice.source])


def check_fireworks_files(choice: Choice) -> list[Check]:
    """Check FW_config, my_launchpad, my_fworker and my_qadapter, as far as in use."""
    folder = choice.launchpad_file.parent
    checks = [_check_file(choice.launchpad_file, {"host", "name"}, required=True)]
    checks.append(_check_file(choice.jobflow_file, {"JOB_STORE"}, required=True))
    for kind, keys in (
        ("FW_config", set()),
        ("my_fworker", {"name", "query"}),
        ("my_qadapter", {"_fw_name", "rocket_launch"}),
    ):
        files = sorted(folder.glob(f"{kind}*.yaml")) or [folder / f"{kind}.yaml"]
        checks += [_check_file(file, keys) for file in files]
    return checks


def worker_files(folder: Path) -> dict[str, Path]:
    """Return the workers described in a folder: name to its my_fworker*.yaml."""
    workers = {}
    for file in sorted(folder.glob("my_fworker*.yaml")):
        with contextlib.suppress(ConfigurationError):  # told by the check of the file
            name = read_table(file).get("name")
            if isinstance(name, str):
                workers[name] = file
    return workers


def _check_file(file: Path, keys: set[str], *, required: bool = False) -> Check:
    if not file.exists():
        remedy = f"Copy workflows/fireworks/{file.name} to {file.parent} and adapt it"
        if file.name == "my_qadapter.yaml":
            remedy += " (needed only for queues)"
        return Check(file.name, ok=False, detail="not there", remedy=remedy)
    try:
        content = read_table(file)
    except ConfigurationError as error:
        detail = f"{file}: {error.problem}"
        return Check(file.name, False, detail, error.remedy or "", required)
    missing = sorted(keys - set(content))
    if missing:
        remedy = f"Compare with workflows/fireworks/{file.name}"
        detail = f"{file} lacks {', '.join(missing)}"
        return Check(file.name, False, detail, remedy, required)
    if holds_password(content) and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        detail = f"{file} holds a password and others can read it"
        return Check(file.name, ok=False, detail=detail, remedy=f"chmod 600 {file}")
    return Check(file.name, ok=True, detail=str(file))


def check_stores(workplace: Workplace) -> Check:
    """Write a probe document with a large field to the stores, read it, delete it."""
    uuid, output = f"probe-{uuid4()}", {"data": "x" * 1000}
    probe = {"uuid": uuid, "index": 1, "output": {**output}}
    store = workplace.job_store
    where = workplace.source
    try:
        store.update([probe], save={"data": ["data"]})
        back = store.query_one({"uuid": uuid}, load=True)
        additional = getattr(store, "additional_stores", {})
        additional["data"].remove_docs({"job_uuid": uuid})
        store.remove_docs({"uuid": uuid})
        gone = store.query_one({"uuid": uuid}) is None
    except PyMongoError as error:
        detail = f"{where}: {type(error).__name__}"
        remedy = "Check that the user may read and write in the database"
        return Check("stores", ok=False, detail=detail, remedy=remedy, required=True)
    same = back is not None and back["output"] == output
    return Check(
        "stores",
        same and gone,
        f"{where}: a probe was {'' if same else 'not '}written and read back"
        f"{'' if gone else ', but not deleted'}",
        "Compare jobflow.yaml with workflows/fireworks/jobflow.yaml",
        required=True,
    )


def check_workers(workplace: Workplace, files: Mapping[str, Path]) -> Check:
    """Check that waiting fireworks ask only for workers that exist.

    Parameters
    ----------
    files
        Workers that are described: name to file, of :func:`worker_files`.
    """
    if workplace.launchpad is None:
        return Check("workers", ok=True, detail="no LaunchPad")
    launchpad = workplace.launchpad
    wanted = set(launchpad.fireworks.distinct("spec._fworker", {"state": "READY"}))
    seen = set(launchpad.launches.distinct("fworker.name"))
    wanted.discard(None)
    missing = sorted(wanted - seen)
    if missing:
        known = [f"`rlaunch -w {files[n]} rapidfire`" for n in missing if n in files]
        unknown = [n for n in missing if n not in files]
        detail = f"fireworks wait for {', '.join(missing)}, which never ran here"
        remedy = f"Start {' and '.join(known)}" if known else ""
        if unknown:
            remedy += f"{'; ' if known else ''}no my_fworker file is named "
            remedy += f"{' or '.join(unknown)}: write one (docs/cluster.md)"
        return Check("workers", ok=False, detail=detail, remedy=remedy)
    detail = ", ".join(sorted(str(name) for name in seen)[:5]) or "none has run yet"
    return Check("workers", ok=True, detail=detail)


def check_engine(name: str) -> Check:
    """Check that an engine's code is installed."""
    from lps_flows.engines import EngineSettings, get_engine

    label = f"engine {name}"
    settings = EngineSettings(name=name)
    if settings.needs_potential:
        return Check(label, ok=True, detail="a trained potential, always there")
    if name in {"calculator", "forcefield"}:
        return Check(label, ok=True, detail="there when what it names is")
    try:
        with warnings.catch_warnings(action="ignore"):
            engine = get_engine(settings)
    except (LpsFlowsError, ImportError) as error:
        told = isinstance(error, LpsFlowsError) and error.remedy
        remedy = told or f"pip install 'lps-flows[{name}]'"
        return _failed(label, error)._replace(remedy=remedy)
    return Check(label, ok=True, detail=engine.method)


def check_vasp_command() -> Check:
    """Check that the program VASP_CMD names is there."""
    from atomate2 import SETTINGS

    command = os.path.expandvars(SETTINGS.VASP_CMD)
    try:
        words = [word for word in shlex.split(command) if not word.startswith("-")]
    except ValueError as error:  # an open quote
        remedy = "Correct VASP_CMD in atomate2.yaml"
        return Check("VASP_CMD", False, f"{command}: {error}", remedy)
    missing = [word for word in _programs(words) if shutil.which(word) is None]
    return Check(
        "VASP_CMD",
        not missing,
        command if not missing else f"{command}: no {' and no '.join(missing)}",
        "Set VASP_CMD in atomate2.yaml (workflows/fireworks/atomate2.yaml); only the "
        "vasp engine needs it",
    )


def _programs(words: list[str]) -> Iterator[str]:
    if words:
        yield words[0]
        if len(words) > 1:  # a launcher, with VASP at the end
            yield words[-1]


def check_potcars() -> Check:
    """Check that pymatgen knows a POTCAR folder."""
    from pymatgen.core import SETTINGS

    folder = SETTINGS.get("PMG_VASP_PSP_DIR")
    remedy = "Run `pmg config -p RAW_FOLDER POTCAR_FOLDER` and `pmg config --add "
    remedy += "PMG_VASP_PSP_DIR POTCAR_FOLDER`; only the vasp engine needs it"
    if not folder:
        detail = "PMG_VASP_PSP_DIR is not set"
        return Check("POTCARs", ok=False, detail=detail, remedy=remedy)
    folders = list(Path(folder).expanduser().glob("POT*"))
    detail = f"{folder}: {', '.join(f.name for f in folders[:3]) or 'no POT* folder'}"
    return Check("POTCARs", bool(folders), detail, remedy)


def _failed(name: str, error: Exception, *, required: bool = False) -> Check:
    if isinstance(error, LpsFlowsError):
        where = "" if error.value is None else f"{error.field} = {error.value}: "
        detail = f"{where}{error.problem}"
        return Check(name, False, detail, error.remedy or "", required)
    detail = f"{type(error).__name__}: {error}".splitlines()[0]
    remedy = "Correct the file or the setting that this is about"
    return Check(name, False, detail, remedy, required)
