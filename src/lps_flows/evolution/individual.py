"""Members of a population, and a generation as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from pymatgen.core import Structure

from lps_flows.evolution.problem import Removed


@dataclass(frozen=True)
class Child:
    """A proposed structure, not yet relaxed.

    Parameters
    ----------
    structure
        Atoms in the order of the parent sites they stand for.
    removed
        Genome: removed sites of the parent.
    operator
        What made it.
    parents
        Ids of the members it descends from.
    by_genome
        True when its removed sites were chosen, on the crystal's or on inherited
        positions: no genome, nor a symmetric copy of it, is chosen twice in a run.
    """

    structure: Structure
    removed: Removed
    operator: str
    parents: tuple[int, ...] = ()
    by_genome: bool = False


@dataclass(frozen=True, kw_only=True)
class Individual(Child):
    """A child after relaxation.

    Parameters
    ----------
    structure
        Relaxed structure; the other fields of a `Child` besides.
    identifier
        Unique within a run, in order of birth.
    generation
        Generation it was born in.
    energy
        Total energy (eV), NaN when it could not be computed.
    energy_std
        Committee standard deviation (eV/atom) or None.
    converged
        Whether the relaxation converged.
    rejection
        Why it may not join the population, or None.
    fingerprint
        (n_features) None when rejected.
    atomic_energies
        (n_atoms) share of each atom in the energy (eV) or None; they tell a
        crossover which region of which parent is the better one.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import Individual
    >>> individual = Individual(
    ...     structure=crystal("Li2S"), removed=(), operator="random_removal",
    ...     identifier=0, generation=0, energy=-48.0, energy_std=None, converged=True)
    >>> individual.energy_per_atom
    -4.0
    """

    identifier: int
    generation: int
    energy: float
    energy_std: float | None
    converged: bool
    rejection: str | None = None
    fingerprint: np.ndarray | None = field(default=None, repr=False, compare=False)
    atomic_energies: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def energy_per_atom(self) -> float:
        """Energy per atom (eV)."""
        return self.energy / len(self.structure)

    @cached_property
    def reduced(self) -> Structure:
        """Structure in its Niggli-reduced cell (Å), found once for all comparisons."""
        return self.structure.get_reduced_structure("niggli")


@dataclass(frozen=True)
class Generation:
    """State of a search after a generation; a run goes on from any of them.

    Parameters
    ----------
    index
        0 for the first, random one.
    newborn
        Everything relaxed in this generation, rejected ones included.
    population
        Survivors, lowest energy first.
    rejections
        Counts of this generation by reason.
    weights
        Odds of the operators from here on.
    tried, entered
        Children relaxed and children that joined the population, by operator.
    generator_state
        State of the PCG64 generator after this generation.
    n_evaluations
        Relaxations since the start.
    next_identifier
        Identifier the next individual gets.
    stale
        Generations since the best energy last improved.
    seen
        Genomes chosen so far, canonical.
    restarts
        Times this generation was redrawn because nothing survived.
    stopped
        Why the run ends here, or None.

    Examples
    --------
    `evolve` yields them; its argument `start` takes any of them.

    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import RemovalProblem, evolve
    >>> from lps_flows.potential import RelaxationResult
    >>> problem = RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)
    >>> def unrelaxed(structures):
    ...     return [RelaxationResult(structure, -60.0) for structure in structures]
    >>> generation = next(evolve(problem, unrelaxed))
    >>> generation.index, generation.n_evaluations, generation.best.energy
    (0, 32, -60.0)
    """

    index: int
    newborn: tuple[Individual, ...]
    population: tuple[Individual, ...]
    rejections: dict[str, int]
    weights: dict[str, float]
    tried: dict[str, int]
    entered: dict[str, int]
    generator_state: dict[str, Any]
    n_evaluations: int
    next_identifier: int
    stale: int
    seen: frozenset[Removed]
    restarts: int = 0
    stopped: str | None = None

    @property
    def best(self) -> Individual:
        """The member of lowest energy."""
        return self.population[0]
