"""Crystals of one's own: substituted ones and those from files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from lps_flows.chemistry import OwnCrystal, OwnCrystalError, crystal
from lps_flows.foundation import LpsFlowsError


def test_like_another_with_other_elements() -> None:
    made = OwnCrystal(like="beta-Li3PS4", replace={"Li": "Na"}).structure()
    known = crystal("beta-Li3PS4")
    assert made.composition.reduced_formula == "Na3PS4"
    assert len(made) == len(known)
    assert made.volume > known.volume


@pytest.mark.parametrize(("name", "fmt"), [("a.cif", "cif"), ("a.vasp", "poscar")])
def test_from_a_file(tmp_path: Path, name: str, fmt: str) -> None:
    (tmp_path / name).write_text(crystal("Li2S").to(fmt=fmt))
    own = OwnCrystal.model_validate({"file": name}, context={"folder": tmp_path})
    assert own.structure().composition == crystal("Li2S").composition
    swapped = OwnCrystal(file=str(tmp_path / name), replace={"S": "Se"})
    assert swapped.structure().composition.reduced_formula == "Li2Se"


def test_what_cannot_be_a_crystal_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.cif").write_text("")
    (tmp_path / "words.vasp").write_text("not a structure")
    (tmp_path / "code.json").write_text("{}")
    mixed = Structure(Lattice.cubic(4), [{"Li": 0.5, "Na": 0.5}, "S"], [[0] * 3] * 2)
    mixed.translate_sites([1], [0.5, 0.5, 0.5])
    (tmp_path / "mixed.cif").write_text(mixed.to(fmt="cif"))
    for name in ("empty.cif", "words.vasp", "code.json", "mixed.cif", "nowhere.cif"):
        with pytest.raises(LpsFlowsError, match=name):
            OwnCrystal(file=str(tmp_path / name)).structure()
    with pytest.raises(LpsFlowsError, match="Li9PS9"):
        OwnCrystal(like="Li9PS9").structure()
    with pytest.raises(LpsFlowsError, match="Mg"):
        OwnCrystal(like="Li2S", replace={"Mg": "Na"}).structure()


@pytest.mark.parametrize("given", [{}, {"like": "Li2S", "file": "li2s.cif"}])
def test_one_origin(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either"):
        OwnCrystal(**given)


LI2S = """data_x
_cell_length_a 5.7
_cell_length_b 5.7
_cell_length_c 5.7
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
_chemical_formula_sum 'Li2 S'
_cell_formula_units_Z 4
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0.25 0.25 0.25 1
S1 S 0 0 0 1
"""
HEXAGONAL = (
    LI2S.replace("length_a 5.7", "length_a 6.0")
    .replace("length_b 5.7", "length_b 6.0")
    .replace("length_c 5.7", "length_c 6.6")
    .replace("gamma 90", "gamma 120")
    .replace("F m -3 m", "P 63/m m c")
    .replace("225", "194")
    .replace("Li2 S", "P S2")
    .replace("units_Z 4", "units_Z 2")
    .replace("Li1 Li 0.25 0.25 0.25", "P1 P 0.3333 0.6667 0.25")
    .replace("S1 S 0 0 0", "S1 S 0.3333 0.6667 0.555")
)


def read(tmp_path: Path, text: str, name: str = "a.cif") -> Structure:
    (tmp_path / name).write_text(text)
    return OwnCrystal(file=str(tmp_path / name)).structure()


def test_cifs_that_agree_with_themselves_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, LI2S).formula == "Li8 S4"
    assert read(tmp_path, HEXAGONAL).formula == "P2 S4"
    # what pymatgen writes: the formula of the cell, units of the reduced one
    for key in ("gamma-Li3PS4", "Li7P3S11", "P2S5"):
        for symprec in (None, 0.01):
            written = str(CifWriter(crystal(key), symprec=symprec))
            assert read(tmp_path, written).composition == crystal(key).composition
    charged = LI2S.replace("Li1 Li ", "Li1 Li1+ ").replace("S1 S ", "S1 S2- ")
    assert read(tmp_path, charged) == read(tmp_path, LI2S)
    unit = LI2S.replace("_chemical_formula_sum 'Li2 S'", "_chemical_formula_sum ?")
    assert read(tmp_path, unit).formula == "Li8 S4"


@pytest.mark.parametrize(
    ("said", "instead", "problem"),
    [
        # pymatgen drops the sites, with a warning
        ("Li1 Li ", "Li1 7Li ", "'7Li' is no element"),
        ("Li1 Li ", "D1 D ", "'D' is no element"),
        # symmetry lost on the way
        ("'F m -3 m'", "'P 1'", "Fm-3m has 48 rotations"),
        (
            "'F m -3 m'\n_symmetry_Int_Tables_number 225",
            "'P 1'\n_symmetry_Int_Tables_number 1",
            "the atoms make LiS",
        ),
        (
            LI2S[LI2S.index("_symmetry") : LI2S.index("_chemical")],
            "",
            "nothing of its symmetry",
        ),
        ("'F m -3 m'", "'P n 3 : m'", "is not known"),
        ("loop_", "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\nloop_", "rotations"),
        (
            "_symmetry_Int_Tables_number 225",
            "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'",
            "Fm-3m has 48 rotations",
        ),
        # amounts
        ("'Li2 S'", "'Li2 S H4'", "formula is 'Li2 S H4'"),
        ("'Li2 S'", "'Na2 S'", "formula is 'Na2 S'"),
        ("units_Z 4", "units_Z 3", "the cell holds 12 atoms"),
        ("units_Z 4", "units_Z 4\n_cell_volume 370.4(2)", "says 370.4"),
        ("0.25 0.25 0.25 1", "0.25 0.25 0.25 0.5", "disordered"),
        ("S1 S 0 0 0 1", "S1 S 0 0 0 1\nS2 S 0.02 0 0 1", "apart"),
        ("0.25 0.25 0.25 1", "0.25 0.25 ? 1", "not given"),
        # two structures in one file
        ("S1 S 0 0 0 1\n", "S1 S 0 0 0 1\n" + LI2S.replace("data_x", "data_y"), "2 b"),
    ],
)
def test_a_cif_that_contradicts_itself_is_refused(
    tmp_path: Path, said: str, instead: str, problem: str
) -> None:
    assert said in LI2S
    with pytest.raises(OwnCrystalError, match=problem):
        read(tmp_path, LI2S.replace(said, instead, 1))


def test_coordinates_rounded_off_their_special_positions_are_refused(
    tmp_path: Path,
) -> None:
    rounded = HEXAGONAL.replace("0.3333", "0.333").replace("0.6667", "0.667")
    with pytest.raises(OwnCrystalError, match=r"apart|formula"):
        read(tmp_path, rounded)
    # neither formula nor units to compare with
    silent = rounded.replace("'P S2'", "?").replace("units_Z 2", "units_Z ?")
    with pytest.raises(OwnCrystalError, match="apart"):
        read(tmp_path, silent)


GAMMA = crystal("gamma-Li3PS4").to(fmt="poscar")
BARE_ROWS = re.sub(r"(\d) [A-Z][a-z]?$", r"\1", GAMMA, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # VASP 4: pymatgen makes it H, He, Li
        (BARE_ROWS.replace("Li P S\n6", "6"), "line 6 names no elements"),
        (GAMMA.replace("Li P S\n6 2 8", "Li P S Na\n6 2 8"), "names 4 elements"),
        (GAMMA.replace("Li P S\n", "D P S\n"), "isotopes"),
        (BARE_ROWS.replace("Li P S\n", "Xx P S\n"), "no element"),
        (GAMMA.replace("Li P S\n", "Na P S\n"), "line 9 ends with Li"),
        (GAMMA.replace("\n1.0\n", "\n0.1\n"), "per atom"),
        (GAMMA.replace("\n1.0\n", "\n10.0\n"), "per atom"),
        (GAMMA.replace("0.2502", "0.7300"), "apart"),
        ("\n".join(GAMMA.splitlines()[:12]), "cannot be read"),
    ],
)
def test_a_poscar_that_leaves_its_atoms_open_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(OwnCrystalError, match=problem) as caught:
        read(tmp_path, text, "old.vasp")
    assert "old.vasp" in str(caught.value)


def test_symbols_of_vasp_and_at_the_ends_of_rows_are_read(tmp_path: Path) -> None:
    plain = read(tmp_path, GAMMA, "a.vasp")
    assert plain == crystal("gamma-Li3PS4")
    for text in (
        GAMMA.replace("Li P S\n6", "6"),
        BARE_ROWS,
        BARE_ROWS.replace("Li P S\n", "Li_sv/f474ac0d P/79d9987a S/d3b9a1c2\n"),
    ):
        assert read(tmp_path, text, "b.poscar") == plain


@pytest.mark.parametrize("flags", ["F F F", "T T F"])
def test_atoms_held_fixed_in_a_poscar_are_set_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, flags: str
) -> None:
    lines = GAMMA.splitlines()
    lines.insert(7, "Selective dynamics")
    lines[9:] = [f"{line.rsplit(' ', 1)[0]} {flags}" for line in lines[9:]]
    text = "\n".join([*lines, "", *["0.1 0.2 0.3"] * 16])
    found = read(tmp_path, text, "fixed.vasp")
    assert found == crystal("gamma-Li3PS4")
    assert found.site_properties == {}
    assert "selective dynamics hold 16 of 16 atoms" in caplog.text


def test_oxidation_states_of_a_file_do_not_stop_a_replacement(tmp_path: Path) -> None:
    cell = crystal("gamma-Li3PS4")
    cell.add_oxidation_state_by_element({"Li": 1, "P": 5, "S": -2})
    (tmp_path / "ox.cif").write_text(cell.to(fmt="cif"))
    own = OwnCrystal(file=str(tmp_path / "ox.cif"), replace={"Li": "Na"})
    assert own.structure().formula == "Na6 P2 S8"
    with pytest.raises(ValidationError, match="no element"):
        OwnCrystal(like="Li2S", replace={"Li": "D"})
