"""Every distinct removal of a small cell: the truth a search is measured against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations, product
from math import comb, prod

import numpy as np

from lps_flows.evolution.errors import EvolutionError
from lps_flows.evolution.individual import Generation
from lps_flows.evolution.problem import RemovalProblem, Removed


def count_removals(problem: RemovalProblem) -> int:
    """Return the number of removals, symmetric copies counted.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import (
    ...     RemovalProblem, count_removals, distinct_removals)
    >>> problem = RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)
    >>> count_removals(problem), len(distinct_removals(problem))
    (120, 33)
    """
    return prod(comb(len(problem.sites[e]), n) for e, n in problem.counts.items())


def distinct_removals(
    problem: RemovalProblem, limit: int = 1_000_000
) -> dict[Removed, int]:
    """Enumerate the removals that symmetry does not relate.

    Returns
    -------
    dict
        Multiplicity of each distinct removal; they sum to `count_removals`.

    Raises
    ------
    EvolutionError
        When there are more removals than `limit`.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import RemovalProblem, distinct_removals
    >>> distinct_removals(RemovalProblem(crystal("Li2S"), "Li2S", 1))
    {(0, 1, 8): 16, (0, 2, 8): 48, (0, 3, 8): 48}
    """
    total = count_removals(problem)
    if total > limit:
        raise EvolutionError(
            f"there are {total} removals to enumerate",
            field="limit",
            value=limit,
            remedy="Use a smaller cell, fewer units or a larger limit",
        )
    choices = [
        combinations(problem.sites[element].tolist(), count)
        for element, count in problem.counts.items()
    ]
    multiplicities: Counter[Removed] = Counter()
    for parts in product(*choices):
        removed = tuple(sorted(site for part in parts for site in part))
        multiplicities[problem.canonical(removed)] += 1
    return dict(multiplicities)


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

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import RemovalProblem, evaluations_to_reach, evolve
    >>> from lps_flows.potential import RelaxationResult
    >>> problem = RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)
    >>> def relax(structures):
    ...     return [RelaxationResult(s, -k) for k, s in enumerate(structures)]
    >>> evaluations_to_reach(evolve(problem, relax), -10 / 13)
    11
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

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.evolution import random_evaluations
    >>> multiplicities = {(0,): 4, (1,): 2, (2,): 1}
    >>> random_evaluations(multiplicities, {(2,)}, np.random.default_rng(1))
    3
    """
    # Weighted sampling without replacement: order by exponential waiting times.
    names = list(multiplicities)
    waits = rng.exponential(size=len(names)) / np.array(
        [multiplicities[name] for name in names], dtype=float
    )
    first = min(waits[i] for i, name in enumerate(names) if name in targets)
    return int((waits <= first).sum())
