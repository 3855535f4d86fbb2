"""Structure factors against sum rules, and Bragg's law."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lps_flows.analysis import structure_factor
from lps_flows.analysis.scattering import ScatteringError, scattering_amplitude
from lps_flows.chemistry import crystal

SALT = Structure.from_spacegroup(
    "Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
)


def test_tabulated_amplitudes() -> None:
    assert scattering_amplitude("Li", "neutron", [0.0])[0] == pytest.approx(-1.9, 0.02)
    assert scattering_amplitude("7-Li", "neutron", [0.0])[0] == pytest.approx(
        -2.22, 0.03
    )
    # as many electrons as the atom has
    for symbol, electrons in (("Li", 3), ("P", 15), ("S", 16)):
        found = scattering_amplitude(symbol, "xray", [0.0, 8.0])
        assert found[0] == pytest.approx(electrons, abs=0.01)
        assert found[1] < found[0]


@pytest.mark.parametrize("radiation", ["neutron", "xray"])
def test_peaks_stand_where_bragg_has_them(radiation) -> None:
    q = np.arange(1.5, 6, 0.01)
    s = structure_factor([SALT], radiation, q)
    assert s.shape == q.shape
    # 200, 220 and 222 of rock salt
    for squares in (4, 8):
        expected = 2 * np.pi * np.sqrt(squares) / 5.64
        near = np.abs(q - expected) < 0.4
        assert q[near][s[near].argmax()] == pytest.approx(expected, abs=0.03)


def test_sum_rule_of_the_density() -> None:
    """-2 pi^2 rho is the integral of Q^2 (S - 1): no two atoms sit in one place."""
    silicon = Structure.from_spacegroup(
        "Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]]
    )
    q = np.arange(0.0, 40, 0.01)
    s = structure_factor(silicon, "neutron", q)
    damping = np.exp(-((q / 9) ** 2))
    found = np.sum(q**2 * (s - 1) * damping) * 0.01
    assert found == pytest.approx(-2 * np.pi**2 * 8 / 5.43**3, rel=0.02)


def test_tends_to_one_and_supercells_do_not_matter() -> None:
    q = np.linspace(0.5, 25, 200)
    small = crystal("gamma-Li3PS4")
    one = structure_factor([small], "xray", q)
    assert np.abs(one[q > 22].mean() - 1) < 0.05
    many = structure_factor([small, small * (2, 1, 1)], "xray", q)
    np.testing.assert_allclose(one, many, atol=1e-6)


def test_refuses_nothing_and_unknown_radiation() -> None:
    with pytest.raises(ScatteringError, match="nothing to compute"):
        structure_factor([], "neutron", [1.0])
    with pytest.raises(ScatteringError, match="nothing to compute"):
        structure_factor([SALT], "neutron")
    with pytest.raises(ScatteringError, match="no electron scattering of Cl"):
        structure_factor([SALT], "electron", [1.0])
