import numpy as np
import pytest

from lps_flows.chemistry import (
    OffLineError,
    RemovalError,
    crystal,
    full_formula,
    supercell_near,
)
from lps_flows.evolution import (
    EvolutionError,
    ParentError,
    RemovalProblem,
    count_removals,
    distinct_removals,
)
from lps_flows.evolution.removal_operators import draw_uniform


def test_symmetry_of_the_supercell_includes_its_translations(beta_problem):
    assert len(beta_problem.operations[0]) == 8
    large = RemovalProblem(supercell_near(crystal("beta-Li3PS4"), 128), "Li2S", 3)
    assert len(large.operations[0]) == 32


def test_canonical_form_is_the_same_for_all_symmetric_copies(beta_problem):
    rng = np.random.default_rng(0)
    for _ in range(10):
        removed = draw_uniform(beta_problem, rng)
        copies = {
            beta_problem.canonical(tuple(sorted(p[list(removed)].tolist())))
            for p in beta_problem.operations[0]
        }
        assert len(copies) == 1
        assert beta_problem.is_valid(copies.pop())


def test_enumeration_counts_every_removal_once(beta_problem):
    distinct = distinct_removals(beta_problem)
    assert sum(distinct.values()) == count_removals(beta_problem) == 16 * 66
    assert all(8 % multiplicity == 0 for multiplicity in distinct.values())
    with pytest.raises(EvolutionError, match="larger limit"):
        distinct_removals(beta_problem, limit=10)


def test_assignment_finds_the_genome_of_a_shaken_shuffled_structure(beta_problem):
    rng = np.random.default_rng(1)
    removed = draw_uniform(beta_problem, rng)
    structure = beta_problem.build(removed)
    structure.perturb(0.2)
    order = rng.permutation(len(structure))
    shuffled = structure.from_sites([structure[i] for i in order])
    ordered, found = beta_problem.assign(shuffled)
    assert found == removed
    np.testing.assert_allclose(ordered.frac_coords, structure.frac_coords)


@pytest.mark.parametrize(
    ("key", "end_member", "n_units", "error"),
    [
        ("gamma-Li3PS4", "Li2S", 4, RemovalError),
        ("gamma-Li3PS4", "Li3P", 1, RemovalError),
        ("gamma-Li3PS4", "Li2S", 0, RemovalError),
        ("Li48P16S61", "Li2S", 1, OffLineError),
        ("Li2S", "Li2S", 4, RemovalError),
        ("gamma-Li3PS4", "Li2S", "2", RemovalError),
    ],
)
def test_impossible_removals_are_refused(key, end_member, n_units, error):
    with pytest.raises(error):
        RemovalProblem(crystal(key), end_member, n_units)


def test_what_is_built_has_the_formula_of_the_problem():
    parent = supercell_near(crystal("beta-Li3PS4"), 64)
    problem = RemovalProblem(parent, "P4S10", 1)
    assert problem.formula == "Li24P4S22"
    removed = (*problem.sites["P"][:4], *problem.sites["S"][:10])
    assert problem.is_valid(removed)
    assert full_formula(problem.build(removed)) == problem.formula


def test_disordered_or_choiceless_parents_are_refused():
    disordered = crystal("gamma-Li3PS4")
    disordered.replace_species({"Li": {"Li": 0.5, "Na": 0.5}})
    with pytest.raises(ParentError, match="ordered model"):
        RemovalProblem(disordered, "Li2S", 1)
