"""XSF files: exact round trips, and what malformed ones say."""

from __future__ import annotations

from pathlib import Path

import ase
import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from ase.units import Bohr, Hartree, Rydberg
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


TWO = """CRYSTAL
PRIMVEC
5 0 0
0 5 0
0 0 5
PRIMCOORD
2 1
Li 0 0 0{}
S 2.5 2.5 2.5{}
"""


def two_atoms(folder, comment, forces=""):
    path = folder / "a.xsf"
    path.write_text(f"{comment}\n{TWO.format(forces, forces)}")
    return read_xsf(path)


@pytest.mark.parametrize(
    ("said", "energy"),
    [
        ("= -10.5", -10.5),
        ("= -10.5 eV", -10.5),
        ("(eV) = -10.5", -10.5),
        ("[eV] = -10.5 eV  # PBE", -10.5),
        ("= -10.5 eV (PBE, 520 eV)", -10.5),
        ("= -10.5 Ry", -10.5 * Rydberg),
        ("(Ry) = -10.5", -10.5 * Rydberg),
        ("= -10.5 Ryd, converged", -10.5 * Rydberg),
        ("= -10.5, converged", -10.5),
        ("= -10.5 Hartree", -10.5 * Hartree),
        ("(Ha) = -10.5", -10.5 * Hartree),
        (": -10.5 a.u.", -10.5 * Hartree),
        ("= -10500 meV", -10.5),
        ("= -5.25 eV/atom", -10.5),
        ("(Ry per atom) = -10.5", -21 * Rydberg),
        ("= -10.5 eV / cell", -10.5),
        ("= -1000.0 kJ/mol", -1000 / 96.48533212),
    ],
)
def test_energies_are_read_in_the_unit_beside_them(tmp_path, said, energy):
    atoms = two_atoms(tmp_path, f"# total energy {said}")
    assert atoms.get_potential_energy() == pytest.approx(energy, rel=1e-6)


@pytest.mark.parametrize(
    "said",
    ["= -10 K", "(J) = -10", "= -10 MeV", "= -10 eV/f.u.", "(eV) = -10 Ry", "= -1 -2"],
)
def test_units_that_are_not_known_are_refused(tmp_path, said):
    with pytest.raises(XSFError, match="line 1: the unit of the energy is not known"):
        two_atoms(tmp_path, f"# total energy {said}")


@pytest.mark.parametrize("number", ["-48,123", "-1,048.5", "-1,048,576", "-48.1,Ry"])
def test_a_comma_in_the_energy_cuts_nothing_off(tmp_path, number):
    with pytest.raises(XSFError, match=f"line 1: not a number: '{number}'"):
        two_atoms(tmp_path, f"# total energy = {number} eV")


@pytest.mark.parametrize(
    ("comment", "unit"),
    [
        ("", 1.0),
        ("# forces in eV/Ang", 1.0),
        ("# forces in Ha/Ang", Hartree),
        ("# Forces (Ry/Bohr)", Rydberg / Bohr),
        ("# unit of forces: Hartree per a0", Hartree / Bohr),
        ("# force unit = eV/Å", 1.0),
    ],
)
def test_forces_are_read_in_a_stated_unit(tmp_path, comment, unit):
    said = f"# total energy = -1 eV\n{comment}"
    forces = two_atoms(tmp_path, said, " 0.1 0.2 0.3").get_forces()
    assert forces[1] == pytest.approx(np.array([0.1, 0.2, 0.3]) * unit)


def test_the_unit_of_forces_is_said_when_the_energy_has_another(tmp_path):
    with pytest.raises(XSFError, match="add a comment like '# forces in eV/Ang'"):
        two_atoms(tmp_path, "# total energy = -1 Ry", " 0 0 0")
    with pytest.raises(XSFError, match="the unit of the forces is not known"):
        two_atoms(tmp_path, "# total energy = -1 eV\n# forces in N/m", " 0 0 0")
    said = "# total energy = -1 Ry\n# forces in Ry/Bohr"
    assert two_atoms(tmp_path, said, " 1 0 0").get_forces()[0, 0] == Rydberg / Bohr


