"""Fingerprints of structures, and telling equal ones apart from different ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pymatgen.core import Structure

from lps_flows.chemistry import element_symbols
from lps_flows.evolution.individual import Individual
from lps_flows.evolution.settings import EvolutionSettings
from lps_flows.potential import ChebyshevDescriptor

Fingerprint = Callable[[Structure], np.ndarray]


def chebyshev_fingerprint(species: Sequence[str]) -> Fingerprint:
    """Make a function from a structure to its fingerprint.

    The fingerprint is, for each element, the mean and the standard deviation of the
    Chebyshev features of its atoms, scaled to unit length: the same for any order of
    the atoms and any choice of the cell.

    Parameters
    ----------
    species
        Elements the structures may hold.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, supercell_near
    >>> from lps_flows.evolution import chebyshev_fingerprint
    >>> fingerprint = chebyshev_fingerprint(["Li", "S"])
    >>> small, large = crystal("Li2S"), supercell_near(crystal("Li2S"), 96)
    >>> bool(abs(fingerprint(small) - fingerprint(large)).max() < 1e-12)
    True
    """
    descriptor = ChebyshevDescriptor(species=tuple(sorted(species)))

    def fingerprint(structure: Structure) -> np.ndarray:
        features = descriptor.features(structure)
        symbols = element_symbols(structure)
        parts = []
        for element in descriptor.species:
            own = features[symbols == element]
            if len(own):
                parts.append(np.concatenate([own.mean(axis=0), own.std(axis=0)]))
        vector = np.concatenate(parts)
        return vector / np.linalg.norm(vector)

    return fingerprint


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two fingerprints (0 equal, 2 opposite)."""
    return float(np.linalg.norm(first - second))


def is_duplicate(
    candidate: Individual, member: Individual, settings: EvolutionSettings
) -> bool:
    """Whether two individuals are the same structure.

    Energies and fingerprints are compared first; only what is close in both is
    compared atom by atom by pymatgen's StructureMatcher.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher

    if candidate.fingerprint is None or member.fingerprint is None:
        return False
    gap = abs(candidate.energy_per_atom - member.energy_per_atom)
    if gap > settings.duplicate_energy:
        return False
    if (
        distance(candidate.fingerprint, member.fingerprint)
        > settings.duplicate_distance
    ):
        return False
    matcher = StructureMatcher(
        ltol=0.1, stol=0.15, angle_tol=3, primitive_cell=False, scale=False
    )
    return bool(
        matcher.fit(candidate.reduced, member.reduced, skip_structure_reduction=True)
    )


def _by_energy(individual: Individual) -> tuple[float, int]:
    return individual.energy_per_atom, individual.identifier


def survivors(
    members: Sequence[Individual],
    newborn: Sequence[Individual],
    settings: EvolutionSettings,
) -> tuple[list[Individual], set[int]]:
    """Keep the lowest distinct individuals: elitist selection.

    `members`, the population so far, are distinct, and all `newborn` valid. Returns the
    new population, lowest energy first, and the identifiers of newborn that are
    duplicates of a lower one.
    """
    old = {member.identifier for member in members}
    kept: list[Individual] = []
    duplicates: set[int] = set()
    for individual in sorted([*members, *newborn], key=_by_energy):
        if len(kept) == settings.population:
            break
        is_old = individual.identifier in old
        # Members are known to be distinct from one another.
        others = [k for k in kept if not (is_old and k.identifier in old)]
        if not any(is_duplicate(individual, other, settings) for other in others):
            kept.append(individual)
        elif not is_old:
            duplicates.add(individual.identifier)
    return kept, duplicates


def lowest_distinct(
    individuals: Sequence[Individual], settings: EvolutionSettings
) -> list[Individual]:
    """Choose the lowest structures that also differ from one another.

    Parameters
    ----------
    individuals
        Any individuals; rejected ones are passed over.
    settings
        Number wanted, wanted fingerprint distance, duplicate thresholds.

    Returns
    -------
    list of Individual
        Lowest first: those at least `diversity` apart, then, when there are too few,
        the lowest of the others that are no duplicates.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import (
    ...     EvolutionSettings, Individual, chebyshev_fingerprint, lowest_distinct)
    >>> structure = crystal("gamma-Li3PS4")
    >>> one = Individual(
    ...     structure=structure, removed=(), operator="rattle", identifier=0,
    ...     generation=0, energy=-64.0, energy_std=None, converged=True,
    ...     fingerprint=chebyshev_fingerprint(["Li", "P", "S"])(structure))
    >>> same = replace(one, identifier=1, energy=-64.001)
    >>> [i.identifier for i in lowest_distinct([one, same], EvolutionSettings())]
    [1]
    """
    valid = sorted(
        (i for i in individuals if i.rejection is None and i.fingerprint is not None),
        key=_by_energy,
    )
    chosen: list[Individual] = []
    for needed in (settings.diversity, 0.0):
        for individual in valid:
            if len(chosen) == settings.n_lowest:
                break
            if all(
                other.identifier != individual.identifier
                and distance(individual.fingerprint, other.fingerprint) >= needed  # type: ignore[arg-type]
                and not is_duplicate(individual, other, settings)
                for other in chosen
            ):
                chosen.append(individual)
    return sorted(chosen, key=_by_energy)
