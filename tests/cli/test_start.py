"""A verb loads what it uses: the modules that each has loaded when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.runner import PrivateMongod

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"
TINY = Path(__file__).parents[1] / "campaign" / "tiny.yaml"
HEAVY = {
    "atomate2",
    "emmet.core",
    "kinisi",
    "matplotlib.pyplot",
    "numba",
    "plotly",
    "pymatgen.analysis.phase_diagram",
    "scipy.constants",
    "scipy.spatial",
    "scipy.stats",
    "sklearn",
    "sympy",
    "torch",
    "vesin",
}
STORES = {"fireworks", "jobflow", "maggma"}
_RUN = """
import atexit, pathlib, sys
target = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: target.write_text("\\n".join(sys.modules)))
from lps_flows.cli import app
app()
"""


def loaded(tmp_path: Path, *arguments: str) -> set[str]:
    """Return the modules that a verb has loaded, in a process of its own."""
    target = tmp_path / "modules"
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(target), *arguments],
        env=os.environ | {"LPS_FLOWS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return set(target.read_text().split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["db", "status"], ["crystals"], ["doctor", "--quick"]]
)
def test_verbs_that_only_look_load_no_store(
    arguments: list[str], tmp_path: Path
) -> None:
    assert loaded(tmp_path, *arguments) & (HEAVY | STORES) == set()


def test_planning_loads_no_engine(tmp_path: Path) -> None:
    # numba: the descriptor of the file is tried
    found = loaded(tmp_path, "run", "--dry-run", str(DEMO))
    assert "lps_flows.plan" in found
    assert found & (HEAVY | {"fireworks"}) <= {"numba"}


def test_a_submitted_file_shows_its_status_without_a_store(
    tmp_path: Path, fresh_mongod: PrivateMongod
) -> None:
    content = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    content["engine"] = {"name": "ann", "potential": "Li-P-S"}  # there everywhere
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    found = loaded(tmp_path, "submit", str(file))
    assert found >= STORES
    found = loaded(tmp_path, "status", str(file))
    assert "pymongo" in found
    assert (
        found & (HEAVY | STORES | {"lps_flows.settings", "numpy", "pymatgen"}) == set()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", str(DEMO)],
        ["build", str(DEMO)],
        ["export", str(DEMO), "--method", "none", "--out", "exported"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_following_a_campaign_loads_no_engine(
    arguments: list[str], tmp_path: Path, fresh_mongod: PrivateMongod
) -> None:
    found = loaded(tmp_path, *arguments)
    assert found >= STORES
    assert found & HEAVY == set()


def test_a_file_with_mistakes_starts_no_server(
    tmp_path: Path, fresh_mongod: PrivateMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a server could tell that it was submitted when this was no mistake."""
    monkeypatch.setenv("LPS_FLOWS_HOME", str(tmp_path / "home"))
    fresh_mongod.stop()
    content = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    content["engine"]["held_cells"] = ["P2s5"]
    file = tmp_path / "mistaken.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    for verb in (["run", "--dry-run"], ["graph"]):
        result = CliRunner().invoke(app, [*verb, str(file)])
        assert result.exit_code == 1
        assert "P2s5" in result.output
    assert not fresh_mongod.status().running
