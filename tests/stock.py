"""Stock FireWorks commands on a test's own databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from lps_flows.runner import PrivateMongod, Workplace
from lps_flows.runner.configuration import (
    environment,
    launchpad_settings,
    write_configuration,
)

ROOT = Path(__file__).parents[1]
_PATH = f"{ROOT}{os.pathsep}{ROOT / 'src'}"


def stock(workplace: Workplace, server: PrivateMongod) -> dict[str, str]:
    """Write files for stock commands on the workplace's databases."""
    write_configuration(workplace.home, server)
    config = workplace.home.config
    launchpad = launchpad_settings(server)
    launchpad["name"] = workplace.require_launchpad().name
    (config / "my_launchpad.yaml").write_text(yaml.safe_dump(launchpad))
    store = yaml.safe_load((config / "jobflow.yaml").read_text())
    database = workplace.job_store.docs_store.database
    store["JOB_STORE"]["docs_store"]["database"] = database
    store["JOB_STORE"]["additional_stores"]["data"]["database"] = database
    (config / "jobflow.yaml").write_text(yaml.safe_dump(store))
    fw_config = yaml.safe_load((config / "FW_config.yaml").read_text())
    fw_config["RAPIDFIRE_SLEEP_SECS"] = 1
    (config / "FW_config.yaml").write_text(yaml.safe_dump(fw_config))
    return environment(workplace.home)


def lpad(variables: dict[str, str], *arguments: str) -> str:
    """Run an lpad command and return what it printed."""
    done = subprocess.run(
        [command("lpad"), *arguments],
        env={**os.environ, **variables, "PYTHONPATH": _PATH},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def rlaunch(folder: Path, variables: dict[str, str]) -> subprocess.Popen:
    """Start a worker in `folder`, in a process group of its own."""
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [command("rlaunch"), "-s", "rapidfire"],
        cwd=folder,
        env={**os.environ, **variables, "PYTHONPATH": _PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
