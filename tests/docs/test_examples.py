"""Every example in a docstring runs, and every public name of a room has one."""

import doctest
import importlib
from inspect import getdoc, isclass
from pathlib import Path

import pytest

import lps_flows

SOURCE = Path(lps_flows.__file__).parent
ROOMS = (
    "foundation",
    "chemistry",
    "potential",
    "lammps",
    "schemas",
    "analysis",
    "evolution",
    "engines",
    "flows",
    "runner",
    "report",
)
COMPLETE = ("chemistry", "potential", "lammps", "analysis", "evolution")
MODULES = [
    ".".join(("lps_flows", *path.relative_to(SOURCE).with_suffix("").parts))
    for room in ROOMS
    for path in sorted((SOURCE / room).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
MODULES += ["lps_flows.appearance"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(
        importlib.import_module(name),
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert not results.failed, capsys.readouterr().out


@pytest.mark.parametrize("room", COMPLETE)
def test_every_public_name_has_an_example(room):
    module = importlib.import_module(f"lps_flows.{room}")
    public = {name: getattr(module, name) for name in module.__all__}
    assert not [
        name
        for name, value in public.items()
        if callable(value)
        and not (isclass(value) and issubclass(value, Exception))
        and ">>> " not in (getdoc(value) or "")
    ]
