import numpy as np
import pytest

from lps_flows.analysis import arrhenius, nernst_einstein
from lps_flows.analysis.arrhenius import (
    BOLTZMANN,
    ArrheniusError,
    NonPositiveDiffusivityError,
    TooFewTemperaturesError,
)
from lps_flows.analysis.conductivity import ConductivityError
from lps_flows.analysis.transport import pooled_ratio, summarise_transport

T = np.array([700.0, 900.0, 1200.0, 1500.0])


def line(energy=0.25, prefactor=1e-3):
    return prefactor * np.exp(-energy / (BOLTZMANN * T))


def within(D, relative):
    return [(d * np.exp(-relative), d * np.exp(relative)) for d in D]


def test_an_exact_line_is_recovered():
    fit = arrhenius(T, line(), within(line(), 0.1))
    assert fit.activation_energy == pytest.approx(0.25)
    assert fit.D(300) == pytest.approx(1e-3 * np.exp(-0.25 / (BOLTZMANN * 300)))
    assert fit.D(T) == pytest.approx(line())
    low, high = fit.D_interval(300)
    assert low < fit.D(300) < high


def test_intervals_of_energy_and_extrapolation_cover_the_truth():
    rng = np.random.default_rng(0)
    relative = np.array([0.3, 0.15, 0.1, 0.08])
    energy = extrapolated = 0
    true = 1e-3 * np.exp(-0.25 / (BOLTZMANN * 300))
    for _ in range(300):
        D = line() * np.exp(relative * rng.normal(size=4))
        bounds = np.stack([D * np.exp(-relative), D * np.exp(relative)], axis=1)
        fit = arrhenius(T, D, bounds)
        low, high = fit.activation_energy_interval
        energy += low <= 0.25 <= high
        low, high = fit.D_interval(300.0)
        extrapolated += low <= true <= high
    # Widening for misfits makes the intervals somewhat conservative.
    assert 0.63 < energy / 300 < 0.88
    assert 0.63 < extrapolated / 300 < 0.88


def test_weights_follow_the_errors():
    D = line()
    D[0] *= 3
    trusted = arrhenius(T, D, within(D, 0.1))
    bounds = within(D, 0.1)
    bounds[0] = (D[0] / 20, D[0] * 20)
    doubted = arrhenius(T, D, bounds)
    assert abs(doubted.activation_energy - 0.25) < abs(trusted.activation_energy - 0.25)


def three_points(off, low=0.1, high=0.1):
    """Fit to 1/kT = 1, 2, 3 per eV, the middle point `2 off` below the line.

    Deviations of (1, -2, 1) times `off` are at right angles to any line, so that they
    do not move it; the 68 % interval of ln D is `low` and `high` from it.
    """
    temperatures = 1 / (BOLTZMANN * np.array([1.0, 2.0, 3.0]))
    D = np.exp(-0.3 * np.array([1.0, 2.0, 3.0]) + off * np.array([1.0, -2.0, 1.0]))
    bounds = [(d * np.exp(-low), d * np.exp(high)) for d in D]
    return arrhenius(temperatures, D, bounds)


@pytest.mark.parametrize(
    ("off", "misfit", "half"),
    [
        (0.1, 6.0, 0.1 * np.sqrt(6 / 2)),  # 1 + 4 + 1 squared errors, one freedom
        (0.01, 0.06, 0.1 / np.sqrt(2)),  # a good fit narrows nothing
    ],
)
def test_the_interval_of_the_energy_by_hand(off, misfit, half):
    # spread of 1/kT: 1 + 0 + 1; an interval of 0.05 below and 0.15 above counts as 0.1
    for fit in (three_points(off), three_points(off, low=0.05, high=0.15)):
        assert fit.activation_energy == pytest.approx(0.3)
        assert fit.chi_square_per_freedom == pytest.approx(misfit)
        low, high = fit.activation_energy_interval
        assert ((high + low) / 2, (high - low) / 2) == pytest.approx((0.3, half))


