"""The search against complete enumeration of cells small enough for it."""

import numpy as np
import pytest

from lps_flows.chemistry import crystal
from lps_flows.evolution import (
    EvolutionSettings,
    RemovalProblem,
    distinct_removals,
    evaluations_to_reach,
    evolve,
    random_evaluations,
)
from tests.evolution.conftest import UNRELAXED


def truth(problem, evaluate):
    """Multiplicities, energies (eV/atom) and the removals of lowest energy."""
    multiplicities = distinct_removals(problem)
    results = evaluate([problem.build(removed) for removed in multiplicities])
    energies = np.array([r.energy / len(r.structure) for r in results])
    lowest = energies.min()
    targets = {
        removed
        for removed, energy in zip(multiplicities, energies, strict=True)
        if energy < lowest + 1e-4
    }
    return multiplicities, lowest, targets


def searches(problem, evaluate, lowest, seeds, population, budget):
    return [
        evaluations_to_reach(
            evolve(
                problem,
                evaluate,
                EvolutionSettings(
                    population=population,
                    generations=1000,
                    patience=None,
                    evaluations=budget,
                    seed=seed,
                    weights=UNRELAXED,
                    max_energy_std=None,
                ),
            ),
            lowest,
        )
        for seed in seeds
    ]


def compare(problem, evaluate, seeds, population):
    multiplicities, lowest, targets = truth(problem, evaluate)
    drawn = [
        random_evaluations(multiplicities, targets, np.random.default_rng(seed))
        for seed in range(500)
    ]
    needed_by_random = int(np.percentile(drawn, 95))
    found = searches(problem, evaluate, lowest, seeds, population, needed_by_random)
    return found, float(np.median(drawn))


def test_one_li2s_from_beta(beta_problem, evaluate):
    found, random_median = compare(beta_problem, evaluate, range(10), 8)
    hits = [n for n in found if n is not None]
    assert len(hits) >= 9
    assert np.median(hits) < random_median


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_units", "population"), [(1, 8), (2, 16)], ids=["one Li2S", "two Li2S"]
)
def test_twenty_seeds(evaluate, n_units, population):
    problem = RemovalProblem(crystal("beta-Li3PS4"), "Li2S", n_units)
    found, random_median = compare(problem, evaluate, range(20), population)
    hits = [n for n in found if n is not None]
    assert len(hits) >= 19
    assert np.median(hits) < random_median
