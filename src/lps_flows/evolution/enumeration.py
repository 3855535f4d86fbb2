"""Every distinct removal of a small cell: the truth a search is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, product
from math import comb, prod

import numpy as np

from lps_flows.evolution.errors import EvolutionError
from lps_flows.evolution.individual import Generation
from lps_flows.evolution.problem import RemovalProblem, Removed


def count_removals(problem: RemovalProblem) -> int:
    """Return the number of removals, symmetric copies counted."""
    return prod(comb(len(problem.sites[e]), n) for e, n in problem.counts.items())


def distinct_removals(
    problem: RemovalProblem, limit: int = 1_000_000
) -> dict[Removed, int]:
    """Enumerate the removals that symmetry does not relate.

    Parameters
    ----------
    problem
        The search space.
    limit
        Largest number of removals looked through.

    Returns
    -------
    dict
        Multiplicity of each distinct removal; they sum to `count_removals`.

    Raises
    ------
    EvolutionError
        When there are more removals than `limit`.
    """
    total = count_removals(problem)
    if total > limit:
        raise EvolutionError(
            f"there are {total} removals to enumerate",
            field="limit",
            value=limit,
            remedy="Use a smaller cell, fewer units or a larger limit",
        )
    found: dict[Removed, int] = {}
    for removed in _all_removals(problem):
        representative = problem.canonical(removed)
        found[representative] = found.get(representative, 0) + 1
    return found


def _all_removals(problem: RemovalProblem) -> Iterator[Removed]:
    choices = [
        combinations(problem.sites[element].tolist(), count)
        for element, count in problem.counts.items()
    ]
    for parts in product(*choices):
        yield tuple(sorted(site for part in parts for site in part))


def evaluations_to_reach(
    generations: Iterable[Generation], energy: float, tolerance: float = 1e-4
) -> int | None:
    """Return how many relaxations a run took to reach an energy.

    Parameters
    ----------
    generations
        A run from its start; it is consumed only as far as needed.
    energy
        Energy to reach (eV/atom).
    tolerance
        How close is reached (eV/atom).

    Returns
    -------
    int or None
        Relaxations up to and including the one that reached it; None when none did.
    """
    for generation in generations:
        for individual in generation.newborn:
            if (
                individual.rejection in (None, "duplicate")
                and individual.energy_per_atom <= energy + tolerance
            ):
                return individual.identifier + 1
    return None


def random_evaluations(
    multiplicities: Mapping[Removed, int],
    targets: set[Removed],
    rng: np.random.Generator,
) -> int:
    """Return how many distinct removals random sampling evaluates to hit a target.

    Removals are drawn at random; a symmetric copy of one seen before costs nothing.

    Parameters
    ----------
    multiplicities
        Of each distinct removal, from `distinct_removals`.
    targets
        Distinct removals that count as a hit.
    rng
        Generator.
    """
    # Weighted sampling without replacement: order by exponential waiting times.
    names = list(multiplicities)
    waits = rng.exponential(size=len(names)) / np.array(
        [multiplicities[name] for name in names], dtype=float
    )
    first = min(waits[i] for i, name in enumerate(names) if name in targets)
    return int((waits <= first).sum())
