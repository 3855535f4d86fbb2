"""Formation energies and hulls against hand-computed examples and pymatgen."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import (
    CompoundPhaseDiagram,
    PDEntry,
    PhaseDiagram,
)
from pymatgen.core import Composition
from pymatgen.entries.computed_entries import ComputedEntry

from lps_flows.analysis import (
    HullEntry,
    HullError,
    HullPlace,
    HullSettings,
    formation_energy_per_atom,
    line_hull,
    phase_diagram,
    ternary_hull,
)
from lps_flows.chemistry import CompositionLine, OffLineError

ENDS = ("Li2S", "P2S5")
LINE = CompositionLine(end_members=ENDS)


def _entry(entry_id: str, formula: str, energy: float, method: str = "m") -> HullEntry:
    return HullEntry(entry_id, Composition(formula), energy, method)


def _line_entries() -> list[HullEntry]:
    """Ends at -10 and -30 eV; Li3PS4 0.1 eV/atom below, Li7P3S11 a little above."""
    li3ps4 = (3 * -10 + -30) / 2 - 8 * 0.1
    # Li7P3S11 = 3/2 x [LiPS3-like]: 7/2 Li2S + 3/2 P2S5
    li7p3s11 = 3.5 * -10 + 1.5 * -30
    return [
        _entry("ends-1", "Li8S4", -40.0),
        _entry("ends-2", "P8S20", -120.0),
        _entry("gamma", "Li6P2S8", 2 * li3ps4),
        _entry("beta", "Li12P4S16", 4 * li3ps4 + 32 * 0.003),
        _entry("li7", "Li14P6S22", 2 * li7p3s11),
        _entry("off", "Li4P2S6", -50.0),
    ]


def _shares(place: HullPlace) -> dict[str, float]:
    return {p.structure_id: p.fraction for p in place.decomposes_to}


def test_formation_energy_by_hand() -> None:
    energies = {"Li2S": -10.0, "P2S5": -30.0}
    assert formation_energy_per_atom(-10, "Li2S", energies) == pytest.approx(0.0)
    assert formation_energy_per_atom(-60, "P4S10", energies) == pytest.approx(0.0)
    # Li3PS4: 3/2 Li2S + 1/2 P2S5 = -30 eV
    assert formation_energy_per_atom(-30.8, "Li3PS4", energies) == pytest.approx(-0.1)
    assert formation_energy_per_atom(-61.6, "Li6P2S8", energies) == pytest.approx(-0.1)


def test_formation_energy_scales_with_the_formula_of_the_ends() -> None:
    one = formation_energy_per_atom(-30.8, "Li3PS4", {"Li2S": -10, "P2S5": -30})
    four = formation_energy_per_atom(-30.8, "Li3PS4", {"Li8S4": -40, "P4S10": -60})
    assert one == pytest.approx(four)


def _decorated(entry: HullEntry) -> HullEntry:
    ions = {"Li": "Li+", "P": "P5+", "S": "S2-"}
    amounts = entry.composition.get_el_amt_dict()
    charged = Composition({ions[symbol]: n for symbol, n in amounts.items()})
    return HullEntry(entry.entry_id, charged, entry.energy, entry.method)


def test_oxidation_states_do_not_make_other_phases() -> None:
    plain = _line_entries()
    elements = [_entry(s, s, 0.0) for s in ("Li", "P", "S")]
    mixed = [_decorated(e) if k % 2 else e for k, e in enumerate(plain)]
    for entries in ([_decorated(e) for e in plain], mixed):
        assert line_hull(entries, LINE) == line_hull(plain, LINE)
        assert ternary_hull([*entries, *elements]) == ternary_hull([*plain, *elements])
    line = CompositionLine()
    for entries in (plain[:3], [_decorated(e) for e in plain[:3]]):
        with pytest.raises(HullError, match="no elemental phase of Li, P, S"):
            ternary_hull(entries, line)
    charged = {_decorated(e).composition: e.energy for e in plain[:2]}
    energies = {Composition({"Li+": 2, "S2-": 1}): -10.0, "P2S5": -30.0}
    assert charged.keys() == {plain[0].composition, plain[1].composition}
    assert formation_energy_per_atom(-30.8, "Li3PS4", energies) == pytest.approx(-0.1)


def test_end_members_may_be_compositions() -> None:
    energies = {Composition("Li2S"): -10.0, Composition("P2S5"): -30.0}
    assert formation_energy_per_atom(-30.8, Composition("Li3PS4"), energies) == (
        pytest.approx(-0.1)
    )


def test_formation_energy_is_eq_1_in_x() -> None:
    x = CompositionLine().x("Li7P3S11")
    per_unit = -20.7
    units = Composition("Li7P3S11").num_atoms / (7 - 4 * x)
    expected = (per_unit - x * -10 - (1 - x) * -30) / (7 - 4 * x)
    found = formation_energy_per_atom(
        per_unit * units, "Li7P3S11", {"Li2S": -10, "P2S5": -30}
    )
    assert found == pytest.approx(expected, abs=1e-12)


def test_formation_energy_of_off_line_composition_is_refused() -> None:
    with pytest.raises(OffLineError):
        formation_energy_per_atom(-1.0, "Li4P2S6", {"Li2S": -10, "P2S5": -30})


@pytest.mark.parametrize("composition", ["", "Quux", Composition()])
def test_what_is_no_composition_is_refused(composition: str | Composition) -> None:
    with pytest.raises(OffLineError):
        formation_energy_per_atom(-1.0, composition, {"Li2S": -10, "P2S5": -30})


@pytest.mark.parametrize(
    "ends", [{"Li2S": -10, "Li4S2": -20}, {"Li2S": -10, "nonsense!": 0}, {}]
)
def test_ends_that_make_no_line_are_refused(ends: dict[str, float]) -> None:
    with pytest.raises(HullError, match="two different end members"):
        formation_energy_per_atom(-1.0, "Li3PS4", ends)


def test_energy_that_is_not_finite_is_refused() -> None:
    with pytest.raises(HullError, match="finite"):
        formation_energy_per_atom(float("nan"), "Li3PS4", {"Li2S": -1, "P2S5": -3})
    with pytest.raises(HullError, match="finite"):
        formation_energy_per_atom(-1, "Li3PS4", {"Li2S": float("inf"), "P2S5": -3})


def test_oxidation_states_change_nothing() -> None:
    decorated = Composition({"Li+": 3, "P5+": 1, "S2-": 4})
    assert formation_energy_per_atom(-30.8, decorated, {"Li2S": -10, "P2S5": -30}) == (
        pytest.approx(-0.1)
    )


def test_the_papers_hull() -> None:
    """Energies from the paper's distances: they and the decompositions come back."""
    gamma = -0.187
    published = {
        "Li3PS4 beta": ("Li12P4S16", 0.0032),
        "Li7P3S11": ("Li14P6S22", 0.0172),
        "Li4P2S7": ("Li8P4S14", 0.0235),
        "gc-Li42P16S61": ("Li42P16S61", 0.0280),
        "gc-Li38P24S79": ("Li38P24S79", 0.0705),
    }
    # units of Li3PS4 and of P2S5 that a cell falls into, counted by hand
    falls_into = {
        "Li3PS4 beta": (4, 0),
        "Li7P3S11": (14 / 3, 2 / 3),
        "Li4P2S7": (8 / 3, 2 / 3),
        "gc-Li42P16S61": (14, 1),
        "gc-Li38P24S79": (38 / 3, 17 / 3),
    }
    entries = [
        _entry("Li2S", "Li8S4", -40.0),
        _entry("P2S5", "P8S20", -120.0),
        _entry("gamma", "Li6P2S8", 2 * (-30 + 8 * gamma)),
    ]
    for name, (formula, above) in published.items():
        n_ps4, n_p2s5 = falls_into[name]
        n_atoms = Composition(formula).num_atoms
        energy = n_ps4 * (-30 + 8 * gamma) + n_p2s5 * -30 + n_atoms * above
        entries.append(_entry(name, formula, energy))
    points = line_hull(entries, LINE)
    assert [k for k, p in points.items() if p.on_hull] == ["Li2S", "P2S5", "gamma"]
    for name, (formula, above) in published.items():
        n_ps4, n_p2s5 = falls_into[name]
        n_atoms = Composition(formula).num_atoms
        wanted = {"gamma": 8 * n_ps4 / n_atoms, "P2S5": 7 * n_p2s5 / n_atoms}
        assert points[name].energy_above_hull == pytest.approx(above, abs=1e-9), name
        assert _shares(points[name]) == pytest.approx(
            {k: v for k, v in wanted.items() if v > 0}
        ), name


