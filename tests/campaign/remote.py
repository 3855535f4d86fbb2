"""jobflow-remote in an environment of its own, with a worker on this machine.

Run with that environment's Python it submits a campaign and runs it to its end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import yaml

from lps_flows.runner import PrivateMongod
from lps_flows.runner.configuration import store_settings

RELEASE = "jobflow-remote==1.0.1"
_PROJECT = "lps"
_SOURCE = Path(__file__).parents[2] / "src"
# jobflow-remote knows no process that is idle (I), as the kernel's threads are, which
# root sees among its own
_PS = """#!/bin/sh
{ps} "$@" | awk 'NR == 1 || $4 != "I"'
"""


def environment_with_jobflow_remote(folder: Path) -> Path:
    """Install jobflow-remote after what is here; return the new environment's folder.

    It sees the packages of this environment, and what pip puts before them.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    theirs = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (theirs / "host.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [str(python), "-m", "pip", "install", "--quiet", RELEASE]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{RELEASE} cannot be installed here: {done.stderr[-300:]}")
    return folder


def write_project(
    folder: Path, environment: Path, server: PrivateMongod, database: str
) -> dict[str, str]:
    """Write the project's file; return the environment variables it is used with."""
    (folder / "projects").mkdir(parents=True)
    ps = subprocess.run(["which", "ps"], capture_output=True, text=True, check=True)
    wrapper = folder / "bin" / "ps"
    wrapper.parent.mkdir()
    wrapper.write_text(_PS.format(ps=ps.stdout.strip()))
    wrapper.chmod(0o755)
    stores = store_settings(server, database)
    # where the last job of a campaign finds what the others left
    jobflow = folder / "jobflow.yaml"
    jobflow.write_text(yaml.safe_dump({"JOB_STORE": stores}))
    variables = {
        "PATH": f"{wrapper.parent}:{environment / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(_SOURCE),
        "JOBFLOW_CONFIG_FILE": str(jobflow),
        "JFREMOTE_PROJECTS_FOLDER": str(folder / "projects"),
        "JFREMOTE_CONFIG_FILE": str(folder / "none.yaml"),
        "OMP_NUM_THREADS": "1",
    }
    exports = "\n".join(f"export {name}='{value}'" for name, value in variables.items())
    queue = {**stores["docs_store"], "collection_name": "jf_jobs"}
    project = {
        "name": _PROJECT,
        "base_dir": str(folder / "base"),
        "log_level": "info",
        "runner": {
            "delay_checkout": 1,
            "delay_check_run_status": 1,
            "delay_advance_status": 1,
        },
        "workers": {
            "here": {
                "type": "local",
                "scheduler_type": "shell",
                "work_dir": str(folder / "work"),
                "pre_run": exports,
                "max_jobs": 2,
            }
        },
        "queue": {"store": queue},
        "jobstore": stores,
    }
    (folder / "work").mkdir()
    (folder / "projects" / f"{_PROJECT}.yaml").write_text(yaml.safe_dump(project))
    return variables


def run_remotely(environment: Path, variables: dict[str, str], campaign: Path) -> str:
    """Submit a campaign and run it to its end; return what was said."""
    done = subprocess.run(
        [str(environment / "bin" / "python"), __file__, str(campaign)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def _main(campaign: str) -> None:
    from jobflow_remote import submit_flow
    from jobflow_remote.config.manager import ConfigManager
    from jobflow_remote.jobs.runner import Runner

    from lps_flows.settings import load_campaign

    jobs = ConfigManager().get_project(_PROJECT).get_job_controller()
    jobs.reset(max_limit=0)
    submit_flow(load_campaign(campaign).flow(), worker="here", project=_PROJECT)
    Runner(project_name=_PROJECT).run_all_jobs()
    for job in jobs.get_jobs_info():
        print(job.db_id, job.index, job.state.name, job.name)  # noqa: T201
        if job.error:
            print(job.error)  # noqa: T201


if __name__ == "__main__":
    _main(sys.argv[1])
