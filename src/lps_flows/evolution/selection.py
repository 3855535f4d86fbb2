"""Choosing parents and survivors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lps_flows.evolution.individual import Individual
from lps_flows.evolution.settings import EvolutionSettings


def select(
    population: Sequence[Individual],
    count: int,
    settings: EvolutionSettings,
    rng: np.random.Generator,
) -> list[Individual]:
    """Draw up to `count` different parents, better ones more often.

    The population stands lowest energy first. ``tournament`` takes the best of a few
    drawn at random; for ``roulette`` the odds fall linearly with the rank, to zero
    beyond the worst.
    """
    remaining = list(population)
    chosen: list[Individual] = []
    while remaining and len(chosen) < count:
        n = len(remaining)
        if settings.selection == "tournament":
            position = int(rng.integers(n, size=settings.tournament_size).min())
        else:
            odds = np.arange(n, 0, -1, dtype=float)
            position = int(rng.choice(n, p=odds / odds.sum()))
        chosen.append(remaining.pop(position))
    return chosen
