"""Crystals of one's own: substituted ones and those from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import OwnCrystal, crystal
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
