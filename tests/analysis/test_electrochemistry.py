"""Windows of Li-P-S against hand-computed voltages and pymatgen."""

from __future__ import annotations

import math

import pytest
from pymatgen.analysis.interface_reactions import InterfacialReactivity
from pymatgen.analysis.phase_diagram import (
    GrandPotentialPhaseDiagram,
    PDEntry,
    PhaseDiagram,
)
from pymatgen.core import Composition, Element
from pymatgen.entries.computed_entries import ComputedEntry

from lps_flows.analysis import (
    HullError,
    HullSettings,
    WindowSettings,
    electrochemical_window,
    interface_reaction,
    phase_diagram,
    voltage_error,
)
from lps_flows.analysis.electrochemistry import diagram_windows
from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.structure import Provenance

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


@pytest.mark.parametrize("formula", ["Li3PS4", "Li7P3S11", "P2S5", "Li10P4S13", "Li2S"])
def test_products_at_every_voltage_are_those_of_the_grand_potential(
    formula: str,
) -> None:
    phases = entries(Li7PS6=-16.7, LiPS3=-5.1, P4S7=-3.0)
    window = electrochemical_window(phases, formula)
    beyond = [step.voltage for step in window.steps[1:]] + [4.0]
    others = Composition(
        {el: n for el, n in Composition(formula).items() if el.symbol != "Li"}
    )
    n_others = others.num_atoms
    for step, end in zip(window.steps, beyond, strict=True):
        if end - step.voltage < 0.01:
            continue
        voltage = (step.voltage + end) / 2
        theirs = GrandPotentialPhaseDiagram(phases, {Element("Li"): -voltage})
        expected = {}
        for phase, share in theirs.get_decomposition(others).items():
            unit = phase.original_entry.composition.reduced_composition
            open_atoms = unit.num_atoms - unit["Li"]
            expected[unit.reduced_formula] = share * n_others / open_atoms
        assert step.products == pytest.approx(expected, abs=1e-5)


def test_entries_may_come_twice_and_of_any_size() -> None:
    plain = electrochemical_window(entries(), "Li3PS4")
    more = [*entries(), *entries(), PDEntry("Li6P2S8", -16.4), PDEntry("Li3PS4", -7.0)]
    computed = [ComputedEntry(entry.composition, entry.energy) for entry in more]
    assert electrochemical_window(more, "Li3PS4") == plain
    found = electrochemical_window(computed, Composition("Li3PS4"), Element("Li"))
    assert found == plain


def test_ions_of_two_charges_take_two_electrons() -> None:
    phases = [PDEntry(f, e) for f, e in (("Mg", 0.0), ("S", 0.0), ("MgS", -3.5))]
    assert electrochemical_window(phases, "MgS", "Mg").oxidation == pytest.approx(1.75)


@pytest.mark.parametrize("nothing", [None, "", "no formula", Composition(), "Xx2", 7.5])
def test_what_is_no_composition_is_refused(nothing) -> None:
    with pytest.raises(HullError, match="composition"):
        electrochemical_window(entries(), nothing)


@pytest.mark.parametrize("mobile", ["", "Qq", "S", "Li+", "Fe", None])
def test_what_is_no_mobile_ion_is_refused(mobile) -> None:
    with pytest.raises(HullError, match="mobile"):
        electrochemical_window(entries(), "Li3PS4", mobile)


@pytest.mark.parametrize(
    "odd", ["Li3PS4", PDEntry("Li7PS6", math.nan), PDEntry("Li7PS6", -math.inf)]
)
def test_what_is_no_entry_is_refused(odd) -> None:
    with pytest.raises(HullError, match="entry"):
        electrochemical_window([*entries(), odd], "Li3PS4")


@pytest.mark.parametrize(
    ("formula", "mobile", "lost"),
    [("Li3PS4", "Na", "Na"), ("Li6PS5Cl", "Li", "Cl"), ("Na3PS4", "Li", "Na")],
)
def test_elements_without_entries_are_named(
    formula: str, mobile: str, lost: str
) -> None:
    with pytest.raises(HullError, match=rf"no entry of {lost}:"):
        electrochemical_window(entries(), formula, mobile)
    with pytest.raises(HullError, match="no entry of"):
        electrochemical_window([], formula, mobile)


def test_nothing_but_the_ion() -> None:
    with pytest.raises(HullError, match="nothing in it but Li"):
        electrochemical_window(entries(), "Li")


def test_an_ion_of_two_charges_halves_the_error_of_a_voltage() -> None:
    phases = [PDEntry(f, e) for f, e in (("Mg", 0.0), ("S", 0.0), ("MgS", -3.5))]
    window = electrochemical_window(phases, "MgS", "Mg")
    # S + Mg -> MgS: 1, 1 and 2 atoms, two electrons
    expected = 0.01 * (1 + 1 + 2**2) ** 0.5 / 2
    assert voltage_error(window, window.oxidation, 0.01) == pytest.approx(expected)


def test_error_of_a_voltage_by_hand() -> None:
    window = electrochemical_window(entries(), "Li3PS4")
    # Li3PS4 + 5 Li -> P + 4 Li2S: 8, 5, 1 and 12 atoms, five ions
    expected = 0.01 * (8**2 + 5**2 + 1 + 12**2) ** 0.5 / 5
    assert voltage_error(window, window.reduction, 0.01) == pytest.approx(expected)
    assert voltage_error(window, 0.0, 0.01) == 0
    assert voltage_error(window, math.inf, 0.01) is None