def test_one_end_member_is_no_line() -> None:
    with pytest.raises(HullError, match="two different end members"):
        formation_energy_per_atom(-1.0, "Li3PS4", {"Li2S": -10})


def test_eq_1_equals_the_compound_phase_diagram() -> None:
    rng = np.random.default_rng(0)
    line = CompositionLine()
    entries = _line_entries()[:2]
    for k in range(20):
        n, m = rng.integers(1, 8, size=2)
        formula = line.formula(float(n), float(m))
        atoms = Composition(formula).num_atoms
        energy = -10 * n - 30 * m + atoms * rng.uniform(-0.3, 0.1)
        entries.append(_entry(f"s{k}", formula, float(energy)))
    diagram = CompoundPhaseDiagram(
        [PDEntry(e.composition, e.energy, attribute=e.entry_id) for e in entries],
        [Composition(f) for f in ENDS],
    )
    theirs = {
        e.attribute: (
            diagram.get_form_energy_per_atom(e),
            diagram.get_e_above_hull(e),
        )
        for e in diagram.all_entries
    }
    points = line_hull(entries, LINE)
    assert len(points) == len(theirs)
    for name, point in points.items():
        formation, above = theirs[name]
        assert point.formation_energy_per_atom == pytest.approx(formation, abs=1e-9)
        assert point.energy_above_hull == pytest.approx(above, abs=1e-9)


