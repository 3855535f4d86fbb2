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
from lps_flows.analysis.transport import summarise_transport

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


def test_long_extrapolation_is_remarked_upon():
    fit = arrhenius(T, line(), within(line(), 0.1))
    assert "extrapolated" in fit.extrapolation_warning(300)
    assert fit.extrapolation_warning(650) is None


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
