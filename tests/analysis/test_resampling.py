"""Probabilities of gaps and candidates, on lines where they are known."""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
import pytest

from lps_flows.analysis import (
    CandidateSettings,
    ClassEvidence,
    CompositionEvidence,
    HullSettings,
    metastable_hull,
    select_candidates,
)
from lps_flows.analysis.hull_gaps import CompositionPoint, atom_fraction
from lps_flows.analysis.resampling import Draws, energy_errors, resample
from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.phase_diagram import CompositionSummary, EnergyErrors
from lps_flows.schemas.sampling import SamplingDocument

LINE = CompositionLine()
SETTINGS = HullSettings(resamples=4000)
VERTICES = {"LiPS3": -0.10, "Li4P2S7": -0.12, "Li3PS4": -0.13}
ABOVE = 0.012
"""Distance of what lies between them above their tie lines (eV/atom)."""


def _glass(formula: str, energy: float) -> CompositionSummary:
    return CompositionSummary(
        formula_pretty=formula,
        x=LINE.x(formula),
        n_structures=1,
        n_glasses=1,
        lowest_id=formula,
        formation_energy_per_atom=energy,
        energy_above_hull=0.0,
        on_hull=False,
        lowest_glass_id=formula,
        glass_formation_energy_per_atom=energy,
        glass_energy_above_hull=0.0,
        on_metastable_hull=False,
    )


def _line(above: float = ABOVE) -> list[CompositionSummary]:
    """Glasses at three vertices, and one in the middle of the first tie line."""
    middle = "Li6P4S13"  # x = 0.6
    t = [atom_fraction(LINE, formula) for formula in VERTICES]
    at = atom_fraction(LINE, middle)
    energy = float(np.interp(at, t, list(VERTICES.values()))) + above
    glasses = {**VERTICES, middle: energy}
    return sorted((_glass(*one) for one in glasses.items()), key=lambda c: c.x)


def test_a_crystal_a_hair_above_a_glass_is_drawn_as_one_a_hair_below() -> None:
    """A glass of its composition does not take the crystal off the line."""
    found = []
    for off in (1e-5, -1e-5):
        line = _line()
        crystal = line[-1].glass_formation_energy_per_atom
        changes = {
            "lowest_id": "crystal" if off > 0 else line[-1].lowest_id,
            "formation_energy_per_atom": min(crystal, crystal + off),
            "glass_formation_energy_per_atom": crystal + off,
        }
        for known in (crystal, None):  # documents of before do not say it
            changes["crystal_formation_energy_per_atom"] = known
            line[-1] = line[-1].model_copy(update=changes)
            draws = resample(line, LINE, EnergyErrors(ann=0.02), SETTINGS)
            found.append(draws.candidate("Li6P4S13", 0.03))
    above, above_before, below, _ = found
    assert above == above_before
    assert above == pytest.approx(below, abs=1e-3)


def _draws(errors: EnergyErrors, above: float = ABOVE) -> Draws:
    draws = resample(_line(above), LINE, errors, SETTINGS)
    assert draws is not None
    return draws


def test_nothing_is_said_where_no_error_is_known() -> None:
    assert resample(_line(), LINE, EnergyErrors(), SETTINGS) is None


def test_tiny_errors_leave_everything_as_it_is() -> None:
    draws = _draws(EnergyErrors(ann=1e-6))
    assert draws.in_gap.mean(axis=0) == pytest.approx([0, 1, 0, 0])
    tie = 1000 * draws.energy_above_hull.mean(axis=0)
    assert tie == pytest.approx([0.0, 12.0, 0.0, 0.0], abs=0.01)


def test_probability_of_a_gap_is_that_of_its_margin() -> None:
    """One search may hide something lower: half-normal with its own spread alone."""
    draws = _draws(EnergyErrors(search={"Li6P4S13": 0.010}))
    k = draws.formulas.index("Li6P4S13")
    margin = ABOVE - SETTINGS.gap_tolerance / 1000
    expected = erf(margin / 0.010 / sqrt(2))
    assert draws.in_gap[:, k].mean() == pytest.approx(expected, abs=0.03)
    points = [
        CompositionPoint(
            c.formula_pretty, c.x, c.formation_energy_per_atom, c.formula_pretty
        )
        for c in _line()
    ]
    gap, rest = metastable_hull(points, LINE, SETTINGS.gap_tolerance / 1000)
    assert draws.probability(gap) == draws.in_gap[:, k].mean()
    assert draws.probability(rest) is None


def test_errors_add_in_squares_and_the_end_members_have_theirs() -> None:
    """Far above the line between the end members a height is the energy alone."""
    high = [_glass("LiPS3", 0.1), _glass("Li3PS4", 0.1)]
    errors = EnergyErrors(ann=0.003, reference=0.004)
    draws = resample(high, LINE, errors, SETTINGS)
    assert draws is not None
    # of LiPS3 three in ten atoms are in half a Li2S, of Li3PS4 9/16; both glasses have
    # 5 meV of their own, and the ends 4 meV each by these shares
    shares = np.array([[0.3, 0.7], [9 / 16, 7 / 16]])
    covariance = 25e-6 * np.eye(2) + 16e-6 * shares @ shares.T
    found = np.cov(draws.energy_above_hull.T)
    assert found == pytest.approx(covariance, abs=2e-6)
    assert draws.energy_above_hull.mean() == pytest.approx(0.1, abs=3e-4)