def test_what_ase_writes_is_read_with_its_unit_of_forces_said(tmp_path):
    atoms = random_structure()
    forces = np.random.default_rng(0).normal(size=(len(atoms), 3))
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=forces)
    path = tmp_path / "ase.xsf"
    write(path, atoms, format="xsf")
    said = "# total energy = -1.0 eV\n# forces in Ha/Ang\n"
    path.write_text(said + path.read_text())
    assert read_xsf(path).get_forces() == pytest.approx(forces, abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "pbc"),
    [
        ("CRYSTAL", [True, True, True]),
        ("SLAB", [True, True, False]),
        ("POLYMER", [True, False, False]),
        ("MOLECULE", [False, False, False]),
        ("# nothing said", [True, True, True]),
    ],
)
def test_directions_are_as_periodic_as_the_file_says(tmp_path, kind, pbc):
    path = tmp_path / "a.xsf"
    text = TWO.replace("CRYSTAL", kind).format("", "")
    path.write_text(f"# total energy = -1\n{text}")
    atoms = read_xsf(path)
    assert atoms.pbc.tolist() == pbc
    if kind in ("SLAB", "POLYMER"):
        written = atoms.copy()
        write(tmp_path / "ase.xsf", written, format="xsf")
        assert read_xsf(tmp_path / "ase.xsf", require_energy=False).pbc.tolist() == pbc
    path.write_text("CRYSTAL\nSLAB\n" + text)
    with pytest.raises(XSFError, match="SLAB after CRYSTAL"):
        read_xsf(path)


def test_a_direction_that_is_not_periodic_needs_no_vector(tmp_path):
    path = tmp_path / "a.xsf"
    flat = "SLAB\nPRIMVEC\n4 0 0\n0 4 0\n0 0 0\nPRIMCOORD\n1 1\nLi 0 0 1\n"
    path.write_text(flat)
    atoms = read_xsf(path, require_energy=False)
    assert atoms.cell.lengths().tolist() == [4.0, 4.0, 0.0]
    path.write_text(flat.replace("0 4 0", "8 0 0"))
    with pytest.raises(XSFError, match="no volume"):
        read_xsf(path, require_energy=False)


@pytest.mark.parametrize(
    ("again", "problem"),
    [
        ("PRIMCOORD\n1 1\nLi 0 0 0\n", "a further PRIMCOORD"),
        ("ATOMS\nLi 0 0 0\n", "a further ATOMS"),
        ("PRIMVEC\n6 0 0\n0 6 0\n0 0 6\n", "a further PRIMVEC"),
        ("ANIMSTEPS 2\n", "an animation"),
    ],
)
def test_a_second_structure_is_refused(tmp_path, again, problem):
    path = tmp_path / "a.xsf"
    path.write_text("# total energy = -1\n" + TWO.format("", "") + again)
    with pytest.raises(XSFError, match=problem):
        read_xsf(path)


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


HEAD = (
    '1\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3{} {}\nLi 0 0 0 {}\n'
)


def one_frame(folder, columns="", comment="", row=""):
    path = folder / "a.extxyz"
    path.write_text(HEAD.format(columns, comment, row))
    return path


@pytest.mark.parametrize("name", ["force", "REF_forces", "dft_forces", "MACE_forces"])
def test_forces_under_another_name_are_named_and_never_dropped(tmp_path, name):
    path = one_frame(tmp_path, f":{name}:R:3", "energy=-1", "1 2 3")
    with pytest.raises(PotentialFileError, match=f"no forces; it holds: .*{name}"):
        read_labelled(path)
    found = read_labelled(path, forces_key=name)
    assert found.forces[0].tolist() == [[1, 2, 3]]
    assert read_labelled(path, forces_key="").forces == [None]


@pytest.mark.parametrize(
    "name", ["REF_energy", "TotEnergy", "dft_energy", "free_energy"]
)
def test_energies_under_another_name_are_named(tmp_path, name):
    path = one_frame(tmp_path, comment=f"{name}=-1.5")
    with pytest.raises(PotentialFileError, match=f"no energy; it holds: {name}"):
        read_labelled(path)
    assert read_labelled(path, energy_key=name).energies == [-1.5]
    both = one_frame(tmp_path, comment=f"energy=-1 {name}=-1.5")
    assert read_labelled(both).energies == [-1.0]
    assert read_labelled(both, energy_key=name).energies == [-1.5]
    with pytest.raises(PotentialFileError, match="no energies"):
        read_labelled(both, energy_key="energies")


