from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lps_flows.analysis import analyse_motifs
from lps_flows.chemistry import closest_contact, crystal
from lps_flows.evolution import (
    EvolutionSettings,
    Individual,
    RemovalProblem,
    operators,
)
from lps_flows.evolution.individual import Child
from lps_flows.evolution.operators import (
    OPERATORS,
    Nursery,
    adapted_weights,
    draw_operator,
    joined,
)
from lps_flows.evolution.regions import ParentAtoms, Slab, best_slab, draw_slab
from lps_flows.evolution.removal_operators import (
    cross,
    draw_clustered,
    draw_uniform,
    mutate,
    overlay_distances,
    uniform_region,
)
from lps_flows.evolution.selection import select
from lps_flows.evolution.structure_operators import (
    condense,
    permute,
    rattle,
    splice,
    strain,
)


def individual(problem, rng, identifier=0):
    removed = draw_uniform(problem, rng)
    structure = problem.build(removed)
    structure = rattle(structure, 0.05, rng, everywhere=True)
    return Individual(
        structure,
        removed,
        "random_removal",
        identifier=identifier,
        generation=0,
        energy=-1.0,
        energy_std=None,
        converged=True,
    )


@pytest.mark.parametrize("draw", [draw_uniform, draw_clustered])
def test_draws_keep_the_stoichiometry(beta_problem, draw):
    rng = np.random.default_rng(0)
    drawn = {draw(beta_problem, rng) for _ in range(50)}
    assert all(beta_problem.is_valid(removed) for removed in drawn)
    assert len(drawn) > 30


def test_clustered_draws_lie_closer_together(beta_problem):
    rng = np.random.default_rng(0)

    def spread(draw):
        return np.mean(
            [
                beta_problem.distances[np.ix_(removed, removed)].mean()
                for removed in (draw(beta_problem, rng) for _ in range(200))
            ]
        )

    assert spread(draw_clustered) < 0.9 * spread(draw_uniform)


def test_mutation_and_crossover_keep_the_stoichiometry(beta_problem):
    rng = np.random.default_rng(0)
    for _ in range(100):
        first, second = (draw_uniform(beta_problem, rng) for _ in range(2))
        for inside in (
            uniform_region(beta_problem, rng),
            draw_slab(rng).contains(beta_problem.parent.frac_coords),
        ):
            child = cross(beta_problem, first, second, inside, rng)
            assert beta_problem.is_valid(child)
            assert set(child) <= set(first) | set(second)
        changed = mutate(beta_problem, first, 0.1, rng, at_least=1)
        assert beta_problem.is_valid(changed)
        assert changed != first
        assert mutate(beta_problem, first, 0.0, rng) == first


def test_the_overlay_finds_the_symmetry_between_two_copies(beta_problem):
    rng = np.random.default_rng(0)
    removed = draw_uniform(beta_problem, rng)
    for permutation in beta_problem.operations[0]:
        copy = tuple(sorted(permutation[list(removed)].tolist()))
        gaps = overlay_distances(beta_problem, removed, copy)
        assert gaps.min() == pytest.approx(0, abs=1e-9)
        best = beta_problem.operations[0][int(gaps.argmin())]
        assert tuple(sorted(best[list(copy)].tolist())) == removed


def test_an_overlay_compares_sites_of_one_element(beta_problem):
    """A removed S on the place of a removed Li is not near it."""
    distances, sites = beta_problem.distances, beta_problem.sites
    lithium, sulphur = sites["Li"][0], sites["S"]
    near, far = sulphur[np.argsort(distances[lithium, sulphur])[[0, -1]]]
    other = sites["Li"][distances[lithium, sites["Li"]].argmax()]
    identity = np.flatnonzero(
        (beta_problem.operations[0] == np.arange(len(beta_problem.symbols))).all(axis=1)
    )
    gaps = overlay_distances(
        beta_problem, (int(lithium), int(far)), (int(other), int(near))
    )
    expected = (distances[lithium, other] + distances[far, near]) / 2
    assert gaps[identity] == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator_gives_children_of_the_right_composition(beta_problem, name):
    rng = np.random.default_rng(2)
    population = [individual(beta_problem, rng, i) for i in range(4)]
    nursery = Nursery(beta_problem, EvolutionSettings(), population, rng)
    expected = population[0].structure.composition
    for _ in range(10):
        child = OPERATORS[name](nursery)
        assert child.operator == name
        assert child.structure.composition == expected
        assert beta_problem.is_valid(child.removed)
        # Atoms stand in the order of the sites they are for.
        symbols = [site.specie.symbol for site in child.structure]
        kept = beta_problem.kept(child.removed)
        assert symbols == beta_problem.symbols[kept].tolist()
        assert set(child.parents) <= {0, 1, 2, 3}


