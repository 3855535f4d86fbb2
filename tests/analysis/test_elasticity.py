"""Equation of state: known parameters come back, with their error."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.analysis.elasticity import ElasticTensor

from lps_flows.analysis import fit_eos
from lps_flows.analysis.elasticity import (
    EV_PER_A3_IN_GPA,
    EOSError,
    TensorSettings,
    birch_murnaghan,
    moduli,
)

VOLUMES = np.linspace(90, 112, 7)
TRUE = (-50.0, 100.0, 20.0 / EV_PER_A3_IN_GPA, 4.3)


def test_exact_data_give_exact_parameters() -> None:
    fit = fit_eos(VOLUMES, birch_murnaghan(VOLUMES, *TRUE))
    assert fit.bulk_modulus == pytest.approx(20.0, rel=1e-5)
    assert fit.pressure_derivative == pytest.approx(4.3, rel=1e-3)
    assert fit.volume == pytest.approx(100.0, rel=1e-6)
    assert fit.bracketed


def test_noise_is_in_the_error() -> None:
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(60):
        noisy = birch_murnaghan(VOLUMES, *TRUE) + rng.normal(scale=1e-3, size=7)
        fit = fit_eos(VOLUMES, noisy)
        hits.append(abs(fit.bulk_modulus - 20.0) < 2 * fit.bulk_modulus_error)
    assert np.mean(hits) > 0.7


def test_minimum_outside_the_range_is_reported() -> None:
    outside = np.linspace(102, 120, 7)
    assert not fit_eos(outside, birch_murnaghan(outside, *TRUE)).bracketed


@pytest.mark.parametrize(
    ("volumes", "energies", "message"),
    [
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "five"),
        (VOLUMES, -((VOLUMES - 100) ** 2), "no minimum"),
        (VOLUMES, np.full(7, np.nan), "finite"),
    ],
)
def test_bad_data_are_refused(volumes, energies, message: str) -> None:
    with pytest.raises(EOSError, match=message):
        fit_eos(volumes, energies)


def test_moduli_are_those_of_pymatgen() -> None:
    """Quartz by its published constants, GPa."""
    c11, c33, c44, c12, c13, c14 = 86.8, 105.8, 58.2, 7.0, 19.1, -18.0
    c66 = (c11 - c12) / 2
    quartz = [
        [c11, c12, c13, c14, 0, 0],
        [c12, c11, c13, -c14, 0, 0],
        [c13, c13, c33, 0, 0, 0],
        [c14, -c14, 0, c44, 0, 0],
        [0, 0, 0, 0, c44, c14],
        [0, 0, 0, 0, c14, c66],
    ]
    theirs = ElasticTensor.from_voigt(quartz)
    ours, lowest = moduli(quartz)
    assert lowest > 0
    assert ours.bounds == pytest.approx(
        (theirs.k_reuss, theirs.k_voigt, theirs.g_reuss, theirs.g_voigt)
    )
    assert (ours.bulk, ours.shear) == pytest.approx((theirs.k_vrh, theirs.g_vrh))
    assert ours.young == pytest.approx(theirs.y_mod / 1e9)
    assert ours.poisson == pytest.approx(theirs.homogeneous_poisson)


def test_what_gives_way_to_a_strain_has_no_moduli() -> None:
    tensor = np.diag([50.0, 50.0, 50.0, 20.0, 20.0, -0.5])
    found, lowest = moduli(tensor)
    assert found is None
    assert lowest == pytest.approx(-1.0)


def test_strains_that_count_as_none_are_refused() -> None:
    with pytest.raises(ValueError, match="larger max_strain or fewer steps"):
        TensorSettings(max_strain=0.002)
    assert TensorSettings(max_strain=0.002, steps=1).strains() == [-0.002, 0.002]
