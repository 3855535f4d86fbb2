"""The templates under workflows/fireworks work as they stand."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from string import Template

import pytest
import yaml
from atomate2.settings import Atomate2Settings
from fireworks import FWorker, LaunchPad, fw_config
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from jobflow import JobStore

from lps_flows.runner import Home, PrivateMongod
from lps_flows.runner.configuration import worker_settings, write_configuration
from lps_flows.schemas.layout import SCHEMA_VERSION

TEMPLATES = Path(__file__).parents[2] / "workflows" / "fireworks"


def read(name: str) -> dict:
    return yaml.safe_load((TEMPLATES / name).read_text())


def test_every_key_of_fw_config_is_known() -> None:
    settings = read("FW_config.yaml")
    assert set(settings) <= set(vars(fw_config))
    assert settings["WFLOCK_EXPIRATION_KILL"] is True


def test_launchpads_can_be_made() -> None:
    local = LaunchPad.from_dict(read("my_launchpad.yaml"))
    assert local.host == "127.0.0.1"
    local.connection.close()
    text = (TEMPLATES / "my_launchpad.shared.yaml").read_text()
    assert "password: '${LPS_FLOWS_DB_PASSWORD}'" in text
    filled = Template(text).safe_substitute(
        LPS_FLOWS_DB_USER="me", LPS_FLOWS_DB_PASSWORD="secret"
    )
    settings = yaml.safe_load(filled)
    settings["mongoclient_kwargs"].pop("tlsCAFile")  # another machine's
    settings["mongoclient_kwargs"]["connect"] = False
    shared = LaunchPad.from_dict(settings)
    assert shared.password == "secret"
    assert shared.mongoclient_kwargs["tls"] is True
    shared.connection.close()


@pytest.mark.parametrize("kind", ["vasp", "light"])
def test_workers_take_their_own_kind(kind: str) -> None:
    worker = FWorker.from_file(str(TEMPLATES / f"my_fworker.{kind}.yaml"))
    assert worker.name == kind
    assert {"spec._fworker": kind} in worker.query["$or"]
    assert SCHEMA_VERSION in worker.query["spec.schema_version"]["$in"]


def test_the_default_worker_is_the_one_we_write() -> None:
    assert read("my_fworker.yaml") == worker_settings()


def test_slurm_script() -> None:
    adapter = CommonAdapter.from_file(str(TEMPLATES / "my_qadapter.yaml"))
    script = adapter.get_script_str("/scratch/launch")
    assert "#SBATCH --time=24:00:00" in script
    assert "#SBATCH --partition=standard" in script
    assert "cd /scratch/launch" in script
    assert "my_fworker.vasp.yaml rapidfire --timeout 64800" in script
    assert "$$" not in script


def test_jobflow_store_can_be_made() -> None:
    shared = read("jobflow.shared.yaml")["JOB_STORE"]
    for settings in (read("jobflow.yaml")["JOB_STORE"], shared):
        store = JobStore.from_dict_spec(settings)
        assert store.docs_store.last_updated_field == "completed_at"
        assert set(store.additional_stores) == {"data"}
    for each in (shared["docs_store"], shared["additional_stores"]["data"]):
        assert each["password"] == "${LPS_FLOWS_DB_PASSWORD}"
        assert each["mongoclient_kwargs"]["tls"] is True


@pytest.mark.skipif(shutil.which("envsubst") is None, reason="needs gettext's envsubst")
@pytest.mark.parametrize(
    "password",
    [
        "secret",
        "s3cret #1",
        "12345678",
        "0x1F",
        "@lpha",
        "%x",
        "yes",
        "it's",
        "$HOME: \\",
    ],
)
def test_the_pages_commands_give_private_files_with_what_was_adapted(
    tmp_path: Path, password: str
) -> None:
    page = (TEMPLATES.parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")
    section = page.split("## 3. The files", 1)[1].split("\n## ", 1)[0]
    copying, filling = section.split("```\n")[1:4:2]
    environment = {**os.environ, "HOME": str(tmp_path)}

    def ran(commands: str) -> None:
        subprocess.run(
            ["bash", "-euc", f"umask 022\n{commands}"],
            cwd=TEMPLATES.parents[1],
            env=environment,
            check=True,
        )

    ran(copying)
    adapted = list((tmp_path / "lps-fireworks").glob("*.shared.yaml"))
    assert len(adapted) == 2
    for file in adapted:
        text = file.read_text()
        file.write_text(text.replace("mongodb.example.org", "mongodb.group.example"))
    there = tmp_path / ".fireworks" / "jobflow.yaml"
    there.parent.mkdir()
    there.write_text("of an earlier day, for all to read")
    in_shell = password.replace("'", "'\\''")
    ran(filling.replace("=…", "=me").replace("'…'", f"'{in_shell}'"))
    for name in ("jobflow.yaml", "my_launchpad.yaml"):
        file = tmp_path / ".fireworks" / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        text = file.read_text()
        assert "mongodb.group.example" in text
        assert "example.org" not in text
        content = yaml.safe_load(text)
        docs = content.get("JOB_STORE", {}).get("docs_store", content)
        assert (docs["username"], docs["password"]) == ("me", password)
    assert (tmp_path / ".fireworks" / "my_fworker.light.yaml").exists()


def test_atomate2_keys_are_known() -> None:
    assert set(read("atomate2.yaml")) <= set(Atomate2Settings.model_fields)


def test_written_files_are_private(mongod: PrivateMongod, tmp_path: Path) -> None:
    folder = write_configuration(Home(tmp_path), mongod)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert {f.name for f in files} == {
        "FW_config.yaml",
        "my_launchpad.yaml",
        "my_fworker.yaml",
        "jobflow.yaml",
        "atomate2.yaml",
    }
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    query = yaml.safe_load((folder / "my_fworker.yaml").read_text())["query"]
    assert json.loads(query)
    before = (folder / "atomate2.yaml").read_text()
    (folder / "atomate2.yaml").write_text("VASP_CMD: mine\n")
    write_configuration(Home(tmp_path), mongod)
    assert (folder / "atomate2.yaml").read_text() != before
