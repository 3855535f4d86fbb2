"""Settings of a search over removed units."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lps_flows.foundation import FrozenSettings


class OperatorWeights(FrozenSettings):
    """Relative odds of each way to make a child; an operator of weight 0 is off.

    Examples
    --------
    >>> from lps_flows.evolution import OperatorWeights
    >>> OperatorWeights(strain=0, rattle=0).removal_crossover
    4.0
    """

    removal_crossover: float = Field(
        4.0, ge=0, description="Removed sites inherited from two parents."
    )
    removal_mutation: float = Field(
        2.0, ge=0, description="Some removed sites exchanged for kept ones."
    )
    cut_and_splice: float = Field(
        1.0, ge=0, description="Slabs of two relaxed parents joined."
    )
    permutation: float = Field(
        2.0, ge=0, description="Mobile atoms moved to vacant sites or voids."
    )
    strain: float = Field(0.5, ge=0, description="Relaxed cell strained and shaken.")
    rattle: float = Field(0.5, ge=0, description="Atoms of a region displaced.")
    condense: float = Field(
        0.0,
        ge=0,
        description="An under-coordinated P moved to share an S of a neighbour, or a "
        "free S moved to it (off unless given a weight).",
    )
    random_removal: float = Field(
        0.5, ge=0, description="New removed sites, drawn as in the first generation."
    )


class EvolutionSettings(FrozenSettings):
    """How a search proceeds and when it stops.

    Examples
    --------
    >>> from lps_flows.evolution import EvolutionSettings, OperatorWeights
    >>> settings = EvolutionSettings(
    ...     generations=100, patience=20, weights=OperatorWeights(strain=0))
    >>> settings.population, settings.mutation_rate
    (32, 0.1)
    """

    population: int = Field(
        32, ge=2, description="Members that survive a generation (the paper: 32)."
    )
    children: int | None = Field(
        None, ge=1, description="Structures per generation; as the population if none."
    )
    mutation_rate: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Odds that each removed site is exchanged for another, after a "
        "crossover and in a removal mutation (the paper: 10 %).",
    )
    generations: int = Field(
        30, ge=0, description="Generations after the first, random one."
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after so many generations without improvement; null runs all "
        "generations.",
    )
    evaluations: int | None = Field(
        None, ge=1, description="Stop after so many relaxations."
    )
    improvement: float = Field(
        1e-4, ge=0, description="Smallest fall that counts as improvement (eV/atom)."
    )
    seed: int = Field(0, ge=0, description="Seed of every random draw.")
    weights: OperatorWeights = Field(
        default_factory=OperatorWeights, description="Odds of the operators."
    )
    adaptive: bool = Field(
        True, description="Whether the odds follow the operators' success."
    )
    clustered_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of random removals that take each unit from one "
        "neighbourhood instead of from anywhere.",
    )
    inherited_fraction: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Share of removal children that inherit relaxed positions; the "
        "others start from the crystal's.",
    )
    selection: Literal["tournament", "roulette"] = Field(
        "tournament", description="How parents are drawn."
    )
    tournament_size: int = Field(
        3, ge=1, description="Members compared for one parent; more is greedier."
    )
    strain: float = Field(
        0.04, gt=0, lt=0.5, description="Standard deviation of strain components."
    )
    rattle: float = Field(
        0.35, gt=0, description="Standard deviation of rattled coordinates (Å)."
    )
    min_distance: float = Field(
        0.65,
        ge=0,
        le=1,
        description="Children with two atoms closer than this fraction of the sum of "
        "their covalent radii are rejected before relaxation.",
    )
    max_energy_std: float | None = Field(
        0.05,
        gt=0,
        description="Relaxed structures with a committee standard deviation above "
        "this (eV/atom) are rejected as extrapolation.",
    )
    duplicate_distance: float = Field(
        0.02,
        ge=0,
        description="Fingerprint distance (relative) below which two structures of "
        "nearly equal energy are compared atom by atom.",
    )
    duplicate_energy: float = Field(
        0.002,
        ge=0,
        description="Energy difference (eV/atom) above which two structures are never "
        "duplicates.",
    )
    n_lowest: int = Field(10, ge=1, description="Lowest distinct structures handed on.")
    diversity: float = Field(
        0.02,
        ge=0,
        description="Fingerprint distance (relative) wanted between those handed on.",
    )
    max_restarts: int = Field(
        3, ge=0, description="Times a generation in which nothing survived is redrawn."
    )
