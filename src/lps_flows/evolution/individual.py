"""Members of a population, and a generation as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymatgen.core import Lattice, Structure

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


@dataclass(frozen=True)
class Individual:
    """A child after relaxation.

    Parameters
    ----------
    identifier
        Unique within a run, in order of birth.
    generation
        Generation it was born in.
    operator, parents, removed, by_genome
        See `Child`.
    structure
        Relaxed structure.
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
    """

    identifier: int
    generation: int
    operator: str
    parents: tuple[int, ...]
    removed: Removed
    structure: Structure
    energy: float
    energy_std: float | None
    converged: bool
    by_genome: bool = False
    rejection: str | None = None
    fingerprint: np.ndarray | None = field(default=None, repr=False, compare=False)
    atomic_energies: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def energy_per_atom(self) -> float:
        """Energy per atom (eV)."""
        return self.energy / len(self.structure)


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


def plain(structure: Structure) -> Structure:
    """Return lattice, species and fractional coordinates alone.

    A structure that went through a document comes back bit by bit the same, so that
    a resumed run repeats an undisturbed one exactly.
    """
    return Structure(
        Lattice(structure.lattice.matrix),
        structure.species_and_occu,
        structure.frac_coords,
    )