def test_line_hull_by_hand() -> None:
    points = line_hull(_line_entries(), LINE)
    assert set(points) == {"ends-1", "ends-2", "gamma", "beta", "li7"}
    assert [k for k, p in points.items() if p.on_hull] == ["ends-1", "ends-2", "gamma"]
    assert points["beta"].energy_above_hull == pytest.approx(0.003)
    assert points["beta"].formation_energy_per_atom == pytest.approx(-0.097)
    # Li7P3S11 = 7/3 Li3PS4 + 1/3 P2S5: 56/3 of 21 atoms are Li3PS4
    share = (7 / 3 * 8) / 21
    assert points["li7"].formation_energy_per_atom == pytest.approx(0.0)
    assert points["li7"].energy_above_hull == pytest.approx(0.1 * share)
    assert _shares(points["li7"]) == pytest.approx(
        {"gamma": share, "ends-2": 1 - share}
    )


def test_ternary_hull_keeps_the_off_line_phases() -> None:
    elements = [
        _entry("Li", "Li2", 0.0),
        _entry("P", "P8", 0.0),
        _entry("S", "S32", 0.0),
    ]
    compounds = [
        _entry("li2s", "Li8S4", 12 * -1.5),
        _entry("p2s5", "P8S20", 28 * -0.5),
        _entry("off", "Li4P2S6", 12 * -1.2),
        _entry("off-high", "Li4P2S6", 12 * -1.1),
    ]
    points = ternary_hull([*elements, *compounds])
    assert set(points) == {
        "Li", "P", "S", "li2s", "p2s5", "off", "off-high",
    }  # fmt: skip
    assert points["off"].on_hull
    assert points["off"].formation_energy_per_atom == pytest.approx(-1.2)
    assert points["off-high"].energy_above_hull == pytest.approx(0.1)
    assert not points["off-high"].on_hull


