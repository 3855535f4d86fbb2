"""The stores and the LaunchPad a command works with."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from socket import gethostname
from typing import Self, cast

import pymongo
from fireworks import LaunchPad
from jobflow import JobStore
from maggma.core import Store
from maggma.core.store import StoreError
from maggma.stores import JSONStore, MemoryStore, MongoStore
from pymongo.errors import PyMongoError

from lps_flows.builders import result_store
from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.configuration import (
    ConfigurationError,
    choose,
    environment,
    holds_password,
    read_table,
    write_configuration,
)
from lps_flows.runner.home import Home
from lps_flows.runner.launchpad import CampaignLaunchPad
from lps_flows.runner.mongod_binary import MONGOD_VARIABLE, MongodMissingError
from lps_flows.runner.quiet import quieten
from lps_flows.runner.server import PrivateMongod

FILES_NOTICE = (
    "Documents go to JSON files: only one process may use them at a time, an "
    "interrupted run starts again from the beginning, and everything is held in memory."
)
_NO_SERVER = (
    f"No MongoDB server can run here. {FILES_NOTICE} Install a mongod, or configure a "
    "server."
)

OPEN_NOTICE = (
    "The private server was started by an older version and is in use: it asks "
    "nobody for a password. When no worker needs it, run `lps-flows db stop`; the next "
    "command starts it anew, and closed."
)

_PATIENCE_S = 20.0


class UnreachableError(LpsFlowsError):
    """A configured server does not answer."""


@dataclass
class Workplace:
    """Where documents go and where fireworks wait.

    Attributes
    ----------
    source
        "configured", "private" or "files".
    launchpad
        The LaunchPad, or None where there are only files.
    server
        The private server, if that is the one in use.
    notice
        What the user should be told about this choice, if anything.
    """

    home: Home
    source: str
    job_store: JobStore
    launchpad: LaunchPad | None = None
    server: PrivateMongod | None = None
    notice: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    _results: dict[str, Store] = field(default_factory=dict, repr=False)

    def result_store(self, collection: str) -> Store:
        """Return a connected store of a builder's collection, closed with the rest.

        It is in the same database as the job outputs, and the same for every caller.

        Raises
        ------
        ResultStoreError
            When the job store has no place beside it.
        """
        if collection not in self._results:
            self._results[collection] = result_store(self.job_store, collection)
        store = self._results[collection]
        store.connect()
        return store

    def require_launchpad(self) -> LaunchPad:
        """Return the LaunchPad.

        Raises
        ------
        UnreachableError
            If there is none.
        """
        if self.launchpad is None:
            raise UnreachableError(
                "there is no LaunchPad, only files",
                field="source",
                value=self.source,
                remedy="Install a mongod or configure a server",
            )
        return self.launchpad

    def close(self) -> None:
        """Close the connections; a private server goes on running."""
        for store in (*self._results.values(), self.job_store):
            # a store in memory is one with the job store
            if not isinstance(store, MemoryStore):
                with contextlib.suppress(StoreError):  # closed already
                    store.close()
        if self.launchpad is not None:
            self.launchpad.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def place_of(workplace: Workplace) -> str:
    """Return where a workplace is, as the LaunchPad is told.

    The private server serves one home only, whatever the machine is called today.
    """
    private = workplace.source == "private"
    return "private" if private else f"{gethostname()}:{workplace.home.path}"


def open_workplace(home: Home | None = None, *, files: bool = False) -> Workplace:
    """Connect to the user's servers, else to the private one, else to files.

    The private server is started if it is not running.

    Parameters
    ----------
    files
        Use files even where a server could run.

    Raises
    ------
    ConfigurationError
        If the user's configuration contradicts itself or cannot be read.
    UnreachableError
        If a configured server does not answer.
    MongodMissingError
        If ``LPS_FLOWS_MONGOD`` names no program.
    """
    home = home or Home()
    quieten()
    if files:
        return _open_files(home)
    choice = choose(home)
    if choice.source == "private":
        server = PrivateMongod(home.path)
        try:
            server.start()
        except MongodMissingError as error:
            if error.field == MONGOD_VARIABLE:  # one was asked for
                raise
            return _open_files(home, _NO_SERVER)
        write_configuration(home, server)
        variables = environment(home)
    else:
        server, variables = None, {}
    if os.environ.get("ATOMATE2_CONFIG_FILE"):
        variables.pop("ATOMATE2_CONFIG_FILE", None)
    with contextlib.ExitStack() as opened:
        launchpad = _launchpad(choice.launchpad_file)
        opened.callback(launchpad.connection.close)
        try:
            with pymongo.timeout(_PATIENCE_S):
                store = _job_store(choice.jobflow_file)
                opened.callback(store.close)
                workplace = Workplace(
                    home,
                    choice.source,
                    store,
                    launchpad,
                    server,
                    notice=None if server is None or server.guarded else OPEN_NOTICE,
                    environment=variables,
                )
                prepare(workplace)
                store.count({"uuid": "no such job"})
        except PyMongoError as error:
            # the error's text may hold a connection string: only its kind is shown
            raise UnreachableError(
                f"the database server does not answer as it should "
                f"({type(error).__name__})",
                field="host",
                value=_host(launchpad),
                remedy="Check that it runs, its address, and the user's credentials",
            ) from None
        opened.pop_all()  # the workplace's from here on
    return workplace


def prepare(workplace: Workplace) -> None:
    """Make the indexes, and the counters of a LaunchPad that was never used."""
    launchpad = workplace.require_launchpad()
    # what `lpad reset` does to an empty database, safe when two processes do it
    launchpad.fw_id_assigner.update_one(
        {"_id": -1},
        {"$setOnInsert": {"next_fw_id": 1, "next_launch_id": 1}},
        upsert=launchpad.fw_id_assigner.find_one({}) is None,
    )
    launchpad.tuneup()
    fireworks = launchpad.fireworks
    fireworks.create_index([("spec.campaign", 1), ("state", 1), ("spec._priority", -1)])
    launchpad.workflows.create_index(
        "metadata.campaign",
        unique=True,
        name="one_workflow_per_campaign",
        # workflows of other programs on the same LaunchPad are none of our business
        partialFilterExpression={"metadata.schema_version": {"$exists": True}},
    )
    launchpad.db["campaigns"].create_index("campaign", unique=True)
    docs = workplace.job_store.docs_store
    if isinstance(docs, MongoStore):
        docs._collection.create_index([("uuid", 1), ("index", -1)])  # noqa: SLF001
        for field in ("metadata.campaign", "output.@class"):  # what builders ask for
            docs.ensure_index(field)


def _job_store(file: Path) -> JobStore:
    """Return the connected store named by a jobflow.yaml."""
    settings = read_table(file)
    spec = settings.get("JOB_STORE")
    try:
        if isinstance(spec, str):
            store = JobStore.from_file(spec)
        elif isinstance(spec, dict) and spec.get("@class") == "JobStore":
            store = cast("JobStore", JobStore.from_dict(spec))
        elif isinstance(spec, dict):
            store = JobStore.from_dict_spec(spec)
        else:
            store = JobStore(MemoryStore())
    except (AttributeError, KeyError, TypeError, ValueError, ImportError) as error:
        raise ConfigurationError(
            f"jobflow cannot make a store of it ({_told(error, spec)})",
            field="JOB_STORE",
            value=str(file),
            remedy="Compare with workflows/fireworks/jobflow.yaml",
        ) from None
    additional = getattr(store, "additional_stores", {})
    if isinstance(store.docs_store, MemoryStore) or "data" not in additional:
        raise ConfigurationError(
            "workers need a store on a server, with an additional store named `data`",
            field="JOB_STORE",
            value=str(file),
            remedy="Compare with workflows/fireworks/jobflow.yaml",
        )
    store.connect()
    return store


def _launchpad(file: Path) -> LaunchPad:
    settings = read_table(file)
    if "host" not in settings:
        raise ConfigurationError(
            "it names no host",
            field="LAUNCHPAD_LOC",
            value=str(file),
            remedy="Compare with workflows/fireworks/my_launchpad.yaml",
        )
    settings["strm_lvl"] = "ERROR"
    try:
        return CampaignLaunchPad.at(settings)
    except (AttributeError, TypeError, ValueError, PyMongoError) as error:
        raise ConfigurationError(
            f"FireWorks cannot make a LaunchPad of it ({_told(error, settings)})",
            field="LAUNCHPAD_LOC",
            value=str(file),
            remedy="Compare with workflows/fireworks/my_launchpad.yaml",
        ) from None


def _told(error: Exception, settings: object) -> str:
    """Describe an error; without its text, which may quote settings, if secret."""
    kind = type(error).__name__
    return kind if holds_password(settings) else f"{kind}: {error}"


def _host(launchpad: LaunchPad) -> str:
    """Return where the LaunchPad is, without credentials."""
    host = str(launchpad.host).rpartition("@")[2]
    return host if launchpad.uri_mode else f"{host}:{launchpad.port}"


def _open_files(home: Home, notice: str = FILES_NOTICE) -> Workplace:
    folder = home.folder("files")
    docs = JSONStore(
        str(folder / "docs.json"),
        read_only=False,
        key="uuid",
        last_updated_field="completed_at",
        last_updated_type="isoformat",
    )
    data = JSONStore(str(folder / "data.json"), read_only=False, key="blob_uuid")
    store = JobStore(docs, additional_stores={"data": data})
    store.connect()
    return Workplace(home, "files", store, notice=notice)
