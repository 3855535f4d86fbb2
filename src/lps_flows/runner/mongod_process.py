"""The process of a private server: how it is started, and what the system sees."""

from __future__ import annotations

import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lps_flows.runner.credentials import KEY_FILE
from lps_flows.runner.loopback import ServerError
from lps_flows.runner.replica_set import REPLICA_SET
from lps_flows.runner.start_failure import start_failure

LOG_FILE = "mongod.log"


@dataclass(frozen=True)
class MongodProcess:
    """A running mongod.

    Attributes
    ----------
    port
        The port it was told to listen on; None while it is ending.
    guarded
        Whether it asks clients for a password.
    """

    pid: int
    port: int | None
    guarded: bool


def mongod_command(
    program: Path, folder: Path, bind_ip: str, port: int, cache_gb: float
) -> list[str]:
    """Return the command line that starts a private server.

    Parameters
    ----------
    cache_gb
        Size of the WiredTiger cache (GB).
    """
    return [
        *(str(program), "--fork", "--nounixsocket"),
        *("--dbpath", str(folder / "db")),
        *("--logpath", str(folder / LOG_FILE), "--logappend"),
        *("--pidfilepath", str(folder / "pid")),
        *("--bind_ip", bind_ip, "--port", str(port)),
        *("--replSet", REPLICA_SET, "--oplogSize", "64"),
        *("--wiredTigerCacheSizeGB", str(cache_gb)),
        *("--networkMessageCompressors", "disabled"),
        *("--auth", "--keyFile", str(folder / KEY_FILE)),
        # no first user by whoever comes first: ours is made with the key
        *("--setParameter", "enableLocalhostAuthBypass=false"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def launch_mongod(
    program: Path, folder: Path, bind_ip: str, port: int, cache_gb: float
) -> None:
    """Start a private server, which goes on by itself.

    Raises
    ------
    ServerError
        If it ends instead of starting.
    """
    log = folder / LOG_FILE
    logged = log.stat().st_size if log.exists() else 0
    # shells allow fewer open files than the system does
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        done = subprocess.run(  # noqa: S603 - a program found by us, no shell
            mongod_command(program, folder, bind_ip, port, cache_gb),
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            umask=0o077,
            # an unknown LANG makes mongod abort
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise ServerError(
            f"this program cannot be run ({error.strerror})",
            field="mongod",
            value=str(program),
            remedy="Install one by `lps-flows db install`, or correct LPS_FLOWS_MONGOD",
        ) from error
    if done.returncode != 0:
        printed = f"{done.stderr}\n{done.stdout}"
        raise start_failure(folder, printed, done.returncode, log, logged)


def running_mongod(folder: Path) -> MongodProcess | None:
    """Return the mongod whose data are in ``folder/db``, or None.

    A pid file left by a crash, or by someone else, is not believed: the process must
    be a mongod on this very folder.
    """
    try:
        pid = int((folder / "pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except (OSError, ValueError):
        return None
    # a process on its way out has lost its command line but holds port and files
    leaving = words == [b""] and name.endswith("(mongod")
    ours = leaving or os.fsencode(folder / "db") in words
    if not ours or rest.split()[0] == "Z":
        return None
    return MongodProcess(pid, None if leaving else _port(words), b"--keyFile" in words)


def _port(words: list[bytes]) -> int | None:
    try:
        return int(words[words.index(b"--port") + 1])
    except (ValueError, IndexError):
        return None
