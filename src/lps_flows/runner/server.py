"""A MongoDB server of one's own, on loopback, in one folder.

``lps-flows db start`` and ``lps-flows run`` use it when no other server is
configured. It is a single-node replica set, so that transactions and change streams
work as they do on a production server; it runs as a daemon, outlives the process
that started it, and keeps everything under one folder with mode 0700.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure

from lps_flows.runner.loopback import ServerError, require_loopback
from lps_flows.runner.mongod_binary import MongodMissingError, find_mongod
from lps_flows.runner.replica_set import REPLICA_SET, set_members
from lps_flows.runner.start_failure import start_failure


@dataclass(frozen=True)
class ServerStatus:
    """State of a private server.

    Attributes
    ----------
    running
        Whether the process is alive and is this folder's server.
    pid
        Process id, if running.
    port
        The port it listens on, or listened on last.
    uri
        Connection string, if running.
    folder
        Where its data, log and settings are.
    """

    running: bool
    pid: int | None
    port: int | None
    uri: str | None
    folder: Path


class PrivateMongod:
    """A private mongod that lives in ``home/mongod``.

    Parameters
    ----------
    home
        Folder of lps-flows' own files; the server keeps ``mongod/`` under it.
    bind_ip
        Address to listen on. Only loopback addresses are accepted: the server has
        no authentication. A server to share is set up by its administrator and
        named in the configuration files instead (docs/cluster.md).
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
        require_loopback(bind_ip)
        self.folder = Path(home).expanduser().resolve() / "mongod"
        self.bind_ip = bind_ip
        self.program = program
        self.cache_gb = cache_gb

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self.folder / "mongod.log"

    @property
    def port(self) -> int | None:
        """The remembered port, or None before the first start."""
        try:
            return int(json.loads((self.folder / "server.json").read_text())["port"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None.

        A pid file left by a crash is not believed: the process must be a mongod on
        this very data folder.
        """
        try:
            pid = int((self.folder / "pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        except (OSError, ValueError):
            return None
        # a process on its way out has lost its command line but holds port and files
        leaving = words == [b""] and name.endswith("(mongod")
        ours = leaving or os.fsencode(self.folder / "db") in words
        return pid if ours and rest.split()[0] != "Z" else None

    @property
    def uri(self) -> str:
        """Connection string of the server.

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

    def status(self) -> ServerStatus:
        """Return whether the server runs, and where."""
        pid = self.pid
        return ServerStatus(
            running=pid is not None,
            pid=pid,
            port=self.port,
            uri=None if pid is None else self.uri,
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
            The connection string.

        Raises
        ------
        MongodMissingError
            If there is no mongod program.
        ServerError
            If it does not start or does not become writable.
        """
        self._make_folder()
        with FileLock(self.folder / "lock"):
            if not self._runs():
                (self.folder / "pid").unlink(missing_ok=True)
                self._remember(self._free_port())
                self._launch()
            self._make_writable(timeout_s)
        return self.uri

    def stop(self, timeout_s: float = 60.0) -> bool:
        """Stop the server with SIGTERM; return whether it was running.

        Raises
        ------
        ServerError
            If it is still alive after `timeout_s` seconds.
        """
        if not self.folder.is_dir():
            return False
        with FileLock(self.folder / "lock"):
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
        (self.folder / "db").mkdir(parents=True, exist_ok=True)
        # mkdir's mode is subject to the umask and says nothing of an old folder
        for folder in (self.folder, self.folder / "db"):
            folder.chmod(0o700)

    def _remember(self, port: int) -> None:
        scratch = self.folder / "server.json.new"
        scratch.write_text(json.dumps({"port": port}))
        scratch.replace(self.folder / "server.json")

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
        command = [str(program), "--fork", "--nounixsocket"]
        command += ["--dbpath", str(self.folder / "db"), "--bind_ip", self.bind_ip]
        command += ["--port", str(self.port), "--replSet", REPLICA_SET]
        command += ["--oplogSize", "64", "--wiredTigerCacheSizeGB", str(self.cache_gb)]
        command += ["--logpath", str(self.log_file), "--logappend"]
        command += ["--pidfilepath", str(self.folder / "pid")]
        command += ["--networkMessageCompressors", "disabled"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        logged = self.log_file.stat().st_size if self.log_file.exists() else 0
        done = subprocess.run(  # noqa: S603 - a program found by us, no shell
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            umask=0o077,
            # an unknown LANG makes mongod abort
            env={**os.environ, "LC_ALL": "C"},
        )
        if done.returncode != 0:
            raise start_failure(
                self.folder,
                f"{done.stderr}\n{done.stdout}",
                done.returncode,
                self.log_file,
                logged,
            )

    def _make_writable(self, timeout_s: float) -> None:
        """Initiate the replica set if it is new, wait for it to elect itself."""
        member = f"{self.bind_ip}:{self.port}"
        deadline = time.monotonic() + timeout_s
        last: Exception | None = None
        with self.client(timeout_s) as client:
            while time.monotonic() < deadline and self.pid is not None:
                # changes of state close connections and refuse commands for a moment
                try:
                    set_members(client, member)
                    if client.admin.command("hello")["isWritablePrimary"]:
                        return
                except (AutoReconnect, OperationFailure) as error:
                    last = error
                time.sleep(0.05)
        raise ServerError(
            f"the server at {member} cannot be written to ({last or 'no primary'})",
            field="folder",
            value=str(self.folder),
            remedy=f"Look into {self.log_file}",
        )
