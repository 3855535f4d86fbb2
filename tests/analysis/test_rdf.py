"""RDFs against ASE and against known coordination numbers."""

from __future__ import annotations

import numpy as np
import pytest
from ase.geometry.rdf import get_rdf
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.analysis import RDFSettings, partial_rdf, partial_rdfs
from lps_flows.analysis.rdf import RDFError, all_pairs, first_extrema
from lps_flows.chemistry import crystal

RAW = RDFSettings(r_max=6.0, bin_width=0.05, smoothing=0.0)


@pytest.mark.parametrize("pair", [("P", "S"), ("Li", "S"), ("Li", "Li"), ("S", "S")])
def test_agrees_with_ase(pair: tuple[str, str]) -> None:
    structure = crystal("beta-Li3PS4") * (3, 2, 2)
    rng = np.random.default_rng(1)
    for k in range(len(structure)):
        structure.translate_sites(k, rng.normal(scale=0.1, size=3), frac_coords=False)
    ours = partial_rdf([structure], pair, RAW)
    atoms = AseAtomsAdaptor.get_atoms(structure)
    numbers = [atoms.numbers[list(atoms.symbols).index(e)] for e in pair]
    theirs, r = get_rdf(atoms, rmax=6.0, nbins=120, elements=tuple(numbers))
    assert ours.r == pytest.approx(r - r[0] + ours.r[0])
    outside = ours.r > 0.5
    assert ours.g[outside] == pytest.approx(theirs[outside], rel=2e-3, abs=2e-3)


def test_ideal_gas_is_one_everywhere() -> None:
    rng = np.random.default_rng(2)
    gas = [
        Structure(Lattice.cubic(18), ["Li"] * 300, rng.random((300, 3)))
        for _ in range(4)
    ]
    g = partial_rdf(gas, ("Li", "Li"), RDFSettings(r_max=9.0, smoothing=0.2)).g
    assert g[60:-10] == pytest.approx(1.0, abs=0.12)


def test_small_cell_and_supercell_agree() -> None:
    base = crystal("gamma-Li3PS4")
    pairs = all_pairs(["Li", "P", "S"])
    small = partial_rdfs([base], pairs)
    large = partial_rdfs([base * (2, 2, 2)], pairs)
    for pair in pairs:
        assert small[pair].g == pytest.approx(large[pair].g, abs=1e-9)


@pytest.mark.parametrize(
    "key", ["alpha-Li3PS4", "beta-Li3PS4", "gamma-Li3PS4", "LT-Li7PS6", "Li7P3S11"]
)
def test_phosphorus_has_four_sulfur(key: str) -> None:
    rdf = partial_rdf([crystal(key)], ("P", "S"))
    assert rdf.coordination == pytest.approx(4.0)
    assert rdf.first_peak == pytest.approx(2.05, abs=0.1)


def test_normalisation_tends_to_one() -> None:
    rdf = partial_rdf(
        [crystal("Li7P3S11")],
        ("Li", "S"),
        RDFSettings(r_max=20.0, bin_width=0.1, smoothing=0.3),
    )
    assert rdf.g[150:190].mean() == pytest.approx(1.0, abs=0.02)


def test_last_bins_are_smoothed_like_the_others() -> None:
    short = partial_rdf([crystal("beta-Li3PS4")], ("Li", "S"), RDFSettings(r_max=6.0))
    long = partial_rdf([crystal("beta-Li3PS4")], ("Li", "S"), RDFSettings(r_max=9.0))
    assert len(short.r) == 120
    assert short.g == pytest.approx(long.g[:120], abs=1e-12)
    assert short.running_coordination == pytest.approx(long.running_coordination[:120])


def test_average_of_structures() -> None:
    one, two = crystal("beta-Li3PS4"), crystal("gamma-Li3PS4")
    both = partial_rdf([one, two], ("Li", "S"), RAW).g
    single = [partial_rdf([s], ("Li", "S"), RAW).g for s in (one, two)]
    assert both == pytest.approx(np.mean(single, axis=0))


def test_coordination_is_of_the_second_around_the_first() -> None:
    li2s = crystal("Li2S")
    assert partial_rdf([li2s], ("S", "Li")).coordination == pytest.approx(8.0)
    assert partial_rdf([li2s], ("Li", "S")).coordination == pytest.approx(4.0)


def test_minimum_of_an_empty_valley_is_its_middle() -> None:
    r = np.linspace(0.05, 5.95, 60)
    g = np.exp(-(((r - 2) / 0.2) ** 2)) + np.exp(-(((r - 5) / 0.2) ** 2))
    peak, minimum = first_extrema(r, g)
    assert peak == pytest.approx(2.0, abs=0.1)
    assert minimum == pytest.approx(3.5, abs=0.15)


def test_missing_element_is_named() -> None:
    with pytest.raises(RDFError, match="P-S"):
        partial_rdf([crystal("Li2S")], ("P", "S"))