def test_an_interval_from_zero_counts_as_its_upper_half():
    temperatures = 1 / (BOLTZMANN * np.array([1.0, 2.0]))
    D = np.exp([-0.3, -0.6])
    fit = arrhenius(temperatures, D, [(0.0, d * np.exp(0.2)) for d in D])
    low, high = fit.activation_energy_interval
    assert (high - low) / 2 == pytest.approx(0.2 * np.sqrt(2))
    assert fit.chi_square_per_freedom is None


def test_the_error_of_the_line_is_least_in_its_middle_and_grows_outside():
    fit = three_points(0.01)
    # 0.1^2 (1/3 + (u - 2)^2 / 2) at u = 1/kT
    at = 1 / (BOLTZMANN * np.array([2.0, 1.0, 4.0]))
    expected = 0.1 * np.sqrt([1 / 3, 5 / 6, 7 / 3])
    assert fit.log_std(at) == pytest.approx(expected)
    low, high = fit.D_interval(at[2], level=0.6826894921370859)
    assert np.log([low, high]) == pytest.approx(-1.2 + np.array([-1, 1]) * expected[2])


def test_long_extrapolation_is_remarked_upon():
    fit = arrhenius(T, line(), within(line(), 0.1))
    assert "extrapolated" in fit.extrapolation_warning(300)
    assert fit.extrapolation_warning(650) is None
    # to the hot side, too
    assert fit.extrapolation_warning(2000) is None
    assert "extrapolated" in fit.extrapolation_warning(10000)


@pytest.mark.parametrize(
    ("temperatures", "values", "bounds", "error"),
    [
        ([900], [1e-5], [(0.9e-5, 1.1e-5)], TooFewTemperaturesError),
        ([900, 900], [1e-5] * 2, [(0.9e-5, 1.1e-5)] * 2, TooFewTemperaturesError),
        ([700, 900], [-1e-5, 1e-5], [(0, 1e-5)] * 2, NonPositiveDiffusivityError),
        ([700, 900], [0.0, 1e-5], [(0, 1e-5)] * 2, NonPositiveDiffusivityError),
        ([700, 900], [1e-5, 1e-5], [(2e-5, 3e-5)] * 2, ArrheniusError),
        ([700, 900], [1e-5, 1e-5], [(1e-5, 1e-5)] * 2, ArrheniusError),
        ([700, 900], [1e-5], [(0.9e-5, 1.1e-5)], ArrheniusError),
        ([-700, 900], [1e-5] * 2, [(0.9e-5, 1.1e-5)] * 2, ArrheniusError),
        ([700, np.nan], [1e-5] * 2, [(0.9e-5, 1.1e-5)] * 2, ArrheniusError),
        ([700, 900], [1e-5] * 2, [(1.1e-5, 0.9e-5)] * 2, ArrheniusError),
        ([700, 900], [1e-5] * 2, [(np.nan, 1.1e-5)] * 2, ArrheniusError),
        ([], [], [], ArrheniusError),
        ([700, "hot"], [1e-5] * 2, [(0.9e-5, 1.1e-5)] * 2, ArrheniusError),
    ],
)
def test_impossible_input_is_refused(temperatures, values, bounds, error):
    with pytest.raises(error) as caught:
        arrhenius(temperatures, values, bounds)
    assert caught.value.remedy


def test_nernst_einstein_by_hand_and_in_both_units():
    # n q^2 D / kT with n = 1e22 cm^-3, D = 1e-8 cm^2/s, 300 K
    by_hand = 1e22 * 1.602176634e-19**2 * 1e-8 / (1.380649e-23 * 300)
    assert nernst_einstein(1e-8, 1e22, 1, 300) == pytest.approx(by_hand)
    assert nernst_einstein(1e-8, 1e-2, 1, 300) == pytest.approx(by_hand)
    assert nernst_einstein(1e-8, 1e22, 2, 300) == pytest.approx(4 * by_hand)