def test_inherited_positions_are_the_relaxed_ones(beta_problem):
    rng = np.random.default_rng(2)
    parent = individual(beta_problem, rng)
    settings = EvolutionSettings(inherited_fraction=1, min_distance=0.3)
    nursery = Nursery(beta_problem, settings, [parent], rng)
    child = OPERATORS["removal_mutation"](nursery)
    kept_parent = beta_problem.kept(parent.removed)
    kept_child = beta_problem.kept(child.removed)
    _, mine, theirs = np.intersect1d(kept_child, kept_parent, return_indices=True)
    np.testing.assert_array_equal(
        child.structure.frac_coords[mine], parent.structure.frac_coords[theirs]
    )


def test_splice_repairs_counts_and_takes_both_halves():
    lattice = Lattice.cubic(8)
    grid = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)])
    first = Structure(lattice, ["Li"] * 4 + ["S"] * 4, grid / 2)
    second = Structure(lattice, ["S"] * 4 + ["Li"] * 4, grid / 2 + 0.1)
    for axis in range(3):
        child = splice(
            first,
            second,
            {"Li": 4, "S": 4},
            first.frac_coords[:, axis] < 0.5,
            second.frac_coords[:, axis] < 0.5,
        )
        assert child.composition.formula == "Li4 S4"


def test_the_slab_follows_the_better_half_of_each_parent():
    rng = np.random.default_rng(0)
    coordinates = rng.random((200, 3))
    symbols = np.array(["Li"] * 200)
    low_left = np.where(coordinates[:, 0] < 0.5, -1.0, 0.0)
    first = ParentAtoms(symbols, coordinates, low_left)
    second = ParentAtoms(symbols, coordinates, -1.0 - low_left)
    chosen = [best_slab(first, second, rng) for _ in range(40)]
    inside = [slab.contains(coordinates) for slab in chosen]
    share = np.mean([low_left[i].mean() for i in inside])
    assert share < -0.7
    # an element is no better for being bound more: shares count from its mean
    elsewhere = rng.random((200, 3))
    mixed = np.array(["Li", "P"] * 100)
    bound = np.where(mixed == "P", -90.0, 0.0)
    low_right = np.where(elsewhere[:, 0] < 0.5, 0.0, -1.0)
    one = ParentAtoms(mixed, coordinates, bound + low_left)
    other = ParentAtoms(mixed, elsewhere, bound + low_right)
    chosen = [best_slab(one, other, rng).contains(coordinates) for _ in range(40)]
    assert np.mean([low_left[i].mean() for i in chosen]) < -0.7
    blind = ParentAtoms(symbols, coordinates, None)
    drawn = [best_slab(blind, second, rng).contains(coordinates) for _ in range(40)]
    assert abs(np.mean([low_left[i].mean() for i in drawn]) + 0.5) < 0.15


def test_permutation_moves_only_the_mobile_element(beta_problem):
    rng = np.random.default_rng(0)
    parent = individual(beta_problem, rng).structure
    moved = permute(parent, "Li", np.empty((0, 3)), 2, rng)
    changed = np.any(moved.frac_coords != parent.frac_coords, axis=1)
    assert changed.sum() == 2
    assert {parent[i].specie.symbol for i in np.flatnonzero(changed)} == {"Li"}
    assert closest_contact(moved) > 0.5


def test_strain_and_rattle_follow_their_sizes(beta_problem):
    rng = np.random.default_rng(0)
    parent = individual(beta_problem, rng).structure
    strained = strain(parent, 0.02, rng)
    assert 0.8 < strained.volume / parent.volume < 1.2
    assert strained.volume != parent.volume
    shaken = rattle(parent, 0.3, rng)
    moves = np.linalg.norm(shaken.cart_coords - parent.cart_coords, axis=1)
    assert 0 < (moves > 0).sum() < len(parent)


