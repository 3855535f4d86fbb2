"""Every distinct removal of a small cell: the truth a search is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from math import comb, prod

from lps_flows.evolution.errors import EvolutionError
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
