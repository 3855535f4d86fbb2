"""Ways to make a child from members of the population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pymatgen.core import Structure

from lps_flows.chemistry import closest_contact, element_symbols
from lps_flows.evolution.individual import Child, Individual
from lps_flows.evolution.problem import RemovalProblem, Removed
from lps_flows.evolution.regions import ParentAtoms, Slab, best_slab
from lps_flows.evolution.removal_operators import (
    cross,
    draw_clustered,
    draw_uniform,
    mutate,
    overlay_distances,
    uniform_region,
)
from lps_flows.evolution.selection import select
from lps_flows.evolution.settings import EvolutionSettings
from lps_flows.evolution.structure_operators import (
    condense,
    join_formers,
    permute,
    rattle,
    splice,
    strain,
)

# With a single operator the search degenerates; none falls below this share.
_SMALLEST_SHARE = 0.05
# Odds that a second parent is moved by any symmetry instead of the best-fitting one.
_RANDOM_OVERLAY = 0.4
# Odds that a removal crossover inherits by slab instead of site by site.
_SLAB_CROSSOVER = 0.7


@dataclass(frozen=True)
class Nursery:
    """Everything an operator may draw on; the population stands lowest energy first."""

    problem: RemovalProblem
    settings: EvolutionSettings
    population: Sequence[Individual]
    rng: np.random.Generator

    def parents(self, count: int) -> list[Individual]:
        """Draw different members as parents (fewer when there are fewer)."""
        return select(self.population, count, self.settings, self.rng)

    def draw_operation(self, first: Individual, second: Individual) -> int:
        """Draw a symmetry for the second parent: the best overlap, or any."""
        permutations = self.problem.operations[0]
        if self.rng.random() < _RANDOM_OVERLAY:
            return int(self.rng.integers(len(permutations)))
        gaps = overlay_distances(self.problem, first.removed, second.removed)
        return int(self.rng.choice(np.flatnonzero(gaps < gaps.min() + 1e-6)))

    def slab(
        self, parents: Sequence[Individual], first: Structure, second: Structure
    ) -> Slab:
        """Choose the slab that the first of two parents passes on."""
        atoms = [
            ParentAtoms(
                element_symbols(structure),
                structure.frac_coords,
                parent.atomic_energies,
            )
            for parent, structure in zip(parents, (first, second), strict=True)
        ]
        return best_slab(atoms[0], atoms[1], self.rng)

    def from_genome(
        self,
        removed: Removed,
        operator: str,
        parents: Sequence[Individual],
        bases: Sequence[Structure],
    ) -> Child:
        """Build the structure of a genome, on relaxed positions where possible.

        Each kept site takes its position from the first of `bases` (structures over
        the parent's sites, NaN where absent) that has it, else from the crystal.
        """
        ids = tuple(parent.identifier for parent in parents)
        pristine = self.problem.build(removed)
        if bases and self.rng.random() < self.settings.inherited_fraction:
            inherited = self._inherited(removed, bases, pristine)
            if closest_contact(inherited) >= self.settings.min_distance:
                return Child(inherited, removed, operator, ids, by_genome=True)
        return Child(pristine, removed, operator, ids, by_genome=True)

    def _inherited(
        self, removed: Removed, bases: Sequence[Structure], pristine: Structure
    ) -> Structure:
        kept = self.problem.kept(removed)
        coordinates = pristine.frac_coords.copy()
        for base in reversed(bases):
            # Site properties carry the parent site every atom stands for.
            sites = np.asarray(base.site_properties["site"])
            _, atoms, base_atoms = np.intersect1d(kept, sites, return_indices=True)
            coordinates[atoms] = base.frac_coords[base_atoms]
        return Structure(bases[0].lattice, pristine.species_and_occu, coordinates)

    def labelled(
        self, member: Individual, operation: int | None = None
    ) -> tuple[Structure, Removed]:
        """Structure of a member with its sites, moved by a symmetry of the parent."""
        kept, removed = self.problem.kept(member.removed), member.removed
        coordinates = member.structure.frac_coords
        if operation is not None:
            permutations, rotations, translations = self.problem.operations
            permutation = permutations[operation]
            kept = permutation[kept]
            removed = tuple(sorted(int(i) for i in permutation[list(removed)]))
            coordinates = coordinates @ rotations[operation].T + translations[operation]
        structure = Structure(
            member.structure.lattice,
            member.structure.species_and_occu,
            coordinates,
            site_properties={"site": kept.tolist()},
        )
        return structure, removed


def random_removal(nursery: Nursery) -> Child:
    """Remove new sites, from neighbourhoods or from anywhere."""
    clustered = nursery.rng.random() < nursery.settings.clustered_fraction
    draw = draw_clustered if clustered else draw_uniform
    removed = draw(nursery.problem, nursery.rng)
    return nursery.from_genome(removed, "random_removal", (), ())


def removal_mutation(nursery: Nursery) -> Child:
    """Exchange some removed sites of one parent."""
    (parent,) = nursery.parents(1)
    removed = mutate(
        nursery.problem,
        parent.removed,
        nursery.settings.mutation_rate,
        nursery.rng,
        at_least=1,
    )
    base, _ = nursery.labelled(parent)
    return nursery.from_genome(removed, "removal_mutation", (parent,), (base,))


def removal_crossover(nursery: Nursery) -> Child:
    """Inherit removed sites, by region or site by site, from two parents.

    The second parent is first moved by a symmetry of the crystal. Laid over the
    first one it passes on what both have in common; moved at random it brings good
    places found in different corners of the cell together.
    """
    rng, problem = nursery.rng, nursery.problem
    parents = nursery.parents(2)
    if len(parents) < 2:
        return removal_mutation(nursery)
    operation = nursery.draw_operation(parents[0], parents[1])
    first, removed_first = nursery.labelled(parents[0])
    second, removed_second = nursery.labelled(parents[1], operation)
    inside = (
        nursery.slab(parents, first, second).contains(problem.parent.frac_coords)
        if rng.random() < _SLAB_CROSSOVER
        else uniform_region(problem, rng)
    )
    removed = cross(problem, removed_first, removed_second, inside, rng)
    removed = mutate(problem, removed, nursery.settings.mutation_rate, rng)
    return nursery.from_genome(removed, "removal_crossover", parents, (first, second))


def cut_and_splice(nursery: Nursery) -> Child | None:
    """Join slabs of two relaxed parents."""
    parents = nursery.parents(2)
    if len(parents) < 2:
        return None
    operation = nursery.draw_operation(parents[0], parents[1])
    first, _ = nursery.labelled(parents[0])
    second, _ = nursery.labelled(parents[1], operation)
    composition = first.composition.get_el_amt_dict()
    counts = {element: round(amount) for element, amount in composition.items()}
    slab = nursery.slab(parents, first, second)
    joined = splice(
        first,
        second,
        counts,
        slab.contains(first.frac_coords),
        slab.contains(second.frac_coords),
    )
    return _reassigned(nursery, joined, "cut_and_splice", parents)


def permutation(nursery: Nursery) -> Child:
    """Move one to four mobile atoms to other places."""
    (parent,) = nursery.parents(1)
    problem = nursery.problem
    vacant = [i for i in parent.removed if problem.symbols[i] == problem.line.mobile]
    moved = permute(
        parent.structure,
        problem.line.mobile,
        problem.parent.frac_coords[vacant],
        int(nursery.rng.integers(1, 5)),
        nursery.rng,
    )
    return _reassigned(nursery, moved, "permutation", (parent,))


def condensed_child(nursery: Nursery) -> Child | None:
    """Close up an under-coordinated former of one parent with a neighbour's ligand."""
    (parent,) = nursery.parents(1)
    line = nursery.problem.line
    moved = condense(parent.structure, line.formers, line.anions, nursery.rng)
    if moved is None:
        return None
    return _reassigned(nursery, moved, "condense", (parent,))


def strained_child(nursery: Nursery) -> Child:
    """Strain and shake one parent."""
    (parent,) = nursery.parents(1)
    changed = strain(parent.structure, nursery.settings.strain, nursery.rng)
    return Child(changed, parent.removed, "strain", (parent.identifier,))


def rattled_child(nursery: Nursery) -> Child:
    """Displace the atoms of a region of one parent."""
    (parent,) = nursery.parents(1)
    changed = rattle(parent.structure, nursery.settings.rattle, nursery.rng)
    return Child(changed, parent.removed, "rattle", (parent.identifier,))


def joined(nursery: Nursery, child: Child) -> Child:
    """Return a child whose formers that lack a ligand are joined, where there are."""
    line = nursery.problem.line
    structure = join_formers(child.structure, line.formers, line.anions)
    if structure is None:
        return child
    return replace(child, structure=structure, by_genome=False)


def _reassigned(
    nursery: Nursery, structure: Structure, operator: str, parents: Sequence[Individual]
) -> Child:
    ordered, removed = nursery.problem.assign(structure)
    ids = tuple(parent.identifier for parent in parents)
    return Child(ordered, removed, operator, ids)


OPERATORS: dict[str, Callable[[Nursery], Child | None]] = {
    "removal_crossover": removal_crossover,
    "removal_mutation": removal_mutation,
    "cut_and_splice": cut_and_splice,
    "permutation": permutation,
    "condense": condensed_child,
    "strain": strained_child,
    "rattle": rattled_child,
    "random_removal": random_removal,
}
"""By name, as in `OperatorWeights`."""


def draw_operator(weights: dict[str, float], rng: np.random.Generator) -> str:
    """Draw the name of an operator by its weight."""
    names = sorted(name for name, weight in weights.items() if weight > 0)
    odds = np.array([weights[name] for name in names])
    return str(rng.choice(names, p=odds / odds.sum()))


def adapted_weights(
    weights: dict[str, float], tried: dict[str, int], entered: dict[str, int]
) -> dict[str, float]:
    """Move the weights a third of the way to the operators' success rates.

    Success is the share of an operator's children that joined the population, with
    one fictitious success in two trials so that few trials decide little. Operators
    that are off stay off.
    """
    active = {name: weight for name, weight in weights.items() if weight > 0}
    total = sum(active.values())
    share = {name: weight / total for name, weight in active.items()}
    rate = {
        name: (entered.get(name, 0) + 1) / (tried.get(name, 0) + 2) for name in active
    }
    credit = sum(rate.values())
    mixed = {
        name: max(_SMALLEST_SHARE, 2 / 3 * share[name] + rate[name] / credit / 3)
        for name in active
    }
    scale = sum(mixed.values())
    return {name: mixed.get(name, 0.0) / scale for name in weights}
