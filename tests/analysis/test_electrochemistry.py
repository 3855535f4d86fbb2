"""Windows of Li-P-S against hand-computed voltages and pymatgen."""

from __future__ import annotations

import math

import pytest
from pymatgen.analysis.interface_reactions import InterfacialReactivity
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from lps_flows.analysis import HullError, electrochemical_window

# formation energies per formula unit close to those of PBE (eV)
ENERGIES = {
    "Li": 0.0,
    "P": 0.0,
    "S": 0.0,
    "Li2S": -4.2,
    "Li3P": -3.3,
    "LiP": -1.3,
    "P2S5": -2.4,
    "Li3PS4": -8.2,
}


def entries(**changed: float) -> list[PDEntry]:
    return [PDEntry(f, e) for f, e in {**ENERGIES, **changed}.items()]


def test_window_of_li3ps4_by_hand() -> None:
    window = electrochemical_window(entries(), "Li12P4S16")
    # Li3PS4 + 5 Li -> P + 4 Li2S; Li3PS4 -> 1/2 P2S5 + 3/2 S + 3 Li
    assert window.reduction == pytest.approx((4 * 4.2 - 8.2) / 5)
    assert window.oxidation == pytest.approx((8.2 - 1.2) / 3)
    assert 1.6 < window.reduction < 1.8 < 2.1 < window.oxidation < 2.5
    assert [step.products for step in window.steps] == [
        {"Li2S": 4, "Li3P": 1},
        {"Li2S": 4, "LiP": 1},
        {"Li2S": 4, "P": 1},
        {"Li3PS4": 1},
        {"P2S5": 0.5, "S": 1.5},
    ]
    voltages = [step.voltage for step in window.steps]
    # LiP + 2 Li -> Li3P; P + Li -> LiP
    assert voltages == pytest.approx([0, 1.0, 1.3, 1.72, 7 / 3])
    voltage, products = window.steps[3]
    assert (voltage, products) == (window.reduction, {"Li3PS4": 1})


def test_reaction_with_metal_is_that_of_pymatgen() -> None:
    window = electrochemical_window(entries(), Composition("Li3PS4"))
    products, energy = window.reaction_with_metal
    assert products == {"Li2S": 4, "Li3P": 1}
    # Li3PS4 + 8 Li: 16 atoms
    assert energy == pytest.approx((-4 * 4.2 - 3.3 + 8.2) / 16)
    contact = InterfacialReactivity(
        Composition("Li"), Composition("Li3PS4"), PhaseDiagram(entries())
    )
    assert energy == pytest.approx(min(kink[2] for kink in contact.get_kinks()))


def test_energies_of_the_elements_do_not_matter() -> None:
    own = {"Li": -1.9, "P": -5.4, "S": -4.1}
    shifted = [
        PDEntry(f, e + sum(own[str(el)] * n for el, n in Composition(f).items()))
        for f, e in ENERGIES.items()
    ]
    plain = electrochemical_window(entries(), "Li3PS4")
    moved = electrochemical_window(shifted, "Li3PS4")
    assert moved.reduction == pytest.approx(plain.reduction)
    assert moved.oxidation == pytest.approx(plain.oxidation)
    assert moved.reaction_with_metal.energy == pytest.approx(
        plain.reaction_with_metal.energy
    )


def test_metastable_phase_has_the_window_of_its_decomposition() -> None:
    # Li7P3S11 = 2 Li3PS4 + Li P S3 -> 7/3 Li3PS4 + 1/3 P2S5
    above = entries(Li7P3S11=-7 / 3 * 8.2 - 2.4 / 3 + 0.4)
    window = electrochemical_window(above, "Li7P3S11")
    held = [step for step in window.steps if "Li3PS4" in step.products]
    assert held[-1].products == {"Li3PS4": 2.333333, "P2S5": 0.333333}
    assert held[-1].voltage == window.reduction
    # P2S5 takes up lithium before Li3PS4 does
    assert window.reduction > electrochemical_window(entries(), "Li3PS4").reduction
    assert window.oxidation == pytest.approx((8.2 - 1.2) / 3)


def test_composition_inside_a_triangle_has_one_voltage() -> None:
    window = electrochemical_window(entries(), "Li2PS3")
    assert window.reduction == pytest.approx(window.oxidation)
    assert 0 < window.reduction < 2.5


def test_ends_of_the_line() -> None:
    sulfide = electrochemical_window(entries(), "Li2S")
    assert sulfide.reduction == 0
    assert sulfide.oxidation == pytest.approx(2.1)
    assert sulfide.reaction_with_metal == ({"Li2S": 1}, pytest.approx(0))
    assert electrochemical_window(entries(), "P2S5").oxidation == math.inf


@pytest.mark.parametrize("lost", ["Li3P", "Li2S", "P2S5", "P"])
def test_refused_where_phases_are_missing(lost: str) -> None:
    fewer = [e for e in entries() if e.composition.reduced_formula != lost]
    with pytest.raises(HullError, match=rf"no entry of {lost}:"):
        electrochemical_window(fewer, "Li3PS4")


def test_other_known_binaries_are_named() -> None:
    lacking = electrochemical_window(entries(), "Li3PS4").lacking
    assert "Li3P7" in lacking
    assert "LiP" not in lacking


def test_nothing_but_the_ion() -> None:
    with pytest.raises(HullError, match="nothing in it but Li"):
        electrochemical_window(entries(), "Li")