@pytest.mark.parametrize("selection", ["tournament", "roulette"])
def test_selection_prefers_the_better_and_never_repeats(beta_problem, selection):
    rng = np.random.default_rng(0)
    population = [individual(beta_problem, rng, i) for i in range(10)]
    settings = EvolutionSettings(selection=selection)
    drawn = [select(population, 2, settings, rng) for _ in range(300)]
    assert all(a.identifier != b.identifier for a, b in drawn)
    counts = np.bincount([a.identifier for a, _ in drawn], minlength=10)
    assert counts[:3].sum() > 2 * counts[-3:].sum()
    assert len(select(population[:1], 2, settings, rng)) == 1


@pytest.mark.parametrize("seed", range(6))
def test_an_undercoordinated_former_closes_up_with_a_ligand_nearby(seed):
    cell = crystal("Li48P16S61")
    before, free = analyse_motifs(cell), cell.copy()
    moved = condense(cell, ("P",), ("S",), np.random.default_rng(seed))
    after = analyse_motifs(moved)
    assert moved.composition == cell.composition
    assert sum(after.coordination.values()) > sum(before.coordination.values())
    assert after.undercoordinated < before.undercoordinated
    # a monomer and a tetrahedron share a sulfur, and nothing stands in the way
    assert before.fractions()["P2S7"] == 0
    assert after.fractions()["P2S7"] == pytest.approx(2 / 16)
    assert closest_contact(moved) > EvolutionSettings().min_distance
    # a sulfur of nobody is nearer than any other: it may heal the tetrahedron
    p = next(i for i, n in before.coordination.items() if n == 3)
    x, y, z = free[p].coords
    free.append("S", [x, y, z + 3.2], coords_are_cartesian=True)
    assert condense(free, ("P",), ("S",), np.random.default_rng(seed)) is not None


@pytest.mark.parametrize("seed", range(4))
def test_a_former_that_closes_up_takes_only_its_own_ligands_along(seed):
    """Half of a P2S7 that lost an end moves, and the bridge to its other half not."""
    cell = crystal("Li7P3S11")
    symbols = np.array([site.specie.symbol for site in cell])
    bonded = (cell.distance_matrix < 2.55) & (symbols == "P")[None, :]
    bridges = np.flatnonzero((symbols == "S") & (bonded.sum(axis=1) == 2))
    p = np.flatnonzero(bonded[bridges[0]])[0]
    ends = np.flatnonzero((symbols == "S") & (bonded.sum(axis=1) == 1) & bonded[:, p])
    lacking = cell.copy()
    lacking.remove_sites([int(ends[0])])
    moved = condense(lacking, ("P",), ("S",), np.random.default_rng(seed))
    kept = [k - (k > ends[0]) for k in bridges]
    np.testing.assert_allclose(
        moved.frac_coords[kept], lacking.frac_coords[kept], atol=1e-9
    )
    away = np.abs(moved.frac_coords - lacking.frac_coords).max(axis=1) > 1e-6
    assert away[p - (p > ends[0])]


def test_nothing_condenses_where_every_former_is_complete():
    rng = np.random.default_rng(0)
    assert condense(crystal("beta-Li3PS4"), ("P",), ("S",), rng) is None
    assert condense(crystal("Li7P3S11"), ("P",), ("S",), rng) is None
    # a P that is bonded to another one lacks none
    assert condense(crystal("Li4P2S6"), ("P",), ("S",), rng) is None


def test_adapted_weights_follow_success_and_keep_a_floor():
    weights = {"a": 1.0, "b": 1.0, "off": 0.0}
    for _ in range(20):
        weights = adapted_weights(weights, {"a": 10, "b": 10}, {"a": 8, "b": 0})
    assert weights["a"] > 3 * weights["b"] > 0.1
    assert weights["off"] == 0
    assert sum(weights.values()) == pytest.approx(1)
    rng = np.random.default_rng(0)
    assert {draw_operator(weights, rng) for _ in range(200)} == {"a", "b"}


def test_a_crossover_takes_the_first_parents_sites_inside(beta_problem):
    rng = np.random.default_rng(0)
    first, second = (draw_uniform(beta_problem, rng) for _ in range(2))
    everywhere = np.ones(len(beta_problem.symbols), dtype=bool)
    assert cross(beta_problem, first, second, everywhere, rng) == first
    assert cross(beta_problem, first, second, ~everywhere, rng) == second


