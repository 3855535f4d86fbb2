import pytest
from pydantic import ValidationError
from pymatgen.core import Composition

from lps_flows.chemistry import CompositionLine, OffLineError, RemovalError


@pytest.mark.parametrize(
    ("formula", "x"),
    [
        ("Li2S", 1),
        ("P2S5", 0),
        ("LiPS3", 0.5),
        ("Li38P24S79", 38 / 62),
        ("Li4P2S7", 2 / 3),
        ("Li7P3S11", 0.7),
        ("Li42P16S61", 42 / 58),
        ("Li3PS4", 0.75),
        ("Li7PS6", 0.875),
    ],
)
def test_check_values_of_the_paper(formula, x):
    assert CompositionLine().x(formula) == pytest.approx(x, abs=1e-12)
    assert CompositionLine().x(Composition(formula) * 7) == pytest.approx(x, abs=1e-12)


@pytest.mark.parametrize("formula", ["Li48P16S61", "Li2PS3", "Li", "Na3PS4", "Li9PS2"])
def test_off_line_compositions_raise_and_are_not_contained(formula):
    line = CompositionLine()
    assert not line.contains(formula)
    with pytest.raises(OffLineError, match="Use a composition") as caught:
        line.x(formula)
    assert str(caught.value.value) in str(caught.value)


@pytest.mark.parametrize(
    "value", [3, None, True, ["Li2S"], float("nan"), {"Li": float("nan")}, b"Li2S"]
)
def test_what_is_no_composition_raises_the_typed_error(value):
    line = CompositionLine()
    for ask in (line.x, line.amounts, lambda v: line.remove(v, "Li2S", 1)):
        with pytest.raises(OffLineError, match="composition"):
            ask(value)
    assert not line.contains(value)
    with pytest.raises(OffLineError):
        line.remove("Li3PS4", value, 1)


def test_oxidation_states_and_spins_do_not_matter():
    line = CompositionLine()
    for decorated in (
        Composition({"Li+": 6, "P5+": 2, "S2-": 8}),
        Composition({"Li+,spin=5": 6, "P": 2, "S2-": 8}),
    ):
        assert line.x(decorated) == 0.75
        assert line.remove(decorated, "Li2S", 1) == "Li4P2S7"


def test_unreadable_formula_raises_the_typed_error():
    with pytest.raises(OffLineError, match="not a chemical formula"):
        CompositionLine().x("Xy3!")


def test_removal_reaches_the_papers_compositions():
    line = CompositionLine()
    assert line.remove("Li48P16S64", "Li2S", 3) == "Li42P16S61"
    assert line.remove("Li56P24S88", "Li2S", 9) == "Li38P24S79"
    assert line.remove("Li42P16S61", "Li2S", -3) == "Li48P16S64"
    assert line.formula(21, 8) == "Li42P16S61"


@pytest.mark.parametrize(
    ("end_member", "n_units", "message"),
    [
        ("Li2S", 99, "holds only 24 units"),
        ("Li3P", 1, "only units of an end member"),
    ],
)
def test_impossible_removals_raise(end_member, n_units, message):
    with pytest.raises(RemovalError, match=message):
        CompositionLine().remove("Li48P16S64", end_member, n_units)


def test_removing_everything_raises():
    with pytest.raises(RemovalError, match="empty cell"):
        CompositionLine().remove("Li2S", "Li2S", 1)


def test_another_system_is_a_matter_of_settings():
    line = CompositionLine(end_members=("Na2S", "P2S5"))
    assert line.x("Na3PS4") == 0.75
    assert line.elements == ("Na", "P", "S")
    assert not line.contains("Li3PS4")
    silicon = CompositionLine(end_members=("Li2S", "SiS2"))
    assert silicon.x("Li4SiS4") == pytest.approx(2 / 3)


@pytest.mark.parametrize("formula", ["LiX", "Li+", "Foo!", "", "Li0"])
def test_end_members_are_formulas_of_elements(formula):
    with pytest.raises(ValidationError, match="no formula of elements"):
        CompositionLine(end_members=("Li2S", formula))


def test_end_members_must_differ_and_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="same compound"):
        CompositionLine(end_members=("Li2S", "Li4S2"))
    with pytest.raises(ValidationError):
        CompositionLine(ends=("Li2S", "P2S5"))


@pytest.mark.parametrize(
    ("end_members", "mobile", "formers", "anions"),
    [
        (("Li2S", "P2S5"), "Li", ("P",), ("S",)),
        (("P2S5", "Li2S"), "Li", ("P",), ("S",)),
        (("Na2S", "SiS2"), "Na", ("Si",), ("S",)),
        (("Li3PS4", "LiI"), "Li", ("P",), ("S", "I")),
        (("Li3PO4", "Li3N"), "Li", ("P",), ("O", "N")),
        (("Li6PS5Cl", "Li7PS6"), "Li", ("P",), ("S", "Cl")),
        (("MgS", "P2S5"), "Mg", ("P",), ("S",)),
        (("Li2S", "Na2S"), "Li", (), ("S",)),
    ],
)
def test_a_line_says_what_moves_and_what_forms_the_network(
    end_members: tuple[str, str],
    mobile: str,
    formers: tuple[str, ...],
    anions: tuple[str, ...],
) -> None:
    line = CompositionLine(end_members=end_members)
    assert (line.mobile, line.formers, line.anions) == (mobile, formers, anions)