def test_all_that_is_inside_must_lie_in_a_gap() -> None:
    """One of two near the tie line closes the gap, unless a crystal parts them."""
    t = [atom_fraction(LINE, formula) for formula in ("LiPS3", "Li3PS4")]
    at = {formula: atom_fraction(LINE, formula) for formula in ("Li6P4S13", "Li4P2S7")}
    tie = {formula: float(np.interp(at[formula], t, [-0.1, -0.1])) for formula in at}
    glasses = [
        _glass("LiPS3", -0.1),
        _glass("Li6P4S13", tie["Li6P4S13"] + 0.012),
        _glass("Li4P2S7", tie["Li4P2S7"] + 0.001),
        _glass("Li3PS4", -0.1),
    ]
    sure = EnergyErrors(ann=1e-6)
    draws = resample(glasses, LINE, sure, SETTINGS)
    assert draws is not None
    assert not draws.in_gap.any()
    between = "Li14P8S27"  # x = 7/11, between the two
    crystal = _glass(between, -0.3).model_copy(
        update={
            "lowest_glass_id": None,
            "glass_formation_energy_per_atom": None,
            "crystal_formation_energy_per_atom": -0.3,
        }
    )
    parted = resample([*glasses, crystal], LINE, sure, SETTINGS)
    assert parted is not None
    assert parted.in_gap.mean(axis=0) == pytest.approx([0, 1, 0, 0])
    gap, *_ = metastable_hull(
        [
            CompositionPoint(
                c.formula_pretty, c.x, c.formation_energy_per_atom, c.formula_pretty
            )
            for c in glasses
        ],
        LINE,
        SETTINGS.gap_tolerance / 1000,
    )
    assert draws.probability(gap) == 0.0
    assert parted.probability(gap) == 0.0


def test_the_same_seed_gives_the_same_draws() -> None:
    errors = EnergyErrors(ann=0.01, reference=0.005)
    first, again = _draws(errors), _draws(errors)
    assert (first.energy_above_hull == again.energy_above_hull).all()
    other = resample(_line(), LINE, errors, HullSettings(seed=1, resamples=4000))
    assert other is not None
    assert (first.energy_above_hull != other.energy_above_hull).any()


def test_probability_of_a_candidate() -> None:
    draws = _draws(EnergyErrors(ann=0.004))
    assert draws.candidate("Li4P2S7", 0.03) > 0.85
    assert draws.candidate("Li6P4S13", 0.03) < 0.5
    evidence = [
        CompositionEvidence(
            formula_pretty=c.formula_pretty,
            x=c.x,
            structure_id=c.formula_pretty,
            energy_above_hull=0.0,
            nearest=nearest,
        )
        for c in _line()
        for nearest in ("beta-Li3PS4", "gamma-Li3PS4")
        if c.formula_pretty == "Li4P2S7"
    ]
    verdicts = select_candidates(
        evidence,
        [],
        ClassEvidence(of_crystals={"beta-Li3PS4": 0, "gamma-Li3PS4": 1}),
        CandidateSettings(),
        draws,
    )
    likely = {v.nearest: v.probability for v in verdicts}
    assert likely == {
        "beta-Li3PS4": draws.candidate("Li4P2S7", 0.03),
        "gamma-Li3PS4": 0.0,
    }


def _sampling(formula: str, **more) -> SamplingDocument:
    given = {"ann_energies": [-4.0, -3.9], "reference_energies": [-4.003, None], **more}
    return SamplingDocument(
        method="m",
        potential_method="ann-1",
        parent="LiPS3",
        removed="Li2S",
        n_removed=1,
        formula=formula,
        x=LINE.x(formula),
        structure_uuids=["a", "b"],
        ann_stds=[None, None],
        mean_absolute_error=3.0,
        rank_correlation=None,
        needs_active_learning=False,
        **given,
    )


def test_errors_of_the_searches() -> None:
    errors = energy_errors(
        [
            _sampling("Li12P6S21", search_error=0.002, still_falling=False),
            _sampling("Li8P4S14", search_error=0.004, still_falling=True),
            _sampling("Li4P2S7", search_error=0.003, still_falling=False),
            _sampling("Li6P4S13", reference_energies=[None, -3.904]),
        ],
        ["Li6P2S8"],
    )
    assert errors.ann == pytest.approx(sqrt((9 + 9 + 9 + 16) / 4) / 1000)
    assert errors.search == {"Li4P2S7": 0.004}
    assert errors.still_falling == ["Li3PS4", "Li4P2S7"]
    assert not energy_errors([]).known
