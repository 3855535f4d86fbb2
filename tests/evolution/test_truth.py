"""The search against complete enumeration of cells small enough for it."""

import numpy as np
import pytest

from lps_flows.chemistry import crystal
from lps_flows.evolution import (
    EvolutionSettings,
    OperatorWeights,
    RemovalProblem,
    distinct_removals,
    evaluations_to_reach,
    evolve,
    random_evaluations,
)
from lps_flows.potential import RelaxationSettings, relax_batch
from tests.evolution.conftest import UNRELAXED
from tests.toy_potential import ToyPotential


def truth(problem, relax):
    """Multiplicities, lowest energy (eV/atom) and the removals that give it."""
    multiplicities = distinct_removals(problem)
    results = relax([problem.build(removed) for removed in multiplicities])
    energies = np.array([r.energy / len(r.structure) for r in results])
    lowest = np.nanmin(energies)
    targets = {
        removed
        for removed, energy in zip(multiplicities, energies, strict=True)
        if energy < lowest + 1e-4
    }
    return multiplicities, lowest, targets


def check_twenty_seeds(problem, relax, population, weights):
    """At least 19 hits within what random sampling needs for 19 in 20."""
    multiplicities, lowest, targets = truth(problem, relax)
    drawn = [
        random_evaluations(multiplicities, targets, np.random.default_rng(seed))
        for seed in range(500)
    ]
    found = [
        evaluations_to_reach(
            evolve(
                problem,
                relax,
                EvolutionSettings(
                    population=population,
                    generations=10_000,
                    patience=None,
                    evaluations=int(np.percentile(drawn, 95)),
                    seed=seed,
                    weights=weights,
                    max_energy_std=None,
                ),
            ),
            lowest,
        )
        for seed in range(20)
    ]
    hits = [n for n in found if n is not None]
    assert len(hits) >= 19
    assert np.median(hits) < np.median(drawn)


def test_one_li2s_unrelaxed(beta_problem, evaluate):
    check_twenty_seeds(beta_problem, evaluate, 8, UNRELAXED)


def test_one_li2s_relaxed(beta_problem):
    settings = RelaxationSettings(
        relax_cell=False, max_steps=8, max_force=0.2, min_distance=0.4
    )
    check_twenty_seeds(
        beta_problem,
        lambda structures: relax_batch(structures, ToyPotential(), settings),
        8,
        OperatorWeights(),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end_member", "n_units", "population"),
    [("Li2S", 2, 16), ("P2S5", 1, 16)],
    ids=["two Li2S", "one P2S5"],
)
def test_larger_spaces_unrelaxed(evaluate, end_member, n_units, population):
    problem = RemovalProblem(crystal("beta-Li3PS4"), end_member, n_units)
    check_twenty_seeds(problem, evaluate, population, UNRELAXED)
