"""A MongoDB server of one's own, on loopback, in one folder.

``lps-flows db start`` and ``lps-flows run`` use it when no other server is
configured. It is a single-node replica set, so that transactions and change streams
work as they do on a production server; it runs as a daemon, outlives the process that
started it, and keeps everything under one folder with mode 0700. Other users of the
machine can reach its port, so it asks for a password (credentials.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure

from lps_flows.foundation.writing import write_text
from lps_flows.runner.admission import admit, is_refused, nobody_uses
from lps_flows.runner.credentials import Credentials, make_credentials, read_credentials
from lps_flows.runner.home import Home
from lps_flows.runner.loopback import ServerError, require_loopback
from lps_flows.runner.mongod_binary import MongodMissingError, find_mongod
from lps_flows.runner.mongod_process import LOG_FILE, launch_mongod, running_mongod
from lps_flows.runner.replica_set import set_members

_LAST_PORT = 65535


@dataclass(frozen=True)
class ServerStatus:
    """State of a private server.

    Attributes
    ----------
    running
        Whether the process is alive and is this folder's server.
    port
        The port it listens on, or listened on last.
    address
        Where it is, if running; user and password are in the configuration files.
    """

    running: bool
    pid: int | None
    port: int | None
    address: str | None
    folder: Path


class PrivateMongod:
    """A private mongod that lives in ``home/mongod``.

    Parameters
    ----------
    home
        Folder of lps-flows' own files; the server keeps ``mongod/`` under it.
    bind_ip
        Address to listen on. Only loopback addresses are accepted, since nothing
        is encrypted. A server to share is set up by its administrator and named in the
        configuration files instead (docs/cluster.md).
    program
        The mongod program; found by :func:`find_mongod` when not given.
    cache_gb
        Size of the WiredTiger cache in GB (mongod's minimum is 0.25).

    Raises
    ------
    UnsafeAddressError
        If ``bind_ip`` is not a loopback address.
    """

    def __init__(
        self,
        home: Path | str,
        *,
        bind_ip: str = "127.0.0.1",
        program: Path | None = None,
        cache_gb: float = 0.25,
    ) -> None:
        require_loopback(
            bind_ip,
            "For a shared server use one with users and TLS, and name it in "
            "jobflow.yaml and my_launchpad.yaml",
        )
        self.folder = Path(home).expanduser().resolve() / "mongod"
        self.bind_ip = bind_ip
        self.program = program
        self.cache_gb = cache_gb

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self.folder / LOG_FILE

    @property
    def port(self) -> int | None:
        """The port of the running server, else the remembered one, if there is one."""
        process = running_mongod(self.folder)
        if process is not None and process.port is not None:
            return process.port
        try:
            kept = json.loads((self.folder / "server.json").read_text())["port"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept if isinstance(kept, int) and 0 < kept <= _LAST_PORT else None

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        process = running_mongod(self.folder)
        return None if process is None else process.pid

    @property
    def guarded(self) -> bool:
        """Whether the server runs and asks clients for a password.

        One that an older version started does not, until it is started anew.
        """
        process = running_mongod(self.folder)
        return process is not None and process.guarded

    @property
    def credentials(self) -> Credentials | None:
        """What opens the server, once it was started."""
        return read_credentials(self.folder)

    @property
    def address(self) -> str:
        """Where the server is, without what opens it.

        Raises
        ------
        ServerError
            If the server was never started, so that it has no port yet.
        """
        if self.port is None:
            raise ServerError(
                "the private server was never started",
                field="home",
                value=str(self.folder.parent),
                remedy="Run `lps-flows db start`",
            )
        return f"mongodb://{self.bind_ip}:{self.port}/?directConnection=true"

    @property
    def uri(self) -> str:
        """Connection string, with user and password: not to be shown.

        Raises
        ------
        ServerError
            If the server was never started, so that it has no port yet.
        """
        known = self.credentials
        if known is None:
            return self.address
        who = f"mongodb://{known.user}:{known.password}@"
        return self.address.replace("mongodb://", who) + "&authSource=admin"

    def status(self) -> ServerStatus:
        """Return whether the server runs, and where."""
        pid = self.pid
        return ServerStatus(
            running=pid is not None,
            pid=pid,
            port=self.port,
            address=None if pid is None else self.address,
            folder=self.folder,
        )

    def client(self, timeout_s: float = 5.0) -> MongoClient[dict[str, Any]]:
        """Return a client that gives up finding the server after `timeout_s`."""
        return MongoClient(self.uri, serverSelectionTimeoutMS=int(1000 * timeout_s))

    def start(self, timeout_s: float = 60.0) -> str:
        """Start the server unless it runs, wait until it can be written to.

        Safe to call from several processes at once.

        Parameters
        ----------
        timeout_s
            How long to wait for it to become writable, in seconds. Recovery after
            a kill replays the journal and may take a while on a large database.

        Returns
        -------
        str
            Its address, without what opens it.

        Raises
        ------
        MongodMissingError
            If there is no mongod program.
        ServerError
            If it does not start or does not become writable.
        """
        self._make_folder()
        with FileLock(self.folder / "lock", mode=0o600):
            make_credentials(self.folder)
            if self._runs() and not self.guarded and nobody_uses(self.address):
                self._end(timeout_s)
            if not self._runs():
                (self.folder / "pid").unlink(missing_ok=True)
                self._remember(self._free_port())
                self._launch()
            self._make_writable(timeout_s)
        return self.address

    def stop(self, timeout_s: float = 60.0) -> bool:
        """Stop the server with SIGTERM; return whether it was running.

        Raises
        ------
        ServerError
            If it is still alive after `timeout_s` seconds.
        """
        if not self.folder.is_dir():
            return False
        with FileLock(self.folder / "lock", mode=0o600):
            return self._end(timeout_s)

    def _end(self, timeout_s: float) -> bool:
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while self.pid is not None:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"the server did not stop within {timeout_s:g} s",
                    field="pid",
                    value=pid,
                    remedy=f"Look into {self.log_file}",
                )
            time.sleep(0.05)
        return True

    def _runs(self) -> bool:
        """Return whether the server runs, once a dying one is gone."""
        while (pid := self.pid) is not None:
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/cmdline").read_bytes():
                    return True
            time.sleep(0.05)
        return False

    def _make_folder(self) -> None:
        home = Home(self.folder.parent)
        home.folder("mongod", "db")
        home.close_to_others()

    def _remember(self, port: int) -> None:
        text = json.dumps({"port": port})
        write_text(self.folder / "server.json", text, private=True)

    def _free_port(self) -> int:
        """Return the remembered port if it is free within 2 s, else any free one."""
        patience = 20 if self.port else 0
        for candidate in [self.port] * patience + [0]:
            with socket.socket() as probe:
                # as mongod does: a port in TIME_WAIT is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with contextlib.suppress(OSError):
                    probe.bind((self.bind_ip, candidate or 0))
                    return int(probe.getsockname()[1])
            time.sleep(0.1)  # a killed predecessor may be letting go of it
        raise ServerError("no free port", field="bind_ip", value=self.bind_ip)

    def _launch(self) -> None:
        program = self.program or find_mongod()
        if program is None:
            raise MongodMissingError(
                "there is no MongoDB server program",
                remedy="Run `lps-flows db install`, or name one in LPS_FLOWS_MONGOD",
            )
        launch_mongod(program, self.folder, self.bind_ip, self.port or 0, self.cache_gb)

    def _make_writable(self, timeout_s: float) -> None:
        """Initiate the replica set if it is new, wait until it has a primary."""
        member = f"{self.bind_ip}:{self.port}"
        deadline = time.monotonic() + timeout_s
        last: Exception | None = None
        with self._member(timeout_s) as client:
            while time.monotonic() < deadline and self.pid is not None:
                # changes of state close connections and refuse commands for a moment
                try:
                    set_members(client, member)
                    if client.admin.command("hello")["isWritablePrimary"]:
                        admit(client, self.client, make_credentials(self.folder))
                        return
                except (AutoReconnect, OperationFailure) as error:
                    last = error
                    if is_refused(error):  # for ever: it was started with another key
                        break
                time.sleep(0.05)
        raise ServerError(
            f"the server at {member} cannot be written to ({last or 'no primary'})",
            field="folder",
            value=str(self.folder),
            remedy=f"Run `lps-flows db stop` and start it again, or look into "
            f"{self.log_file}",
        )

    def _member(self, timeout_s: float) -> MongoClient[dict[str, Any]]:
        """Return a client that may do what a member of the replica set may."""
        login: dict[str, Any] = {
            "username": "__system",
            "password": make_credentials(self.folder).key,
            "authSource": "local",
            "authMechanism": "SCRAM-SHA-256",
        }
        return MongoClient(
            self.address,
            serverSelectionTimeoutMS=int(1000 * timeout_s),
            **(login if self.guarded else {}),
        )
