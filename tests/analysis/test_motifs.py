"""Motifs of crystals and of anions built by hand."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from pymatgen.core import Lattice, Molecule, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.analysis import MOTIFS, MotifSettings, analyse_motifs, classify_motifs
from lps_flows.analysis.neighbours import StructureError
from lps_flows.chemistry import CompositionLine, crystal, crystals

EXPECTED = {
    "LiPS3": {"P2S6_edge": 1.0},
    "Li2PS3": {"P2S6_PP": 1.0},
    "Li2PS3_P-3m1_sqrt3": {"P2S6_PP": 1.0},
    "Li4P2S7": {"P2S7": 1.0},
    "Li4P2S7_C2c": {"P2S7": 1.0},
    "Li7P3S11": {"PS4": 1 / 3, "P2S7": 2 / 3},
    "Li7P3S11_xas-tools": {"PS4": 1 / 3, "P2S7": 2 / 3},
    "alpha-Li3PS4": {"PS4": 1.0},
    "beta-Li3PS4": {"PS4": 1.0},
    "gamma-Li3PS4": {"PS4": 1.0},
    "Li3PS4_I-42m": {"PS4": 1.0},
    "LT-Li7PS6": {"PS4": 1.0, "free_S": 1 / 3},
    "Li48P16S61": {"PS4": 13 / 16, "PS3": 3 / 16},
    "P2S5": {"other": 1.0},
    "Li2S": {"free_S": 1.0},
}


def _box(species: list[str], positions: list) -> Structure:
    return Structure(Lattice.cubic(25.0), species, positions, coords_are_cartesian=True)


def _chain(n_links: int, cell_length: float | None = None) -> Structure:
    """P in a row, 3.3 Å apart, one S between neighbours and terminal S beside.

    Without a cell length the chain is finite and ends with three terminal S.
    """
    step, species, positions = 3.3, [], []
    for k in range(n_links):
        x = 2.0 + k * step
        species += ["P", "S", "S"]
        positions += [(x, 5, 5), (x, 6.2, 6.6), (x, 3.8, 6.6)]
        if k < n_links - 1 or cell_length:
            species.append("S")
            positions.append((x + step / 2, 5, 3.8))
        if not cell_length and k == n_links - 1:
            species.append("S")
            positions.append((x + 1.2, 5, 3.6))
        if not cell_length and k == 0:
            species.append("S")
            positions.append((x - 1.2, 5, 3.6))
    a = cell_length or 40.0
    return Structure(
        Lattice.orthorhombic(a, 15, 15), species, positions, coords_are_cartesian=True
    )


@pytest.mark.parametrize("key", sorted(EXPECTED))
def test_crystals_have_their_known_motifs(key: str) -> None:
    found = classify_motifs(crystal(key))
    wanted = {**dict.fromkeys([*MOTIFS, "free_S"], 0.0), **EXPECTED[key]}
    assert found == pytest.approx(wanted)


def test_fractions_add_to_one_wherever_there_is_phosphorus() -> None:
    for entry in crystals():
        if entry.disordered:
            continue
        structure = entry.structure()
        found = classify_motifs(structure)
        total = sum(found[motif] for motif in MOTIFS)
        expected = 1.0 if "P" in structure.composition else 0.0
        assert total == pytest.approx(expected), entry.key


@pytest.mark.parametrize("scaling", [(2, 1, 1), (1, 2, 2)])
def test_supercell_and_wrapping_change_nothing(scaling: tuple[int, int, int]) -> None:
    base = crystal("Li7P3S11")
    large = base * scaling
    large.translate_sites(range(len(large)), [0.31, 0.77, 0.13])
    assert classify_motifs(large) == pytest.approx(classify_motifs(base))


def test_thermal_displacements_change_nothing() -> None:
    rng = np.random.default_rng(3)
    for key in ("LiPS3", "Li7P3S11", "Li2PS3"):
        rattled = crystal(key) * (2, 2, 2)
        moves = rng.normal(scale=0.08, size=(len(rattled), 3))
        for site, move in enumerate(moves):
            rattled.translate_sites(site, move, frac_coords=False)
        assert classify_motifs(rattled) == pytest.approx(classify_motifs(crystal(key)))


@pytest.mark.parametrize("n_links", [3, 5])
def test_finite_chain_is_a_chain(n_links: int) -> None:
    chain = _chain(n_links)
    assert classify_motifs(chain)["chain"] == 1.0
    analysis = analyse_motifs(chain)
    assert analysis.chain_lengths == (n_links,)
    assert analysis.infinite_chain == 0
    assert analysis.bridging == n_links - 1
    assert analysis.undercoordinated == 0


def test_pair_is_no_chain() -> None:
    assert classify_motifs(_chain(2))["P2S7"] == 1.0


@pytest.mark.parametrize("n_links", [1, 2, 4])
def test_endless_chain_through_a_small_cell(n_links: int) -> None:
    chain = _chain(n_links, cell_length=3.3 * n_links)
    assert classify_motifs(chain)["chain"] == 1.0
    assert analyse_motifs(chain).infinite_chain == n_links


def test_defect_does_not_spoil_its_neighbours_in_a_chain() -> None:
    chain = _chain(5)
    terminal = next(
        k
        for k, site in enumerate(chain)
        if site.specie.symbol == "S" and abs(site.coords[0] - (2.0 + 2 * 3.3)) < 0.01
    )
    chain.remove_sites([terminal])
    found = classify_motifs(chain)
    assert found["other"] == pytest.approx(1 / 5)
    assert found["chain"] == pytest.approx(4 / 5)
    assert analyse_motifs(chain).undercoordinated == 1


def test_broken_pair_is_other() -> None:
    pair = _chain(2)
    terminal = [
        k
        for k, site in enumerate(pair)
        if site.specie.symbol == "S" and abs(site.coords[1] - 6.2) < 0.01
    ]
    pair.remove_sites(terminal[:1])
    assert classify_motifs(pair)["other"] == 1.0


def _ring(n_links: int) -> tuple[list[str], np.ndarray]:
    """P on a circle, 3.3 Å apart, one S between neighbours and two terminal S each."""
    species, positions = [], []
    radius = 3.3 / (2 * np.sin(np.pi / n_links))
    for k in range(n_links):
        at, between = 2 * np.pi * (k + np.array([0.0, 0.5])) / n_links
        outward = np.array([np.cos(at), np.sin(at), 0.0])
        middle = radius * np.cos(np.pi / n_links) + 1.2
        species += ["P", "S", "S", "S"]
        positions += [
            radius * outward,
            (radius + 1.2) * outward + [0, 0, 1.65],
            (radius + 1.2) * outward - [0, 0, 1.65],
            middle * np.array([np.cos(between), np.sin(between), 0.0]),
        ]
    return species, np.array(positions)


@pytest.mark.parametrize("n_links", [3, 4, 6])
def test_ring_is_a_chain_that_ends_nowhere_but_is_not_endless(n_links: int) -> None:
    ring = Molecule(*_ring(n_links))
    assert classify_motifs(ring)["chain"] == 1.0
    analysis = analyse_motifs(ring)
    assert analysis.chain_lengths == (n_links,)
    assert analysis.infinite_chain == 0
    assert analysis.bridge_distribution() == {2: 1.0}


def test_cage_of_phosphorus_pentasulfide_is_other() -> None:
    crystal_cell = crystal("P2S5")
    network = analyse_motifs(crystal_cell)
    assert network.anion_sizes == (4, 4)
    assert network.bridge_distribution() == {3: 1.0}
    assert network.undercoordinated == 0
    assert network.free == 0


@pytest.mark.parametrize("strain", [-0.14, 0.0, 0.14])
def test_edge_sharing_pair_stays_one_when_pressed(strain: float) -> None:
    """At -14 % its P come within the P-P cutoff, but they share two S."""
    pressed = crystal("LiPS3").copy()
    pressed.apply_strain(strain)
    assert classify_motifs(pressed)["P2S6_edge"] == 1.0
    assert set(analyse_motifs(pressed).contacts.values()) == {0}


def test_dumbbell_that_lacks_a_sulfur_is_other() -> None:
    broken = crystal("Li2PS3").copy()
    broken.remove_sites([next(k for k, s in enumerate(broken) if s.label == "S")])
    assert classify_motifs(broken)["P2S6_PP"] == 0.0
    assert classify_motifs(broken)["other"] == 1.0


def test_planar_trisulfide_is_a_monomer_and_undercoordinated() -> None:
    angles = 2 * np.pi * np.arange(3) / 3
    sulfur = 2.05 * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(3)])
    found = analyse_motifs(Molecule(["P", "S", "S", "S"], [[0, 0, 0], *sulfur]))
    assert found.fractions()["PS3"] == 1.0
    assert found.undercoordinated == 1
    assert found.terminal == 3


def test_three_branches_around_one_phosphorus() -> None:
    """A P with three bridging S is other; the ends of the branches are chain ends."""
    species, positions = ["P", "S"], [[0.0, 0, 0], [0, 0, 2.05]]
    for angle in 2 * np.pi * np.arange(3) / 3:
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        side = np.array([-np.sin(angle), np.cos(angle), 0.0])
        end = 3.3 * out
        species += ["S", "P", "S", "S", "S"]
        positions += [
            1.65 * out - [0, 0, 1.2],
            end,
            end + 1.2 * side + [0, 0, 1.65],
            end - 1.2 * side + [0, 0, 1.65],
            end + 2.0 * out - [0, 0, 0.4],
        ]
    found = classify_motifs(Molecule(species, positions))
    assert found["other"] == pytest.approx(1 / 4)
    assert found["chain"] == pytest.approx(3 / 4)


def test_without_phosphorus_all_fractions_are_zero() -> None:
    found = classify_motifs(crystal("Li"))
    assert set(found.values()) == {0.0}
    assert analyse_motifs(crystal("Li")).bridge_distribution() == {}


@pytest.mark.parametrize("key", ["Li7P3S11", "LT-Li7PS6", "P2S5"])
def test_ase_and_decorated_structures_are_read_alike(key: str) -> None:
    structure = crystal(key)
    expected = classify_motifs(structure)
    assert classify_motifs(AseAtomsAdaptor.get_atoms(structure)) == expected
    decorated = structure.copy()
    decorated.add_oxidation_state_by_element({"Li": 1, "P": 5, "S": -2})
    assert classify_motifs(decorated) == expected


def test_isolated_molecule_of_ase() -> None:
    species, positions = _ring(3)
    assert classify_motifs(Atoms(species, positions))["chain"] == 1.0


def test_what_is_no_structure_is_refused() -> None:
    with pytest.raises(StructureError, match="no structure"):
        classify_motifs("Li3PS4")
    with pytest.raises(StructureError, match="no atoms"):
        classify_motifs(Atoms())
    with pytest.raises(StructureError, match="cell vectors"):
        classify_motifs(Atoms("P", [[0, 0, 0]], cell=[5, 5, 0], pbc=(1, 1, 0)))


def test_slab_has_no_images_across_its_vacuum() -> None:
    """One PS4 whose S would touch the P above if the third direction were periodic."""
    ps4 = Atoms(
        "PS4",
        1.18 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
        cell=[12, 12, 2.9],
        pbc=(True, True, False),
    )
    assert classify_motifs(ps4)["PS4"] == 1.0
    ps4.pbc = True
    assert classify_motifs(ps4)["PS4"] == 0.0


def test_free_sulfur_is_counted_as_fraction_of_sulfur() -> None:
    structure = _chain(3)
    n_s = structure.composition["S"]
    structure.append("S", [0.9, 0.9, 0.9])
    found = classify_motifs(structure)
    assert found["free_S"] == pytest.approx(1 / (n_s + 1))


def test_cutoffs_decide() -> None:
    gamma = crystal("gamma-Li3PS4")
    short = classify_motifs(gamma, MotifSettings(ligand_cutoff=1.5))
    assert short["other"] == 1.0
    assert short["free_S"] == 1.0


def test_bonds_near_the_cutoff_are_counted() -> None:
    gamma = crystal("gamma-Li3PS4")
    assert analyse_motifs(gamma).near_cutoff == 0
    doubtful = analyse_motifs(gamma, MotifSettings(ligand_cutoff=2.1))
    assert doubtful.near_cutoff > 0


def test_other_chemistry_by_settings() -> None:
    silicate = crystal("gamma-Li3PS4").copy()
    silicate.replace_species({"P": "Si", "S": "O"})
    silicate.scale_lattice(silicate.volume * (1.65 / 2.05) ** 3)
    found = classify_motifs(
        silicate,
        MotifSettings(ligand_cutoff=2.1, former_cutoff=2.1),
        CompositionLine(end_members=("Li2O", "SiO2")),
    )
    assert found["PS4"] == 1.0


def test_disordered_structure_is_refused() -> None:
    mixed = Structure(Lattice.cubic(5), [{"Li": 0.5, "P": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="partially occupied"):
        classify_motifs(mixed)
