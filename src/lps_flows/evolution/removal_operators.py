"""Operators on genomes: draw, mutate and cross sets of removed sites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lps_flows.evolution.problem import RemovalProblem, Removed

# Decay length of the odds with distance: about one bond, and one coordination shell.
_CLUSTER_LENGTH = 1.5
_HOP_LENGTH = 4.0


def draw_uniform(problem: RemovalProblem, rng: np.random.Generator) -> Removed:
    """Draw every removed site at random."""
    drawn = [
        rng.choice(problem.sites[element], count, replace=False)
        for element, count in problem.counts.items()
    ]
    return _genome(np.concatenate(drawn))


def draw_clustered(problem: RemovalProblem, rng: np.random.Generator) -> Removed:
    """Draw units so that the atoms of each come from one neighbourhood.

    The rarest element of the unit gives the centres; the other atoms are drawn with
    odds that decay with the distance to the nearest centre. Neutral groups of
    vacancies cost less than vacancies spread over the cell, but nothing is excluded.
    """
    elements = sorted(problem.counts, key=lambda e: (problem.counts[e], e))
    centre = elements[0]
    centres = rng.choice(problem.sites[centre], problem.counts[centre], replace=False)
    drawn = [centres]
    for element in elements[1:]:
        sites = problem.sites[element]
        nearest = problem.distances[np.ix_(sites, centres)].min(axis=1)
        drawn.append(
            _weighted(rng, sites, np.exp(-nearest / _CLUSTER_LENGTH), problem, element)
        )
    return _genome(np.concatenate(drawn))


def _weighted(
    rng: np.random.Generator,
    sites: np.ndarray,
    odds: np.ndarray,
    problem: RemovalProblem,
    element: str,
) -> np.ndarray:
    odds = np.maximum(odds, 1e-12)
    return rng.choice(
        sites, problem.counts[element], replace=False, p=odds / odds.sum()
    )


def mutate(
    problem: RemovalProblem,
    removed: Removed,
    rate: float,
    rng: np.random.Generator,
    at_least: int = 0,
) -> Removed:
    """Exchange removed sites for kept ones of the same element, each with odds `rate`.

    Half of the new sites are drawn from anywhere, half near the old one; `at_least` so
    many are exchanged in any case.
    """
    sites = list(removed)
    chosen = np.flatnonzero(rng.random(len(sites)) < rate)
    if len(chosen) < at_least:
        chosen = rng.choice(len(sites), min(at_least, len(sites)), replace=False)
    for position in chosen:
        old = sites[position]
        same = problem.sites[str(problem.symbols[old])]
        free = same[~np.isin(same, sites)]
        if not len(free):
            continue
        odds = np.ones(len(free))
        if rng.random() < 0.5:
            odds = np.exp(-problem.distances[old, free] / _HOP_LENGTH)
        sites[position] = int(rng.choice(free, p=odds / odds.sum()))
    return _genome(np.array(sites))


def cross(
    problem: RemovalProblem,
    first: Removed,
    second: Removed,
    inside: np.ndarray,
    rng: np.random.Generator,
) -> Removed:
    """Inherit removed sites of the first parent inside a region, else of the second.

    `inside` (n_sites) is True where the first genome rules. Where the two halves give
    too many or too few sites of an element they are dropped at random, or filled up
    from the parents' other sites.
    """
    child: list[int] = []
    for element, count in problem.counts.items():
        a = [i for i in first if problem.symbols[i] == element]
        b = [i for i in second if problem.symbols[i] == element]
        taken = sorted({i for i in a if inside[i]} | {i for i in b if not inside[i]})
        spare = sorted(({*a, *b}) - set(taken))
        child.extend(_repaired(taken, spare, count, rng))
    return _genome(np.array(child))


def _repaired(
    taken: Sequence[int], spare: Sequence[int], count: int, rng: np.random.Generator
) -> list[int]:
    if len(taken) > count:
        return [int(i) for i in rng.choice(taken, count, replace=False)]
    # The union of two genomes always holds enough sites to fill one.
    missing = rng.choice(np.array(spare, dtype=int), count - len(taken), replace=False)
    return [*taken, *(int(i) for i in missing)]


def overlay_distances(
    problem: RemovalProblem, first: Removed, second: Removed
) -> np.ndarray:
    """Measure how far two genomes lie apart under each symmetry of the parent.

    Returns (n_operations) mean distances (Å) from each removed site of the first to the
    nearest one of the same element of the moved second.
    """
    moved = problem.operations[0][:, list(second)]
    gaps = problem.distances[np.array(first)[None, :, None], moved[:, None, :]]
    same = (
        problem.symbols[list(first)][:, None] == problem.symbols[list(second)][None, :]
    )
    return np.where(same[None], gaps, np.inf).min(axis=2).mean(axis=1)


def uniform_region(problem: RemovalProblem, rng: np.random.Generator) -> np.ndarray:
    """Give every site to one parent or the other at random."""
    return rng.random(len(problem.symbols)) < rng.uniform(0.3, 0.7)


def _genome(sites: np.ndarray) -> Removed:
    return tuple(sorted(int(i) for i in sites))
