import time

import numpy as np
import pytest
from pymatgen.core import Composition, Element

from lps_flows.chemistry import (
    CompositionLine,
    OffLineError,
    RemovalError,
    SupercellError,
    bare_structure,
    crystal,
    removal_sites,
    remove_units,
    substituted,
    supercell_multiples,
    supercell_near,
)


def test_supercells_of_the_paper():
    beta = supercell_near(crystal("beta-Li3PS4"), 128)
    assert beta.composition == Composition("Li48P16S64")
    edges = beta.lattice.abc
    assert max(edges) / min(edges) < 1.4
    assert supercell_near(crystal("Li7P3S11"), 168).composition == Composition(
        "Li56P24S88"
    )


@pytest.mark.parametrize("target", [30, 64, 100, 150])
@pytest.mark.parametrize("key", ["LiPS3", "gamma-Li3PS4", "LT-Li7PS6"])
def test_supercells_come_near_the_target(key, target):
    cell = crystal(key)
    n_atoms = len(supercell_near(cell, target))
    assert n_atoms % len(cell) == 0
    assert n_atoms == len(cell) or abs(n_atoms - target) <= max(len(cell), target / 4)


def test_supercell_of_nothing_raises():
    with pytest.raises(SupercellError, match="target_atoms = 0"):
        supercell_near(crystal("Li2S"), 0)


def test_removed_units_stay_on_the_line_and_follow_the_seed():
    parent = supercell_near(crystal("beta-Li3PS4"), 128)
    first, again = (
        remove_units(parent, "Li2S", 3, np.random.default_rng(4)) for _ in range(2)
    )
    assert first.composition == Composition("Li42P16S61")
    assert first == again
    poor = remove_units(parent, "P2S5", 2, np.random.default_rng(4))
    assert CompositionLine().x(poor.composition) == pytest.approx(48 / 60)


def test_impossible_removals_raise():
    rng = np.random.default_rng(0)
    cell = crystal("gamma-Li3PS4")
    with pytest.raises(RemovalError, match="holds only 3 units"):
        remove_units(cell, "Li2S", 4, rng)
    with pytest.raises(RemovalError, match="whole positive"):
        remove_units(cell, "Li2S", 0, rng)
    with pytest.raises(RemovalError, match="end member"):
        remove_units(cell, "Li3P", 1, rng)
    with pytest.raises(OffLineError):
        removal_sites(crystal("Li48P16S61"), "Li2S", 1)


def test_sodium_system_by_substitution():
    derived = substituted(crystal("beta-Li3PS4"), {"Li": "Na"})
    line = CompositionLine(end_members=("Na2S", "P2S5"))
    assert line.x(derived.composition) == 0.75
    assert derived.volume > crystal("beta-Li3PS4").volume
    assert "unrelaxed" in derived.properties["derived_from"]
    removed = remove_units(derived, "Na2S", 1, np.random.default_rng(0), line)
    assert removed.composition == Composition("Na10P4S15")
    with pytest.raises(SupercellError, match="not in the structure"):
        substituted(derived, {"Li": "K"})


def decorated(key):
    """A crystal as another calculation may have left it."""
    cell = crystal(key)
    cell.add_oxidation_state_by_element({"Li": 1, "P": 5, "S": -2})
    cell.add_spin_by_element({"Li": 1})
    n = len(cell)
    cell.add_site_property("velocities", np.arange(3.0 * n).reshape(n, 3).tolist())
    cell.add_site_property("selective_dynamics", [[False] * 3] * n)
    cell.add_site_property("magmom", [1.0] * n)
    cell.add_site_property("forces", [[0.0] * 3] * n)
    return cell


def test_what_is_made_of_a_decorated_structure_is_bare():
    cell, plain = decorated("beta-Li3PS4"), crystal("beta-Li3PS4")
    for made, expected in (
        (supercell_near(cell, 128), supercell_near(plain, 128)),
        (substituted(cell, {"P": "As"}), substituted(plain, {"P": "As"})),
        (
            remove_units(cell, "Li2S", 1, np.random.default_rng(0)),
            remove_units(plain, "Li2S", 1, np.random.default_rng(0)),
        ),
        (bare_structure(cell), plain),
    ):
        assert made == expected
        assert made.site_properties == {}
        assert {type(site.specie) for site in made} == {Element}
    # what was given is as it was
    assert set(cell.site_properties) >= {"velocities", "selective_dynamics"}
    assert removal_sites(cell, "Li2S", 1) == removal_sites(plain, "Li2S", 1)


@pytest.mark.parametrize(
    "replacements", [{"Li": "Na"}, {"P": "As", "S": "Se"}, {"Li": "Na", "S": "Se"}]
)
def test_replaced_elements_are_gone(replacements):
    made = substituted(decorated("beta-Li3PS4"), replacements)
    counts = crystal("beta-Li3PS4").composition.get_el_amt_dict()
    assert made.composition.get_el_amt_dict() == {
        replacements.get(symbol, symbol): n for symbol, n in counts.items()
    }


def test_large_supercells_are_found_at_once():
    started = time.perf_counter()
    assert supercell_multiples(crystal("Li"), 600) == (6, 7, 7)
    assert supercell_multiples(crystal("Li"), 5000) == (13, 14, 14)
    assert time.perf_counter() - started < 5
