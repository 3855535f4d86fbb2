"""Units that are removed: end members, and combinations that leave the line."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Composition

from lps_flows.chemistry import (
    CompositionLine,
    RemovalError,
    atoms_removed,
    crystal,
    full_formula,
    left_over,
    remove_units,
    supercell_near,
    written_unit,
)

LINE = CompositionLine()


@pytest.mark.parametrize(
    ("parent", "unit", "n_units", "left"),
    [
        ("Li48P16S64", {"Li2S": 3}, 1, "Li42P16S61"),
        ("Li48P16S64", {"S": 1}, 3, "Li48P16S61"),
        ("Li4P4S12", {"P2S5": 1, "S": 1}, 1, "Li4P2S6"),
        ("Li56P24S88", {"Li2S": 1, "S": 3}, 4, "Li48P24S72"),
        ("Li4P2S6", {"Li2S": 1, "S": 2}, 1, "Li2P2S3"),
    ],
)
def test_what_is_left(parent, unit, n_units, left):
    assert left_over(Composition(parent), written_unit(unit), n_units, LINE) == left


def test_a_combination_removes_its_atoms_and_nothing_else():
    parent = supercell_near(crystal("Li7P3S11"), 42)
    unit = written_unit({"Li2S": 1, "S": 2})
    assert unit == "1 Li2S + 2 S"
    assert atoms_removed(unit, 2) == {"Li": 4, "S": 6}
    rng = np.random.default_rng(0)
    child = remove_units(parent, unit, 2, rng)
    gone = parent.composition - child.composition
    assert gone == Composition("Li4S6")
    assert LINE.position(child.composition) is None


@pytest.mark.parametrize(
    ("unit", "n_units", "message"),
    [
        ({"S": 1}, 65, "too few atoms of S"),
        ({"Na2S": 1}, 1, "too few atoms of Na"),
        ({"Li3PS4": 16}, 1, "nothing would be left"),
        ({"S": 0}, 1, "no unit"),
        ({"S": 1.5}, 1, "no unit"),
        ({"Sulfur?": 1}, 1, "no unit"),
        ("Li3P", 1, "only units of an end member"),
        ("P4S10", 5, "only 4 units of P4S10"),
        ("Li0.5S0.25", 1, "removed whole"),
        ("Li2S", "2", "whole positive numbers"),
        ("Li2S", float("nan"), "whole positive numbers"),
    ],
)
def test_what_cannot_be_removed_is_said(unit, n_units, message):
    with pytest.raises(RemovalError, match=message):
        left_over(Composition("Li48P16S64"), written_unit(unit), n_units, LINE)


@pytest.mark.parametrize(
    ("line", "unit", "left"),
    [
        (("Li2S", "P2S5"), "P2S5", "Li48P12S54"),
        (("Li2S", "P2S5"), "P4S10", "Li48P8S44"),
        (("Li2S", "P2S5"), "Li4S2", "Li40P16S60"),
        (("Li2S", "P4S10"), "P2S5", "Li48P12S54"),
        (("Li2S", "P4S10"), "P4S10", "Li48P8S44"),
    ],
)
def test_a_unit_holds_the_atoms_that_are_written(line, unit, left):
    """Whether an end member is written like that or as a multiple."""
    line = CompositionLine(end_members=line)
    parent = supercell_near(crystal("beta-Li3PS4"), 128)
    assert left_over(parent.composition, unit, 2, line) == left
    child = remove_units(parent, unit, 2, np.random.default_rng(0), line)
    assert full_formula(child) == left
    gone = (parent.composition - child.composition).get_el_amt_dict()
    assert gone == atoms_removed(unit, 2)


def test_too_few_atoms_of_a_multiple_are_said():
    parent = supercell_near(crystal("beta-Li3PS4"), 128)
    with pytest.raises(RemovalError, match="holds only 4 units of P4S10"):
        remove_units(parent, "P4S10", 5, np.random.default_rng(0))