def test_mutation_prefers_sites_nearby(beta_problem):
    rng = np.random.default_rng(0)
    removed = draw_uniform(beta_problem, rng)
    hops, all_free = [], []
    for _ in range(300):
        changed = mutate(beta_problem, removed, 0.0, rng, at_least=1)
        ((old,), (new,)) = (
            set(a) - set(b) for a, b in ((removed, changed), (changed, removed))
        )
        free = set(beta_problem.sites[beta_problem.symbols[old]]) - set(removed)
        hops.append(beta_problem.distances[old, new])
        all_free.append(beta_problem.distances[old, sorted(free)].mean())
    assert np.mean(hops) < np.mean(all_free) - 0.1


def test_adapted_weights_by_hand():
    equal = {"a": 1.0, "b": 1.0}
    # (8 + 1)/(8 + 2) and (0 + 1)/(8 + 2) weigh a third
    found = adapted_weights(equal, {"a": 8, "b": 8}, {"a": 8})
    assert found == pytest.approx({"a": 1 / 3 + 0.3, "b": 1 / 3 + 0.1 / 3})
    # none falls below a twentieth before all are scaled to one
    kept = adapted_weights({"a": 99.0, "b": 1.0}, {"b": 98}, {})
    a = 2 / 3 * 0.99 + 0.5 / 0.51 / 3
    assert kept == pytest.approx({"a": a / (a + 0.05), "b": 0.05 / (a + 0.05)})


def test_a_second_parent_is_moved_by_a_symmetry_of_the_crystal():
    """Cubic: rotations that are not their own transposes are among them."""
    problem = RemovalProblem(crystal("Li2S"), "Li2S", 1)
    removed = draw_uniform(problem, np.random.default_rng(0))
    member = Individual(
        problem.build(removed),
        removed,
        "random_removal",
        identifier=0,
        generation=0,
        energy=-1.0,
        energy_std=None,
        converged=True,
    )
    nursery = Nursery(problem, EvolutionSettings(), [member], np.random.default_rng(0))
    rotations = problem.operations[1]
    turns = [k for k, r in enumerate(rotations) if not np.allclose(r, r.T)]
    assert turns
    for operation in turns[:20]:
        moved, gone = nursery.labelled(member, operation)
        sites = np.array(moved.site_properties["site"])
        away = moved.frac_coords - problem.parent.frac_coords[sites]
        assert np.abs(away - np.round(away)).max() < 1e-6
        assert sorted({*sites.tolist(), *gone}) == list(range(len(problem.symbols)))


def test_parents_are_laid_over_each_other_more_often_than_not(beta_problem):
    rng = np.random.default_rng(0)
    first = individual(beta_problem, rng)
    permutation = beta_problem.operations[0][5]
    copy = tuple(sorted(int(i) for i in permutation[list(first.removed)]))
    second = replace(first, removed=copy)
    nursery = Nursery(beta_problem, EvolutionSettings(), [first, second], rng)
    gaps = overlay_distances(beta_problem, first.removed, copy)
    drawn = [gaps[nursery.draw_operation(first, second)] for _ in range(100)]
    assert (
        np.mean(np.isclose(drawn, gaps.min()))
        > 0.5
        > np.mean(np.isclose(gaps, gaps.min()))
    )


def test_positions_come_from_the_first_parent_where_it_has_them(beta_problem):
    rng = np.random.default_rng(1)
    population = [individual(beta_problem, rng, i) for i in range(2)]
    settings = EvolutionSettings(inherited_fraction=1, min_distance=0.3)
    nursery = Nursery(beta_problem, settings, population, rng)
    for _ in range(5):
        child = OPERATORS["removal_crossover"](nursery)
        first = population[child.parents[0]]
        _, mine, theirs = np.intersect1d(
            beta_problem.kept(child.removed),
            beta_problem.kept(first.removed),
            return_indices=True,
        )
        assert len(mine) > 20
        np.testing.assert_array_equal(
            child.structure.frac_coords[mine], first.structure.frac_coords[theirs]
        )