def test_interface_is_that_of_pymatgen() -> None:
    phases = entries(Co=0.0, O2=0.0, Li2O=-6.0, CoO=-2.5, LiCoO2=-7.0, CoS2=-1.5)
    phases += [PDEntry("P2O5", -15.0), PDEntry("Li3PO4", -21.0), PDEntry("SO3", -4.0)]
    found = interface_reaction(phases, "Li3PS4", "LiCoO2")
    theirs = InterfacialReactivity(
        Composition("Li3PS4"),
        Composition("LiCoO2"),
        PhaseDiagram(phases),
        use_hull_energy=True,
    )
    _, share, energy, *_ = min(theirs.get_kinks(), key=lambda kink: kink[2])
    assert found.energy == pytest.approx(energy)
    assert found.energy < -0.1
    assert found.share == pytest.approx(1 - share)
    assert "Li3PO4" in found.products
    assert sum(found.products.values()) == pytest.approx(1, abs=1e-3)
    with pytest.raises(HullError, match="no entry of Co, O:"):
        interface_reaction(entries(), "Li3PS4", "LiCoO2")


def test_the_share_is_that_of_the_partners_atoms() -> None:
    """4 Li + FeS2 -> Fe + 2 Li2S: 4 and 3 atoms become 1 and 6."""
    energies = {"Li": 0.0, "S": 0.0, "Fe": 0.0, "Li2S": -4.2, "FeS": -1.0, "FeS2": -1.6}
    phases = [PDEntry(formula, energy) for formula, energy in energies.items()]
    for one, other, share in (("Li", "FeS2", 3 / 7), ("FeS2", "Li", 4 / 7)):
        found = interface_reaction(phases, one, other)
        assert found.share == pytest.approx(share)
        assert found.energy == pytest.approx((-2 * 4.2 + 1.6) / 7)
        assert found.products == pytest.approx({"Fe": 1 / 7, "Li2S": 6 / 7}, abs=1e-5)


def heads(*, without: str = "", above: float = 0.03) -> list[StructureHead]:
    """Crystals of all phases, and a glass-ceramic Li3PS4 above the hull (eV/atom)."""
    phases = [(f, f, e, "crystal") for f, e in ENERGIES.items() if f != without]
    phases.append(("gc", "Li3PS4", ENERGIES["Li3PS4"] + 8 * above, "ga"))
    return [
        StructureHead(
            structure_id=name,
            campaign="c",
            method="m",
            provenance=Provenance(source=source, parent=name),
            formula=formula,
            n_atoms=int(Composition(formula).num_atoms),
            energy=energy,
            energy_per_atom=energy / Composition(formula).num_atoms,
            relaxed=True,
            converged=True,
        )
        for name, formula, energy, source in phases
    ]


def windows(settings: WindowSettings, **kwargs) -> dict[str, WindowDocument]:
    diagram, placed = phase_diagram(heads(**kwargs), HullSettings(reference_error=10.0))
    made = diagram_windows(diagram, placed, settings)
    return {document.structure_id: document for document in made}


def test_windows_of_a_diagram() -> None:
    found = windows(WindowSettings(against=("Li2S",)))
    assert set(found) == {"Li2S", "Li3P", "LiP", "P2S5", "Li3PS4", "gc"}
    crystal, glass = found["Li3PS4"], found["gc"]
    assert glass.window == crystal.window
    assert (glass.glass, crystal.glass) == (True, False)
    # 16 atoms react; the glass holds 8 times 30 meV more
    assert glass.metal_energy == pytest.approx(crystal.metal_energy - 8 * 0.03 / 16)
    assert crystal.reduction_error == pytest.approx(0.0306, abs=1e-4)
    assert found["P2S5"].oxidation_error is None
    assert [r.energy for r in crystal.interfaces] == [0.0]
    for document in found.values():
        stored = document.model_dump()
        assert WindowDocument.from_store(stored) == document
        # a store that knows no infinity holds null
        if stored["window"]["oxidation"] == math.inf:
            stored["window"]["oxidation"] = None
            assert WindowDocument.from_store(stored) == document


def test_of_a_composition_the_lowest_crystal_and_the_lowest_glass_count() -> None:
    lowest = heads()
    higher = [
        head.model_copy(
            update={
                "structure_id": f"0 above {head.structure_id}",
                "energy": head.energy + 0.8,
                "energy_per_atom": (head.energy + 0.8) / head.n_atoms,
            }
        )
        for head in lowest
    ]
    diagram, placed = phase_diagram([*higher, *lowest], HullSettings())
    # each group has two, of which the higher ones come first by id
    assert placed[0].structure_id.startswith("0 above")
    made = diagram_windows(diagram, placed, WindowSettings())
    labels = [document.label for document in made]
    assert len(labels) == len(set(labels))
    ids = {d.structure_id for d in made if d.parent in {"Li3PS4", "gc"}}
    assert ids == {"Li3PS4", "gc"}


def test_refusal_of_a_window_is_kept_with_its_reason() -> None:
    found = windows(WindowSettings(), without="Li3P")
    assert found["Li3PS4"].window is None
    assert "no entry of Li3P" in str(found["Li3PS4"].note)
    # its own diagram lacks nothing
    assert found["Li2S"].window is not None


@pytest.mark.parametrize("formula", ["licoo2", "LCO"])
def test_a_phase_of_no_elements_is_refused(formula: str) -> None:
    with pytest.raises(HullError, match=formula):
        windows(WindowSettings(phases={formula: -22.9}))
