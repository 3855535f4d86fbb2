"""Every code block of README and documentation does what it shows.

Python blocks are executed, page by page in one namespace. Console blocks with prompts
are executed in a shell with a home folder of their own. Blocks that need a queue, a
cluster or a long time are checked for the shell's syntax, and every command of ours in
them for its verb and its files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import TypeAdapter

from tests.conftest import require_mongod
from tests.docs.blocks import ROOT, SMALLER, blocks, names_for, pages

BIN = Path(sys.executable).parent
SHELL = {"", "console", "bash", "shell"}
KNOWN = {*SHELL, "python", "mermaid", "yaml", "json", "text"}


def with_language(*languages: str) -> list[Path]:
    return [p for p in pages() if any(b.language in languages for b in blocks(p))]


def name(page: Path) -> str:
    return page.name


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict]]:
    """A working folder like the repository's, and an environment with its own home."""
    require_mongod()
    folder = tmp_path_factory.mktemp("docs")
    for part in ("workflows", "notebooks"):
        shutil.copytree(ROOT / part, folder / part)
    environment = {
        **os.environ,
        "LPS_FLOWS_HOME": str(folder / "home"),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    # what pages take for granted: a campaign there is, a file and prices of my own
    own = (
        (ROOT / "workflows" / "demo.yaml").read_text().replace("name: demo", "name: my")
    )
    (folder / "my.yaml").write_text(own)
    prices = ROOT / "src" / "lps_flows" / "engines" / "data" / "cost_model.yaml"
    shutil.copy(prices, folder / "my-costs.yaml")
    submit = [BIN / "lps-flows", "submit", "workflows/demo.yaml"]
    subprocess.run(submit, cwd=folder, env=environment, capture_output=True, check=True)
    yield folder, environment
    subprocess.run(
        [BIN / "lps-flows", "db", "stop"],
        env=environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("page", pages(), ids=name)
def test_languages_are_named(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= KNOWN
    assert page.read_text().count("\n```") == 2 * len(blocks(page))


@pytest.mark.parametrize("page", with_language("python"), ids=name)
def test_python_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request
) -> None:
    monkeypatch.chdir(tmp_path)
    code = [b.code for b in blocks(page) if b.language == "python"]
    if any("open_workplace" in block for block in code):
        home = request.getfixturevalue("shell")[1]["LPS_FLOWS_HOME"]
        monkeypatch.setenv("LPS_FLOWS_HOME", home)
    namespace = {"__name__": "__main__", **names_for(page.name, tmp_path)}
    for number, block in enumerate(code):
        for full, smaller in SMALLER.get(page.name, []):
            block = block.replace(full, smaller)  # noqa: PLW2901
        exec(compile(block, f"{page.name}[{number}]", "exec"), namespace)


@pytest.mark.parametrize(
    "page", [p for p in pages() if any(b.executed for b in blocks(p))], ids=name
)
def test_commands_run(page: Path, shell: tuple[Path, dict]) -> None:
    folder, environment = shell
    for block in (b for b in blocks(page) if b.executed):
        for command in block.commands:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip(), command


@pytest.mark.parametrize("page", with_language(*SHELL), ids=name)
def test_shell_is_well_formed_and_names_what_exists(page: Path) -> None:
    from lps_flows.cli import app

    verbs = typer.main.get_command(app).commands
    for block in (b for b in blocks(page) if b.language in SHELL):
        text = "\n".join(block.commands) or block.code
        done = subprocess.run(
            ["bash", "-n"], input=text, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for verb in re.findall(r"lps-flows (?!--)(\w[\w-]*)", text):
            assert verb in verbs, text
        for file in re.findall(r"\b(?:benchmarks|docs|tests|workflows)/[\w./]+", text):
            path = ROOT / file.rstrip("./")
            assert path.exists() or "$" in text, file


@pytest.mark.parametrize("page", with_language("yaml"), ids=name)
def test_yaml_is_part_of_a_campaign(page: Path) -> None:
    from lps_flows.settings import CampaignSettings

    for block in (b for b in blocks(page) if b.language == "yaml"):
        for key, value in yaml.safe_load(block.code).items():
            field = CampaignSettings.model_fields[key]
            TypeAdapter(field.annotation).validate_python(value)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target
