"""XSF files: exact round trips, and what malformed ones say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pymatgen.core import Lattice, Structure

from lps_flows.potential import (
    PotentialFileError,
    XSFError,
    read_labelled,
    read_xsf,
    write_xsf,
)
from tests.potential.toy import random_structure

GOLDEN = Path(__file__).parent / "data" / "golden" / "structures"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.xsf")), ids=lambda p: p.stem)
def test_round_trip(path, tmp_path):
    atoms = read_xsf(path)
    back = read_xsf(write_xsf(tmp_path / "x.xsf", atoms))
    assert np.array_equal(atoms.positions, back.positions)
    assert np.array_equal(atoms.cell.array, back.cell.array)
    assert np.array_equal(atoms.pbc, back.pbc)
    assert atoms.get_chemical_symbols() == back.get_chemical_symbols()
    assert atoms.get_potential_energy() == back.get_potential_energy()
    assert np.array_equal(atoms.get_forces(), back.get_forces())


def test_energy_of_the_file():
    atoms = read_xsf(GOLDEN / "s02_Li3PS4_iso.xsf")
    assert atoms.get_potential_energy() == -2.109006981011
    assert not atoms.pbc.any()
    assert atoms.get_forces()[1, 0] == -8.399070346329


def test_structure_of_pymatgen_without_forces(tmp_path):
    structure = Structure(Lattice.cubic(5.7), ["Li", "S"], [[0, 0, 0], [0.5] * 3])
    path = write_xsf(tmp_path / "x.xsf", structure, energy=-1.25)
    back = read_xsf(path)
    assert back.get_potential_energy() == -1.25
    assert "forces" not in back.calc.results
    assert np.allclose(back.positions, structure.cart_coords)


def test_what_cannot_be_written(tmp_path):
    atoms = random_structure()
    with pytest.raises(XSFError, match="total energy"):
        write_xsf(tmp_path / "x.xsf", atoms)
    with pytest.raises(XSFError, match="finite"):
        write_xsf(tmp_path / "x.xsf", atoms, energy=np.nan)
    with pytest.raises(XSFError, match="shape"):
        write_xsf(tmp_path / "x.xsf", atoms, energy=0.0, forces=np.zeros((2, 3)))
    with pytest.raises(XSFError, match="finite"):
        write_xsf(
            tmp_path / "x.xsf", atoms, energy=0.0, forces=atoms.positions * np.inf
        )
    atoms.pbc = [True, True, False]
    with pytest.raises(XSFError, match="all directions or in none"):
        write_xsf(tmp_path / "x.xsf", atoms, energy=0.0)


GOOD = (GOLDEN / "s04_Li2S_prim.xsf").read_text().splitlines()


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        (1, "# some comment", "no total energy"),
        (1, "# total energy = -2.86q eV", "line 1: not a number"),
        (1, "# total energy = nan eV", "line 1: not a finite number"),
        (5, "0.0 2.8", "line 5: a cell vector needs 3"),
        (5, "0.0 2.8 x", "line 5: not a number"),
        (9, "three 1", "line 9: the number of atoms"),
        (9, "5 1", "ends early"),
        (9, "2 1", "line 12: not expected"),
        (10, "Li 0 0", "line 10: an atom needs 4 or 7"),
        (10, "Qq 0 0 0 0 0 0", "line 10: not an element"),
        (10, "Li 0 0 0", "some rows have forces"),
        (10, "Li 0 0 inf 0 0 0", "line 10: not a finite"),
        (8, "", "line 9"),
    ],
)
def test_malformed(tmp_path, line, text, expected):
    lines = [*GOOD]
    lines[line - 1] = text
    path = tmp_path / "bad.xsf"
    path.write_text("\n".join(lines))
    with pytest.raises(XSFError, match=expected) as caught:
        read_xsf(path)
    assert "bad.xsf" in str(caught.value)


VARIANTS = {
    "units, D exponent": ("# total energy = -2.8", "# Total Energy (eV) =-0.28D+01"),
    "no hash": ("# total energy = -2.8", "total energy=-2.8"),
    "after the atoms": (
        "S 1 2 3 0.1 0.2 0.3",
        "S 1 2 3 0.1 0.2 0.3\n# total energy = -2.8",
    ),
    "atomic number": ("S 1 2 3", "  16   1 2 3"),
    "other case": ("S 1 2 3", "s 1 2 3"),
    "lower-case keywords": ("PRIMVEC", "primvec"),
    "tabs, D exponent": ("S 1 2 3", "S\t1.D0\t2.0d+00\t.3E1"),
    "exponent without letter": ("0.3", "0.3-100"),
    "further columns": ("0.1 0.2 0.3", "0.1 0.2 0.3 0 0 1"),
    "conventional cell": ("PRIMCOORD", "CONVVEC\n9 0 0\n0 9 0\n0 0 9\nPRIMCOORD"),
    "conventional atoms": ("PRIMCOORD", "CONVCOORD\n1 1\nLi 0 0 0\nPRIMCOORD"),
    "comments": ("PRIMCOORD", "# d'après\n\nPRIMCOORD\n# how many\n"),
    "data grid": (
        "# end",
        "BEGIN_BLOCK_DATAGRID_3D\nrho\n1 1 1\n0 0 0\nEND_BLOCK_DATAGRID_3D\n",
    ),
}
PLAIN = """# total energy = -2.8