@pytest.mark.parametrize(
    "bad",
    [
        {"D": -1},
        {"D": np.nan},
        {"number_density": 0},
        {"number_density": 2e28},  # per m^3
        {"number_density": 20.0},  # per nm^3
        {"number_density": 33.0},  # mol/l
        {"number_density": 33e3},  # mol/m^3
        {"number_density": 0.3},
        {"number_density": 3e23},
        {"number_density": np.nan},
        {"charge": 0},
        {"charge": 1.6e-19},  # coulombs
        {"temperature": 0},
        {"temperature": np.inf},
    ],
)
def test_nernst_einstein_refuses_impossible_numbers(bad):
    good = {"D": 1e-8, "number_density": 0.02, "charge": 1, "temperature": 300}
    with pytest.raises(ConductivityError, match=next(iter(bad))):
        nernst_einstein(**(good | bad))


def test_one_usable_run_gives_no_line_and_says_so():
    found = summarise_transport(
        [(900.0, 1e-5, (0.9e-5, 1.1e-5))],
        number_density=0.02,
        charge=1,
        reference_temperature=300,
    )
    assert found.fit is None
    assert found.conductivity is None
    assert "900" in found.conductivities
    assert "two different temperatures" in found.warnings[0]


def test_a_diffusivity_that_falls_with_temperature_is_remarked_upon():
    found = summarise_transport(
        [(700.0, 2e-5, (1.9e-5, 2.1e-5)), (900.0, 1e-5, (0.9e-5, 1.1e-5))],
        number_density=0.02,
        charge=1,
        reference_temperature=300,
    )
    assert any("does not rise" in warning for warning in found.warnings)


def test_each_run_counts_in_its_own_cell_and_the_reference_in_its():
    found = summarise_transport(
        [
            (700.0, 1e-5, (0.9e-5, 1.1e-5)),
            (900.0, 2e-5, (1.9e-5, 2.1e-5)),
            (900.0, 4e-5, (3.9e-5, 4.1e-5)),
        ],
        number_density=0.02,
        charge=1,
        reference_temperature=300,
        densities={700.0: 0.018},
    )
    assert found.conductivities == pytest.approx(
        {
            "700": nernst_einstein(1e-5, 0.018, 1, 700),
            "900": nernst_einstein(3e-5, 0.02, 1, 900),  # the mean of two seeds
        }
    )
    at_300 = nernst_einstein(found.fit.D(300), 0.02, 1, 300)
    assert found.conductivity == pytest.approx(at_300)
    low, high = found.conductivity_interval
    assert low < at_300 < high
    assert any("misses its points" in warning for warning in found.warnings)


def test_a_line_through_its_points_needs_no_remark_on_its_fit():
    found = summarise_transport(
        list(zip(T, line(), within(line(), 0.1), strict=True)),
        number_density=0.02,
        charge=1,
        reference_temperature=650,
    )
    assert found.warnings == ()


def test_ratios_that_differ_by_more_than_their_errors_widen_the_interval():
    # ln 0 and 0.4, each 0.1: chi-square 2^2 + 2^2, so that 0.1 / sqrt(2) becomes 0.2
    ratios = [(np.exp(at), np.exp((at - 0.1, at + 0.1))) for at in (0.0, 0.4)]
    mean, interval = pooled_ratio(ratios)
    assert np.log([mean, *interval]) == pytest.approx([0.2, 0.0, 0.4])
    # the better known counts by its square: 0.1 against 0.2
    ratios[1] = (np.exp(0.1), np.exp((-0.1, 0.3)))
    mean, interval = pooled_ratio(ratios)
    assert np.log(mean) == pytest.approx(0.02)
    assert np.log(interval[1] / mean) == pytest.approx(0.1 * np.sqrt(0.8))
    assert pooled_ratio([]) is None
