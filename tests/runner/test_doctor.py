"""What doctor finds, and the remedies it names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lps_flows.engines import Engine
from lps_flows.runner import Home, PrivateMongod, Workplace, doctor, submit
from lps_flows.runner.loopback import ServerError
from lps_flows.runner.routing import RoutingSettings, route
from tests.toy_jobs import toy_flow

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"


def test_stores_leave_no_trace(workplace: Workplace) -> None:
    check = doctor.check_stores(workplace)
    assert check.ok, check
    assert workplace.job_store.count() == 0
    assert workplace.job_store.additional_stores["data"].count() == 0


def test_mongod_is_described(mongod: PrivateMongod) -> None:
    check = doctor.check_mongod(Home(mongod.folder.parent))
    assert check.ok
    assert "MongoDB 6.0" in check.detail
    assert f"running on port {mongod.port}" in check.detail


def test_missing_mongod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_mongod", lambda: None)
    check = doctor.check_mongod(Home(tmp_path))
    assert not check.ok
    assert "db install" in check.remedy


def test_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = doctor.check_home(Home(tmp_path / "file"))
    assert not check.ok
    assert check.required
    assert "LPS_FLOWS_HOME" in check.remedy


def test_workers_nobody_provides(workplace: Workplace, tmp_path: Path) -> None:
    assert doctor.check_workers(workplace, {}).ok
    flow = toy_flow("/dev/null")
    submit(workplace, route(flow, RoutingSettings(worker="light")), "toy", "hash")
    check = doctor.check_workers(workplace, {})
    assert not check.ok
    assert "light" in check.detail
    assert "no my_fworker file is named light" in check.remedy
    (tmp_path / "my_fworker.light.yaml").write_text("name: light\n")
    (tmp_path / "my_fworker.broken.yaml").write_text("name: [")
    described = doctor.worker_files(tmp_path)
    assert set(described) == {"light"}
    check = doctor.check_workers(workplace, described)
    assert not check.ok
    assert "my_fworker.light.yaml rapidfire" in check.remedy


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("host: a\nname: b\n", 0o644, None),
        ("host: a\n", 0o644, "lacks name"),
        ("host: [", 0o644, "cannot be read"),
        ("- host\n- name\n", 0o644, "not a table"),
        ("7", 0o644, "not a table"),
        ("# \u00e9", 0o644, "not in UTF-8"),
        ("host: a\nname: b\npassword: secret\n", 0o600, None),
        ("host: a\nname: b\npassword: secret\n", 0o644, "others can read it"),
        ("host: mongodb://u:secret@h/\nname: b\n", 0o644, "others can read it"),
    ],
)
def test_files(tmp_path: Path, text: str, mode: int, problem: str | None) -> None:
    file = tmp_path / "my_launchpad.yaml"
    file.write_text(text, encoding="latin-1")
    file.chmod(mode)
    check = doctor._check_file(file, {"host", "name"})
    assert check.ok is (problem is None)
    assert problem is None or problem in check.detail
    assert "secret" not in str(check)


@pytest.mark.parametrize("content", [b"7", b"- name: a", b"# \xe9\nname: a"])
def test_workers_of_files_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "my_fworker.yaml").write_bytes(content)
    assert doctor.worker_files(tmp_path) == {}


def test_a_mongod_that_is_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "mongod"
    text.write_text("no program")
    text.chmod(0o755)
    monkeypatch.setenv("LPS_FLOWS_MONGOD", str(text))
    check = doctor.check_mongod(Home(tmp_path))
    assert not check.ok
    assert "LPS_FLOWS_MONGOD" in check.remedy
    with pytest.raises(ServerError, match=r"Exec format error.*LPS_FLOWS_MONGOD"):
        PrivateMongod(tmp_path / "mongod-folder").start()


BROKEN = {
    "no YAML": b"LAUNCHPAD_LOC: [",
    "a list": b"- LAUNCHPAD_LOC",
    "no path": b"LAUNCHPAD_LOC: 5",
    "no folder": b"CONFIG_FILE_DIR: 5",
    "Latin-1": b"# \xe9",
    "an unknown key": b"NO_SUCH_KEY: 1",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_set_up_is_a_failed_check_and_one_message(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "FW_config.yaml").write_bytes(content)
    places = {"HOME": str(tmp_path), "LPS_FLOWS_HOME": str(tmp_path / "home")}

    def said(*verb: str) -> subprocess.CompletedProcess[str]:
        start = "from lps_flows.cli import app; app()"
        return subprocess.run(
            [sys.executable, "-c", start, *verb],
            env={**os.environ, **places, "LPS_FLOWS_MONGOD": "/bin/false"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = said("doctor", "--json")
    assert done.returncode == 1, done.stderr
    (failed,) = [c for c in json.loads(done.stdout) if not c["ok"] and c["required"]]
    assert failed["name"] in {"configuration", "stores"}
    assert "FW_config" in failed["detail"]
    assert failed["remedy"]
    for verb in (["campaigns"], ["status", str(DEMO)]):
        done = said(*verb)
        assert done.returncode == 1
        assert done.stderr.startswith("Error:"), done.stderr
        assert "FW_config.yaml" in done.stderr


def test_missing_file_names_its_template(tmp_path: Path) -> None:
    check = doctor._check_file(tmp_path / "my_qadapter.yaml", set())
    assert "workflows/fireworks/my_qadapter.yaml" in check.remedy


def test_engine_of_the_demo(default_engine: Engine) -> None:
    assert doctor.check_engine("chgnet").detail == default_engine.method


def test_engines() -> None:
    assert doctor.check_engine("ann").ok
    unknown = doctor.check_engine("no-such-engine")
    assert not unknown.ok
    assert unknown.remedy


def test_vasp_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from atomate2 import SETTINGS

    monkeypatch.setattr(SETTINGS, "VASP_CMD", "env -i sh")
    assert doctor.check_vasp_command().ok
    monkeypatch.setattr(SETTINGS, "VASP_CMD", "srun --cpu-bind=cores vasp_std")
    check = doctor.check_vasp_command()
    assert not check.ok
    assert "no srun and no vasp_std" in check.detail
    monkeypatch.setattr(SETTINGS, "VASP_CMD", "mpirun 'vasp_std")
    check = doctor.check_vasp_command()
    assert not check.ok
    assert "quot" in check.detail


def test_potcars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymatgen.core import SETTINGS

    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(tmp_path))
    assert not doctor.check_potcars().ok
    (tmp_path / "POT_PAW_PBE_64").mkdir()
    assert doctor.check_potcars().ok


def test_all_of_it(
    tmp_path: Path, mongod: PrivateMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    checks = doctor.check_everything(Home(mongod.folder.parent))
    names = [check.name for check in checks]
    assert {"my_launchpad.yaml", "my_fworker.yaml", "stores", "VASP_CMD"} <= set(names)
    assert [c for c in checks if c.required and not c.ok] == []
    assert [c for c in checks if not c.ok and not c.remedy] == []
