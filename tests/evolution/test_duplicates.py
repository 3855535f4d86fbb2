from dataclasses import replace

import numpy as np
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher

from lps_flows.evolution import (
    EvolutionSettings,
    Individual,
    chebyshev_fingerprint,
    lowest_distinct,
)
from lps_flows.evolution.duplicates import distance, is_duplicate, survivors
from lps_flows.evolution.removal_operators import draw_uniform
from lps_flows.evolution.structure_operators import rattle

SETTINGS = EvolutionSettings(population=3)


@pytest.fixture(scope="module")
def fingerprint():
    return chebyshev_fingerprint(["Li", "P", "S"])


def member(structure, identifier, energy, fingerprint):
    return Individual(
        identifier=identifier,
        generation=0,
        operator="random_removal",
        parents=(),
        removed=(),
        structure=structure,
        energy=energy * len(structure),
        energy_std=None,
        converged=True,
        fingerprint=fingerprint(structure),
    )


def test_fingerprint_ignores_order_origin_and_symmetric_copies(
    beta_problem, fingerprint
):
    rng = np.random.default_rng(0)
    removed = draw_uniform(beta_problem, rng)
    structure = beta_problem.build(removed)
    copy = beta_problem.build(
        tuple(sorted(beta_problem.operations[0][5][list(removed)].tolist()))
    )
    copy.translate_sites(range(len(copy)), [0.3, 0.1, 0.7])
    shuffled = copy.from_sites([copy[i] for i in rng.permutation(len(copy))])
    assert distance(fingerprint(structure), fingerprint(shuffled)) < 1e-9
    other = beta_problem.build(draw_uniform(beta_problem, rng))
    assert distance(fingerprint(structure), fingerprint(other)) > 1e-4


def test_duplicates_need_energy_fingerprint_and_atoms_to_agree(
    beta_problem, fingerprint
):
    rng = np.random.default_rng(0)
    structure = beta_problem.build(draw_uniform(beta_problem, rng))
    moved = rattle(structure, 0.015, rng, everywhere=True)
    first = member(structure, 0, -1.0, fingerprint)
    assert is_duplicate(member(moved, 1, -1.0001, fingerprint), first, SETTINGS)
    assert not is_duplicate(member(moved, 1, -1.1, fingerprint), first, SETTINGS)
    other = beta_problem.build(draw_uniform(beta_problem, rng))
    assert not is_duplicate(member(other, 1, -1.0, fingerprint), first, SETTINGS)


def test_the_choice_of_the_cell_makes_no_other_structure(beta_problem, fingerprint):
    rng = np.random.default_rng(2)
    structure = beta_problem.build(draw_uniform(beta_problem, rng))
    skewed = structure.copy()
    skewed.make_supercell([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    first, second = (
        member(cell, number, -1.0, fingerprint)
        for number, cell in enumerate((structure, skewed))
    )
    assert is_duplicate(first, second, SETTINGS)
    assert first.reduced is first.reduced  # not once for every comparison
    # as the matcher decides that reduces both by itself
    matcher = StructureMatcher(
        ltol=0.1, stol=0.15, angle_tol=3, primitive_cell=False, scale=False
    )
    for size in (0.1, 0.3, 0.6):
        moved = rattle(structure, size, rng, everywhere=True)
        loose = SETTINGS.model_copy(update={"duplicate_distance": 2.0})
        other = member(moved, 2, -1.0, fingerprint)
        assert is_duplicate(first, other, loose) == matcher.fit(structure, moved)


def test_survivors_are_the_lowest_and_name_their_duplicates(beta_problem, fingerprint):
    rng = np.random.default_rng(0)
    structures = [beta_problem.build(draw_uniform(beta_problem, rng)) for _ in range(4)]
    energies = [-1.0, -1.3, -1.2, -1.1]
    members = [
        member(s, i, e, fingerprint)
        for i, (s, e) in enumerate(zip(structures, energies, strict=True))
    ]
    twin = member(structures[1], 9, -1.2999, fingerprint)
    kept, duplicates = survivors(members[:2], [*members[2:], twin], SETTINGS)
    assert [k.identifier for k in kept] == [1, 2, 3]
    assert duplicates == {9}


def test_lowest_distinct_prefers_diversity_then_fills_up(beta_problem, fingerprint):
    rng = np.random.default_rng(0)
    base = beta_problem.build(draw_uniform(beta_problem, rng))
    far = beta_problem.build(draw_uniform(beta_problem, rng))
    near = rattle(base, 0.2, rng, everywhere=True)
    members = [
        member(base, 0, -1.30, fingerprint),
        member(near, 1, -1.25, fingerprint),
        member(far, 2, -1.20, fingerprint),
    ]
    gaps = {i: distance(members[0].fingerprint, members[i].fingerprint) for i in (1, 2)}
    between = 0.5 * (min(gaps.values()) + max(gaps.values()))
    apart = max(gaps, key=gaps.get)
    two = EvolutionSettings(n_lowest=2, diversity=between)
    assert {m.identifier for m in lowest_distinct(members, two)} == {0, apart}
    three = EvolutionSettings(n_lowest=3, diversity=between)
    assert [m.identifier for m in lowest_distinct(members, three)] == [0, 1, 2]


def test_energies_are_compared_per_atom_and_cells_by_their_size(
    beta_problem, fingerprint
):
    rng = np.random.default_rng(0)
    structure = beta_problem.build(draw_uniform(beta_problem, rng))
    first = member(structure, 0, -1.0, fingerprint)
    for share, equal in ((0.9, True), (1.1, False)):
        gap = share * SETTINGS.duplicate_energy
        other = member(structure, 1, -1.0 - gap, fingerprint)
        assert is_duplicate(other, first, SETTINGS) is equal
    swollen = structure.copy()
    swollen.scale_lattice(1.15**3 * structure.volume)
    loose = SETTINGS.model_copy(update={"duplicate_distance": 2.0})
    assert not is_duplicate(member(swollen, 1, -1.0, fingerprint), first, loose)


def test_rejected_ones_are_passed_over_and_equal_fingerprints_fill_up(
    beta_problem, fingerprint
):
    rng = np.random.default_rng(0)
    structure = beta_problem.build(draw_uniform(beta_problem, rng))
    low, high = (
        member(structure, number, energy, fingerprint)
        for number, energy in enumerate((-1.2, -1.0))
    )
    wrong = replace(member(structure, 2, -1.4, fingerprint), rejection="uncertain")
    settings = EvolutionSettings(n_lowest=3)
    found = lowest_distinct([high, wrong, low], settings)
    assert [one.identifier for one in found] == [0, 1]
    # what differs is chosen first, and stands where its energy puts it
    other = beta_problem.build(draw_uniform(beta_problem, rng))
    far = member(other, 3, -0.9, fingerprint)
    found = lowest_distinct([far, high, low], settings)
    assert [one.identifier for one in found] == [0, 1, 3]