@pytest.mark.parametrize(
    ("columns", "comment", "row", "problem"),
    [
        ("", 'energy="-1 eV"', "", "no number"),
        ("", 'energy="-1 -2"', "", "2 numbers"),
        ("", "energy=T", "", "no number"),
        ("", "energy=nan", "", "not finite"),
        (":forces:R:3", "energy=-1", "1 nan 3", "not finite"),
        (":forces:R:2", "energy=-1", "1 2", "shape"),
    ],
)
def test_labels_that_are_no_numbers_are_refused(
    tmp_path, columns, comment, row, problem
):
    with pytest.raises(PotentialFileError, match=problem):
        read_labelled(one_frame(tmp_path, columns, comment, row))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty.extxyz", ""),
        ("cut.extxyz", "3\nenergy=-1\nLi 0 0 0\n"),
        ("words.extxyz", "many\n\n"),
        ("vasprun.xml", '<?xml version="1.0"?><modeling><generator>'),
        ("empty.xml", ""),
        ("a.foo", "x"),
        ("a.json", "[1, 2"),
        ("OUTCAR", "nothing"),
        ("a.cif", "data_x\nloop_\n"),
        ("POSCAR", "Li\n1\n1 0\n"),
        ("a.traj", "x"),
        ("a.db", "x"),
        ("a.xyz", "\x00\x01"),
    ],
)
def test_files_that_ase_cannot_read_give_the_typed_error(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(PotentialFileError, match=name):
        read_labelled(tmp_path / name)


def test_xsf_files_are_found_in_either_case(tmp_path):
    for name in ("b.XSF", "a.xsf", "c.Xsf"):
        text = "# total energy = -1\n" + TWO.format("", "")
        (tmp_path / name).write_text(text)
    assert len(read_labelled(tmp_path).structures) == 3
    assert len(read_labelled(tmp_path / "b.XSF").structures) == 1


def test_atoms_that_a_file_holds_fixed_are_free(tmp_path):
    atoms = random_structure()
    forces = np.full((len(atoms), 3), 0.5)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=forces)
    atoms.set_constraint(FixAtoms([0]))
    write(tmp_path / "held.extxyz", atoms, columns=None)
    found = read_labelled(tmp_path / "held.extxyz")
    assert not found.structures[0].constraints
    assert found.structures[0].get_forces() == pytest.approx(found.forces[0])


REACHED = "aborting loop because EDIFF is reached"
NOT_REACHED = "aborting loop EDIFF was not reached (unconverged)"


@pytest.mark.parametrize(
    ("most", "said", "kept"),
    [
        (120, (REACHED, REACHED), 2),
        (120, (REACHED, NOT_REACHED), 1),
        (63, (REACHED, "aborting loop"), 1),
        (63, (REACHED, REACHED), 2),  # in the very last step
        (120, ("aborting loop", "aborting loop"), 2),
    ],
)
def test_steps_of_an_outcar_that_did_not_converge_are_left_out(
    tmp_path, caplog, most, said, kept
):
    example = Path(ase.__file__).parent / "test/testdata/vasp/OUTCAR_example_1"
    if not example.exists():
        pytest.skip("this ase has no test data")
    text = example.read_text().replace("NELM   =    120", f"NELM   =    {most:3d}")
    start = text.rindex("\n", 0, text.index(" Iteration "))
    steps = [text[start:].replace(REACHED, words) for words in said]
    (tmp_path / "OUTCAR").write_text("".join([text[:start], *steps]))
    found = read_labelled(tmp_path / "OUTCAR")
    assert len(found.energies) == kept
    assert (f"left out {2 - kept} of 2" in caplog.text) == (kept < 2)


def test_partly_periodic_frames_stay_so(tmp_path):
    path = one_frame(tmp_path, comment='energy=-1 pbc="T T F"')
    assert read_labelled(path).structures[0].pbc.tolist() == [True, True, False]