def test_ternary_decomposition_by_hand() -> None:
    """Li4P2S6 at zero decomposes to 2 Li2S, 4/5 P2S5 and 2/5 P."""
    entries = [
        _entry("Li", "Li2", 0.0),
        _entry("P", "P8", 0.0),
        _entry("S", "S32", 0.0),
        _entry("li2s", "Li8S4", 12 * -1.5),
        _entry("p2s5", "P8S20", 28 * -0.5),
        _entry("off", "Li4P2S6", 0.0),
    ]
    points = ternary_hull(entries)
    assert _shares(points["off"]) == pytest.approx(
        {"li2s": 6 / 12, "p2s5": 0.8 * 7 / 12, "P": 0.4 / 12}
    )
    assert points["off"].energy_above_hull == pytest.approx(
        1.5 * 0.5 + 0.5 * 0.8 * 7 / 12
    )


def test_missing_end_member_is_named() -> None:
    with pytest.raises(HullError, match="P2S5"):
        line_hull([e for e in _line_entries() if e.entry_id != "ends-2"], LINE)


def test_missing_element_is_named() -> None:
    with pytest.raises(HullError, match="elemental phase of P"):
        ternary_hull(
            [_entry("Li", "Li", 0), _entry("S", "S8", 0), _entry("a", "P2S5", -1)]
        )


def test_mixed_methods_are_named() -> None:
    entries = [*_line_entries(), _entry("alien", "Li3PS4", -40.0, "other")]
    with pytest.raises(HullError, match="alien"):
        line_hull(entries, LINE)


def test_duplicated_id_is_named() -> None:
    entries = _line_entries()
    with pytest.raises(HullError, match="gamma"):
        line_hull([*entries, entries[2]], LINE)


def test_energy_that_is_not_a_number_is_named() -> None:
    entries = [*_line_entries(), _entry("broken", "Li3PS4", float("nan"))]
    with pytest.raises(HullError, match="broken"):
        line_hull(entries, LINE)


def _computed(entry: HullEntry, **changes: object) -> ComputedEntry:
    return ComputedEntry(
        entry.composition,
        entry.energy,
        entry_id=entry.entry_id,
        parameters={"run_type": entry.method},
        **changes,
    )


def test_entries_of_pymatgen_lie_where_ours_do() -> None:
    ours = _line_entries()
    elements = [_entry(s, s, 0.0) for s in ("Li", "P", "S")]
    theirs = [_computed(entry) for entry in ours]
    mixed = [*theirs[:3], *ours[3:]]
    for entries in (theirs, mixed):
        assert line_hull(entries, LINE) == line_hull(ours, LINE)
        whole = [*entries, *map(_computed, elements)]
        assert ternary_hull(whole) == ternary_hull([*ours, *elements])
    whole = [*theirs, *map(_computed, elements)]
    for entry in whole:
        place = ternary_hull(whole)[entry.entry_id]
        above = PhaseDiagram(whole).get_e_above_hull(entry, allow_negative=False)
        assert place.energy_above_hull == pytest.approx(above, abs=1e-9)
    diagram, entries = phase_diagram(whole, HullSettings(), LINE)
    assert diagram.method == "m"
    assert {e.structure_id: e.line for e in entries if e.line} == line_hull(ours, LINE)


def test_corrected_energies_count_and_entries_need_no_id() -> None:
    plain = _entry("a", "Li2S", -10.0)
    corrected = _computed(plain, correction=-0.5)
    assert HullEntry.of(corrected).energy == pytest.approx(-10.5)
    nameless = ComputedEntry("Li2S", -10.0)
    twin = ComputedEntry("Li2S", -9.0)
    assert HullEntry.of(nameless).entry_id != HullEntry.of(twin).entry_id
    with pytest.raises(HullError, match="different methods"):
        line_hull([corrected, ComputedEntry("P2S5", -30.0)], LINE)
