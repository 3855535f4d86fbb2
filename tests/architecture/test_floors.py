"""The floors of docs/architecture.md hold."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_modules_import_only_from_floors_below() -> None:
    # in a process of its own: it silences every logger of the one it runs in
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--config", str(PROJECT), "--no-cache"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
