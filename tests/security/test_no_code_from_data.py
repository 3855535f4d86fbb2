"""Nothing that is read can bring code with it, and nothing is run through a shell."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lps_flows.foundation import LpsFlowsError
from lps_flows.settings import load_campaign

SOURCES = sorted(Path(__file__).parents[2].joinpath("src").rglob("*.py"))
FORBIDDEN_MODULES = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"),
    *("runpy", "code", "codeop"),
}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__", "torch.load", "torch.save"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("pty.spawn", "asyncio.create_subprocess_shell"),
}
# Where one of these is meant, and why. A new one is a decision to be made here.
EXCEPTIONS: dict[tuple[str, str], str] = {}
SAFE_YAML_LOADERS = ("SafeLoader", "CSafeLoader")


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_source(file: Path) -> None:
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not {name.split(".")[0] for name in names} & FORBIDDEN_MODULES
    for call in calls(tree):
        name = ast.unparse(call.func)
        written = ast.unparse(call)
        here = (f"{file.parent.name}/{file.name}", name)
        assert name not in FORBIDDEN_CALLS or here in EXCEPTIONS, written
        assert not any(k.arg in ("allow_pickle", "shell") for k in call.keywords)
        if name == "yaml.load":
            named = ast.unparse(tree) if "Loader=_Loader" in written else written
            assert any(loader in named for loader in SAFE_YAML_LOADERS), written


@pytest.mark.parametrize(
    "attack",
    [
        "!!python/object/new:subprocess.check_call [['touch', '{target}']]",
        "!!python/object/apply:os.system ['touch {target}']",
        "name: !!python/object/apply:os.system ['touch {target}']",
        "name: &a [*a]",
    ],
)
def test_campaign_yaml_runs_nothing(tmp_path: Path, attack: str) -> None:
    target = tmp_path / "was_here"
    file = tmp_path / "campaign.yaml"
    file.write_text(attack.format(target=target))
    with pytest.raises(LpsFlowsError):
        load_campaign(file)
    assert not target.exists()


def test_every_package_is_locked_by_its_hashes() -> None:
    """What the README's two commands install is named, pinned and hashed."""
    root = Path(__file__).parents[2]
    pins: dict[str, list[str]] = {}
    files = [root / "constraints.txt", *sorted(root.glob("constraints-3.*.txt"))]
    versions = ["3.11", *(file.stem.removeprefix("constraints-") for file in files[1:])]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    for version, file in zip(versions, files, strict=True):
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                pin = re.sub(r"[_.]+(?=.*==)", "-", line.lower())
                pins.setdefault(pin, []).append(version)
    # what is not of every Python says of which it is
    expected = {
        pin if of == versions else f"{pin} ; python_version in '{' '.join(of)}'"
        for pin, of in pins.items()
    }
    lines = (root / "requirements.lock").read_text().splitlines()
    entries = [line for line in lines if line[:1].isalnum()]
    assert {entry.removesuffix(" \\") for entry in entries} == expected
    assert all(entry.endswith(" \\") for entry in entries)  # a hash follows
    install = (root / "Makefile").read_text()
    for line in install.splitlines():
        if "$(INSTALL)" in line and " -r " in line:
            assert "--require-hashes" in line
