"""LAMMPS with the plugin, or the reason why not."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from lps_flows.lammps import LammpsError, build_plugin

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def lammps():
    """Return a function that runs an input on one rank or more; it gives the output."""
    try:
        metadata.version("mpich")
        plugin = build_plugin()
    except (LammpsError, metadata.PackageNotFoundError) as error:
        pytest.skip(f"no LAMMPS with the plugin here: {error}")

    def run(script: str, folder: Path, ranks: int = 1, fails: bool = False) -> str:
        (folder / "in.lammps").write_text(script)
        done = subprocess.run(
            [
                *(BIN / "mpiexec", "-n", str(ranks), BIN / "lmp"),
                *("-in", "in.lammps", "-log", "none"),
            ],
            cwd=folder,
            env={**os.environ, "LAMMPS_PLUGIN_PATH": str(plugin.parent)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