CRYSTAL
PRIMVEC
5 0 0
0 5 0
0 0 5
PRIMCOORD
1 1
S 1 2 3 0.1 0.2 0.3
# end
"""


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_variants_that_other_programs_write(tmp_path, name, encoding):
    old, new = VARIANTS[name]
    assert old in PLAIN
    path = tmp_path / "x.xsf"
    path.write_bytes(PLAIN.replace(old, new).replace("\n", "\r\n").encode(encoding))
    atoms = read_xsf(path)
    assert atoms.get_chemical_symbols() == ["S"]
    assert atoms.positions.tolist() == [[1, 2, 3]]
    assert atoms.cell.array.tolist() == np.diag([5, 5, 5]).tolist()
    assert atoms.get_potential_energy() == -2.8
    force_z = 3e-101 if "0.3-100" in new else 0.3
    assert atoms.get_forces().tolist() == [[0.1, 0.2, force_z]]


def test_energy_may_be_left_out_when_said(tmp_path):
    path = tmp_path / "x.xsf"
    path.write_text("\n".join(GOOD[1:]))
    with pytest.raises(XSFError, match="no total energy"):
        read_xsf(path)
    assert len(read_xsf(path, require_energy=False)) == 3


def test_cut_anywhere_never_a_traceback(tmp_path):
    text = "\n".join(GOOD)
    path = tmp_path / "cut.xsf"
    for n in range(0, len(text) - 80, 3):
        path.write_text(text[:n])
        with pytest.raises(XSFError):
            read_xsf(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(XSFError, match="line 1: not expected"):
        read_xsf(path)
    with pytest.raises(XSFError, match="cannot be read"):
        read_xsf(tmp_path / "none.xsf")


def test_labelled_folder_and_extxyz(tmp_path):
    assert len(read_labelled(GOLDEN).structures) == len(list(GOLDEN.glob("*.xsf")))
    frames = []
    for k in range(3):
        atoms = random_structure(k)
        forces = np.full((len(atoms), 3), 0.5) if k else None
        results = {"energy": -float(k)} | ({} if forces is None else {"forces": forces})
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    path = tmp_path / "set.extxyz"
    write(path, frames, format="extxyz")
    found = read_labelled([path, GOLDEN / "s04_Li2S_prim.xsf"])
    assert found.energies[:3] == [0.0, -1.0, -2.0]
    assert found.forces[0] is None
    assert np.allclose(found.forces[2], 0.5)
    assert len(found.structures) == 4
    write(path, molecule("H2O"), format="extxyz")
    with pytest.raises(PotentialFileError, match="frame 0 has no energy"):
        read_labelled(path)
    path.write_text("nonsense\n")
    with pytest.raises(PotentialFileError, match="cannot be read"):
        read_labelled(path)
    with pytest.raises(PotentialFileError, match="no structure"):
        read_labelled([])
