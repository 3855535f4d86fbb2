"""Structure factors against sum rules, Bragg, Debye and pymatgen's diffraction."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.utils.xrdebye import XrDebye
from pymatgen.analysis.diffraction.neutron import NDCalculator
from pymatgen.core import Lattice, Structure

from lps_flows.analysis import pair_distribution, powder_lines, structure_factor
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


def test_intensities_are_those_of_pymatgen() -> None:
    """Integrated peaks against multiplicity times |F|^2 of each reflection."""
    pattern = NDCalculator(wavelength=1.0).get_pattern(
        SALT, scaled=False, two_theta_range=(0, 60)
    )
    step = 0.005
    q = np.arange(0.5, 6, step)
    lengths = [scattering_amplitude(e, "neutron", [0])[0] for e in ("Na", "Cl")]
    mean, mean_square = np.mean(lengths), np.mean(np.square(lengths))
    # what scatters per atom, the atoms' own part included
    per_atom = structure_factor([SALT], "neutron", q, r_max=60.0) - 1
    per_atom = mean**2 * per_atom + mean_square
    ratios = []
    for two_theta, intensity in zip(pattern.x, pattern.y, strict=True):
        theta = np.radians(two_theta / 2)
        place = 4 * np.pi * np.sin(theta)
        others = np.abs(4 * np.pi * np.sin(np.radians(pattern.x / 2)) - place)
        if place > 5.5 or np.sort(others)[1] < 0.25:
            continue
        lorentz = 1 / (np.sin(theta) ** 2 * np.cos(theta))
        near = np.abs(q - place) < 0.14
        area = np.sum(q[near] ** 2 * per_atom[near]) * step
        expected = 2 * np.pi**2 / (SALT.volume * len(SALT)) * intensity / lorentz
        ratios.append(area / expected)
    assert len(ratios) >= 4
    assert ratios == pytest.approx([1.0] * len(ratios), rel=0.05)


def test_tends_to_one_and_supercells_do_not_matter() -> None:
    q = np.linspace(0.5, 25, 200)
    small = crystal("gamma-Li3PS4")
    one = structure_factor([small], "xray", q)
    assert np.abs(one[q > 22].mean() - 1) < 0.05
    many = structure_factor([small, small * (2, 1, 1)], "xray", q)
    np.testing.assert_allclose(one, many, atol=1e-6)


def test_nothing_is_scattered_forward_but_what_the_elements_differ_by() -> None:
    """A crystal below its first reflection: 1 - <b^2>/<b>^2, at Q = 0 as well."""
    q = np.array([0.0, 0.2, 0.5])
    for radiation in ("neutron", "xray"):
        lithium, sulfur = (
            scattering_amplitude(element, radiation, q) for element in ("Li", "S")
        )
        mean, square = (2 * lithium + sulfur) / 3, (2 * lithium**2 + sulfur**2) / 3
        found = structure_factor([crystal("Li2S")], radiation, q)
        np.testing.assert_allclose(found, 1 - square / mean**2, rtol=0.03)


def test_a_cluster_scatters_as_ases_debye_formula_has_it() -> None:
    """Form factors, sum and code are ASE's: a P4S10 molecule alone in a large box."""
    crowd = crystal("P2S5").to_ase_atoms()
    centre = crowd.positions.mean(axis=0)
    cluster = Atoms(crowd.symbols, crowd.positions - centre)
    q = np.linspace(0.5, 15.0, 60)
    # no polarisation and no angles: alpha 0, nearly no wavelength
    debye = XrDebye(cluster, 1e-6, damping=0.0, alpha=0.0)
    intensity = np.array([debye.get(k / (2 * np.pi)) for k in q])
    f = np.array(
        [[debye.get_waasmaier(s, k / (2 * np.pi)) for k in q] for s in cluster.symbols]
    )
    theirs = 1 + (intensity / len(cluster) - (f**2).mean(axis=0)) / f.mean(axis=0) ** 2
    boxed = cluster.copy()
    boxed.set_cell([400.0] * 3)
    boxed.pbc = True
    ours = structure_factor([boxed], "xray", q, r_max=200.0)
    np.testing.assert_allclose(ours, theirs, atol=0.03)


def test_order_and_number_of_momentum_transfers_do_not_matter() -> None:
    one = structure_factor(SALT, "neutron", [3.0, 0.0, 3.0])
    assert one.shape == (3,)
    assert one[0] == pytest.approx(one[2], rel=1e-9)
    assert structure_factor(SALT, "neutron", 3.0) == pytest.approx(one[:1])


@pytest.mark.parametrize("q", [[-1.0], [np.nan], [np.inf], ["a"], [[1.0, 2.0]], [1j]])
def test_what_is_no_momentum_transfer_is_refused(q) -> None:
    with pytest.raises(ScatteringError, match="from 0 on"):
        structure_factor([SALT], "neutron", q)


@pytest.mark.parametrize("r_max", [0.0, -1.0, np.inf, np.nan])
def test_what_is_no_distance_is_refused(r_max: float) -> None:
    with pytest.raises(ScatteringError, match="r_max"):
        structure_factor([SALT], "neutron", [1.0], r_max=r_max)


def test_refuses_nothing_and_unknown_radiation() -> None:
    with pytest.raises(ScatteringError, match="nothing to compute"):
        structure_factor([], "neutron", [1.0])
    with pytest.raises(ScatteringError, match="nothing to compute"):
        structure_factor([SALT], "neutron")
    with pytest.raises(ScatteringError, match="no electron scattering of Na"):
        structure_factor([SALT], "electron", [1.0])


def test_pair_distribution_has_the_bond_and_the_slope_of_the_density() -> None:
    gamma = crystal("gamma-Li3PS4")
    q = np.arange(0.02, 30, 0.02)
    s = structure_factor([gamma], "xray", q)
    r = np.arange(0.02, 10, 0.02)
    g = pair_distribution(q, s, r)
    below = r < 1.2
    slope = np.polyfit(r[below], g[below], 1)[0]
    assert slope == pytest.approx(-4 * np.pi * len(gamma) / gamma.volume, rel=0.1)
    bond = (r > 1.5) & (r < 2.3)
    assert r[bond][g[bond].argmax()] == pytest.approx(2.05, abs=0.05)


def test_the_end_of_the_measurement_leaves_no_ripples() -> None:
    """Cut at 15 1/Å without a window a bond has lobes of a fifth of its height."""
    q = np.arange(0.05, 15.0, 0.05)
    bond = 1 + np.sin(2.5 * q) / (2.5 * q)
    lobe = 4.4934 / q[-1]  # where sin(x)/x has its first minimum, -0.217
    peak, *ripples = pair_distribution(q, bond, 2.5 + lobe * np.array([0.0, 1.0, -1.0]))
    assert np.abs(ripples).max() < 0.6 * peak
    beyond = pair_distribution(q, bond, np.linspace(2.5 + 1.5 * lobe, 5.0, 80))
    assert np.abs(beyond).max() < 0.05 * peak


def test_powder_lines_of_lithium_sulfide() -> None:
    lines = powder_lines(crystal("Li2S"))
    a = crystal("Li2S").lattice.a
    assert [line.hkl for line in lines[:3]] == ["1 1 1", "2 0 0", "2 2 0"]
    assert lines[0].d == pytest.approx(a / np.sqrt(3), abs=1e-3)
    assert np.sin(np.radians(lines[0].two_theta / 2)) == pytest.approx(
        1.5406 / 2 / lines[0].d, abs=1e-4
    )
    assert max(line.intensity for line in lines) == 100