def test_splice_gives_up_the_crowded_and_fills_with_the_roomy():
    lattice, wide = Lattice.cubic(10), Lattice.cubic(12)
    first = Structure(
        lattice, ["Li", "Li", "Li"], [[0, 0, 0], [0.1, 0, 0], [0.5, 0.5, 0.5]]
    )
    second = Structure(
        wide, ["Li", "Li", "Li"], [[0.52, 0.5, 0.5], [0, 0.5, 0], [0.1, 0, 0.02]]
    )
    every, none = np.ones(3, bool), np.zeros(3, bool)
    # all of the first: nothing of the second, and the first one's cell
    whole = splice(first, second, {"Li": 3}, every, every)
    assert whole == first
    # one too many: of the crowded pair one goes
    two = splice(first, second, {"Li": 2}, every, every)
    assert [0.5, 0.5, 0.5] in two.frac_coords.tolist()
    # one too few: the roomiest of those left out comes in
    inside = np.array([True, False, True])
    three = splice(first, second, {"Li": 3}, inside, every)
    assert [0, 0.5, 0] in three.frac_coords.tolist()
    # the cell is the mean by the share that is inside
    assert three.lattice.a == pytest.approx(10 * 2 / 3 + 12 / 3)
    assert splice(first, second, {"Li": 3}, none, none).lattice.a == 12


def test_a_strain_turns_nothing_and_a_rattle_stays_around_one_atom(beta_problem):
    rng = np.random.default_rng(0)
    parent = individual(beta_problem, rng).structure
    strained = strain(parent, 0.02, rng)
    deformation = np.linalg.solve(parent.lattice.matrix, strained.lattice.matrix)
    assert deformation == pytest.approx(deformation.T)
    assert not np.allclose(deformation, np.diag(np.diag(deformation)), atol=1e-4)
    reach = 0.4 * parent.volume ** (1 / 3)
    for _ in range(5):
        shaken = rattle(parent, 0.3, rng)
        away = np.abs(shaken.cart_coords - parent.cart_coords).max(axis=1)
        moved = away > 1e-6
        around = parent.distance_matrix <= reach
        assert any((moved == near).all() for near in around)
        assert 1 < moved.sum() < len(parent)


def test_atoms_are_assigned_to_sites_by_distance_in_angstrom():
    """In a cell five times as high as wide a fraction of it is not a distance."""
    lithium = [[0, 0, 0], [0.3, 0, 0.1], [0.5, 0.5, 0.3], [0.5, 0.5, 0.6]]
    parent = Structure(
        Lattice.orthorhombic(4, 4, 20),
        ["Li"] * 4 + ["S"] * 2,
        [*lithium, [0, 0.5, 0.2], [0, 0.5, 0.8]],
    )
    problem = RemovalProblem(parent, "Li2S", 1)
    # 1.2 Å from the first site and 2 Å from the second one
    left = Structure(
        parent.lattice,
        ["Li", "Li", "S"],
        [[0.3, 0, 0], [0.5, 0.5, 0.6], [0, 0.5, 0.8]],
    )
    ordered, removed = problem.assign(left)
    assert removed == (1, 2, 4)
    assert ordered.frac_coords == pytest.approx(left.frac_coords)


def test_each_parent_is_cut_by_the_same_planes(beta_problem, monkeypatch):
    cuts = []

    def watched(first, second, counts, inside_first, inside_second):
        cuts.append((first, inside_first))
        cuts.append((second, inside_second))
        return splice(first, second, counts, inside_first, inside_second)

    monkeypatch.setattr(operators, "splice", watched)
    monkeypatch.setattr(Nursery, "slab", lambda *_: Slab(1, 0.2, 0.4))
    rng = np.random.default_rng(0)
    population = [individual(beta_problem, rng, i) for i in range(4)]
    nursery = Nursery(beta_problem, EvolutionSettings(), population, rng)
    for _ in range(3):
        OPERATORS["cut_and_splice"](nursery)
    for structure, inside in cuts:
        height = structure.frac_coords[:, 1] % 1.0
        assert (inside == ((height >= 0.2) & (height < 0.6))).all()
        assert 0 < inside.sum() < len(structure)


def test_a_child_whose_formers_were_joined_stands_for_no_genome():
    problem = RemovalProblem(crystal("Li7P3S11"), "1 S", 1)
    nursery = Nursery(problem, EvolutionSettings(), [], np.random.default_rng(0))
    changed = []
    for site in problem.sites["S"]:
        removed = (int(site),)
        child = Child(problem.build(removed), removed, "a", by_genome=True)
        found = joined(nursery, child)
        changed.append(found.structure != child.structure)
        assert found.by_genome is not changed[-1]
        assert found.removed == removed
    assert any(changed)
