"""Ordered models of crystals whose sites are partly occupied."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import (
    OrderingError,
    OrderSettings,
    OwnCrystal,
    OwnCrystalError,
    entry,
    orderings,
)

CHARGES = {"Li": 1, "P": 5, "S": -2}


def published_beta() -> Structure:
    """Return beta-Li3PS4 as refined: Li on 4b to 0.7 and on 4c to 0.3."""
    found = entry("Li3PS4_beta_expt")
    return Structure.from_spacegroup(
        found.space_group_number,
        Lattice.from_parameters(*found.lattice),
        [{site.element: site.occupancy} for site in found.sites],
        [site.xyz for site in found.sites],
        tol=1e-3,
    )


def test_every_ordering_of_a_cell_is_tried_and_its_energy_is_pymatgens() -> None:
    found = orderings(published_beta(), OrderSettings(target_atoms=32, n_lowest=8))
    # four of the eight sites of 4b and 4c
    assert (found.n_tried, found.complete) == (70, True)
    assert found.energies == sorted(found.energies)
    assert len(found.energies) == 8
    first = found.structures[0]
    assert first.formula == "Li12 P4 S16"
    theirs = []
    for made in (first, found.structures[-1]):
        made.add_oxidation_state_by_element(CHARGES)
        theirs.append(EwaldSummation(made).total_energy / 32)
    assert found.energies[-1] - found.energies[0] == pytest.approx(
        theirs[1] - theirs[0], abs=1e-8
    )


def test_where_there_are_too_many_the_lowest_is_found_downhill() -> None:
    every = orderings(published_beta(), OrderSettings(target_atoms=64))
    assert every.complete
    few = OrderSettings(target_atoms=64, n_enumerated=100, n_sampled=30)
    sampled = orderings(published_beta(), few)
    assert (sampled.n_tried, sampled.complete) == (30, False)
    assert sampled.energies[0] == pytest.approx(every.energies[0], abs=1e-8)
    again = orderings(published_beta(), few)
    assert again.structures == sampled.structures


def test_elements_that_share_a_site_are_told_apart() -> None:
    mixed = Structure(
        Lattice.cubic(5.6),
        [{"Na": 0.5, "Mg": 0.25}, "F"] * 4,
        [[i / 2, j / 2, k / 2] for i in (0, 1) for j in (0, 1) for k in (0, 1)],
    )
    found = orderings(mixed, OrderSettings(target_atoms=7, n_lowest=2))
    # which of four sites is Mg, which of three others is empty
    assert found.n_tried == 12
    assert {made.formula for made in found.structures} == {"Na2 Mg1 F4"}
    # side by side or across the square: all others are images of these two
    every = orderings(mixed, OrderSettings(target_atoms=7, n_lowest=12))
    assert len(every.structures) == 2
    assert every.energies == found.energies


@pytest.mark.parametrize(
    ("mixed", "target_atoms", "made"),
    [
        ({"S": 0.5, "Se": 0.5}, 3, "Li2 S1"),
        ({"S": 0.5, "Se": 0.5}, 12, "Li8 Se2 S2"),
        ({"S": 0.3, "Se": 0.7}, 9, "Li6 Se2 S1"),
        ({"S": 0.34, "Se": 0.33, "Te": 0.33}, 3, "Li2 S1"),
        # thirds as files write them are full sites
        ({"S": 0.3333, "Se": 0.3333, "Te": 0.3334}, 6, "Li4 Te1 S1"),
    ],
)
def test_sites_that_the_file_fills_stay_full(
    mixed: dict[str, float], target_atoms: int, made: str
) -> None:
    """Whatever the numbers of atoms of each element round to."""
    cell = Structure(
        Lattice.from_parameters(4.1, 4.1, 4.1, 60, 60, 60),
        ["Li", "Li", mixed],
        [[0.25] * 3, [0.75] * 3, [0.0] * 3],
    )
    found = orderings(cell, OrderSettings(target_atoms=target_atoms, n_lowest=1))
    assert found.structures[0].formula == made


def test_what_cannot_be_ordered_is_named() -> None:
    whole = published_beta()
    whole = Structure.from_sites([site for site in whole if site.is_ordered])
    with pytest.raises(OrderingError, match="fully occupied"):
        orderings(whole, OrderSettings())
    charged = published_beta()
    charged.replace_species({"S": "Li"})
    with pytest.raises(OrderingError, match="charges"):
        orderings(charged, OrderSettings(target_atoms=32))


def test_an_own_crystal_is_ordered_from_its_file(tmp_path: Path) -> None:
    published_beta().to(filename=str(tmp_path / "beta.cif"))
    path = str(tmp_path / "beta.cif")
    with pytest.raises(OwnCrystalError, match="disordered"):
        OwnCrystal(file=path).structure()
    own = OwnCrystal(file=path, order={"n_lowest": 2, "target_atoms": 32})
    assert own.structure().formula == "Li12 P4 S16"
    cell, settings = own.disordered
    assert not cell.is_ordered
    assert own.recorded().count("direct") == settings.n_lowest == 2
    assert OwnCrystal(like="Li2S").disordered is None
    with pytest.raises(ValidationError, match="order"):
        OwnCrystal(like="Li2S", order={})
