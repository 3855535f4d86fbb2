"""The search itself: generation after generation, resumable after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from pymatgen.core import Structure

from lps_flows.chemistry import bare_structure, closest_contact
from lps_flows.evolution.duplicates import Fingerprint, chebyshev_fingerprint, survivors
from lps_flows.evolution.errors import NothingSurvivedError
from lps_flows.evolution.generator import freeze_generator, thaw_generator
from lps_flows.evolution.individual import Child, Generation, Individual
from lps_flows.evolution.operators import (
    OPERATORS,
    Nursery,
    adapted_weights,
    draw_operator,
    joined,
    random_removal,
)
from lps_flows.evolution.problem import RemovalProblem, Removed
from lps_flows.evolution.settings import EvolutionSettings
from lps_flows.potential.relaxation import RelaxationResult

Relax = Callable[[Sequence[Structure]], Sequence[RelaxationResult]]

# Proposals per wanted child before a space counts as exhausted.
_TRIALS = 40
# Odds that a child off the line has its formers that lack a ligand joined.
_JOINED = 0.5


def evolve(
    problem: RemovalProblem,
    relax: Relax,
    settings: EvolutionSettings | None = None,
    start: Generation | None = None,
    fingerprint: Fingerprint | None = None,
) -> Iterator[Generation]:
    """Search the removals and rearrangements of lowest energy.

    Parameters
    ----------
    relax
        Relaxes a whole list of structures at once; atoms keep their order.
    start
        Generation to go on from; a new search when None. The same settings and any
        generation of a run give the rest of that run exactly.
    fingerprint
        From a structure to a vector of unit length; Chebyshev features when None.

    Yields
    ------
    Generation
        Complete state; the last one says in `stopped` why it is the last.

    Raises
    ------
    NothingSurvivedError
        When the first generation stays empty, with the counts by reason.

    Examples
    --------
    A search that relaxes nothing, for the Li far from each other; a real one hands in
    ``lambda structures: relax_batch(structures, potential)``.

    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
    >>> from lps_flows.potential import RelaxationResult
    >>> def relax(structures):
    ...     return [RelaxationResult(s, -s.distance_matrix.sum()) for s in structures]
    >>> problem = RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)
    >>> settings = EvolutionSettings(population=6, generations=3, seed=1)
    >>> for generation in evolve(problem, relax, settings):
    ...     print(generation.index, generation.n_evaluations, generation.stopped)
    0 6 None
    1 12 None
    2 18 None
    3 24 generations
    """
    settings = settings or EvolutionSettings()
    search = _Search(problem, relax, settings, fingerprint)
    state = start
    while state is None or state.stopped is None:
        state = search.next_generation(state)
        yield state


class _Search:
    """One step of the search; holds what does not change between steps."""

    def __init__(
        self,
        problem: RemovalProblem,
        relax: Relax,
        settings: EvolutionSettings,
        fingerprint: Fingerprint | None,
    ) -> None:
        self.problem, self.relax, self.settings = problem, relax, settings
        self.fingerprint = fingerprint or chebyshev_fingerprint(
            sorted(set(problem.symbols.tolist()))
        )

    def next_generation(self, last: Generation | None) -> Generation:
        settings = self.settings
        rng = (
            np.random.default_rng(settings.seed)
            if last is None
            else thaw_generator(last.generator_state)
        )
        base = last or Generation(
            index=-1,
            newborn=(),
            population=(),
            rejections={},
            weights=settings.weights.model_dump(),
            tried={},
            entered={},
            generator_state={},
            n_evaluations=0,
            next_identifier=0,
            stale=0,
            seen=frozenset(),
        )
        state = self._breed(base, rng, redrawn=False)
        rejections = Counter(state.rejections)
        while self._nothing_survived(state) and state.restarts < settings.max_restarts:
            again = replace(
                base,
                n_evaluations=state.n_evaluations,
                next_identifier=state.next_identifier,
                seen=state.seen,
            )
            retry = self._breed(again, rng, redrawn=True)
            rejections.update(retry.rejections)
            state = replace(
                retry,
                newborn=state.newborn + retry.newborn,
                restarts=state.restarts + 1,
            )
        state = replace(state, rejections=dict(sorted(rejections.items())))
        if not state.population:
            raise NothingSurvivedError(
                "no structure survived the first generation, "
                f"redrawn {state.restarts} times; rejections: {state.rejections}",
                field="evolution",
                value=self.problem.formula,
                remedy="Train the potential on structures with removed units, or "
                "loosen min_distance and max_energy_std",
            )
        return replace(
            state, stopped=self._stop(state), generator_state=freeze_generator(rng)
        )

    def _nothing_survived(self, state: Generation) -> bool:
        """Whether there was something to judge and none of it was valid."""
        return bool(state.newborn) and all(
            individual.rejection not in (None, "duplicate")
            for individual in state.newborn
        )

    def _breed(
        self, base: Generation, rng: np.random.Generator, redrawn: bool
    ) -> Generation:
        settings = self.settings
        wanted = settings.children or settings.population
        if base.index < 0:
            wanted = max(wanted, settings.population)
        if settings.evaluations is not None:
            wanted = min(wanted, settings.evaluations - base.n_evaluations)
        nursery = Nursery(self.problem, settings, base.population, rng)
        first = redrawn or not base.population
        children, seen, rejections = self._propose(
            nursery, wanted, base.seen, None if first else base.weights
        )
        newborn = self._judge(children, base, rejections)
        valid = [individual for individual in newborn if individual.rejection is None]
        population, duplicates = survivors(base.population, valid, settings)
        for position, individual in enumerate(newborn):
            if individual.identifier in duplicates:
                newborn[position] = replace(individual, rejection="duplicate")
        rejections["duplicate"] += len(duplicates)
        alive = {member.identifier for member in population}
        tried = Counter(individual.operator for individual in newborn)
        entered = Counter(i.operator for i in newborn if i.identifier in alive)
        weights = base.weights
        if settings.adaptive and not first:
            weights = adapted_weights(weights, tried, entered)
        return Generation(
            index=base.index + 1,
            newborn=tuple(newborn),
            population=tuple(population),
            rejections={reason: n for reason, n in rejections.items() if n},
            weights=weights,
            tried=dict(sorted(tried.items())),
            entered=dict(sorted(entered.items())),
            generator_state={},
            n_evaluations=base.n_evaluations + len(newborn),
            next_identifier=base.next_identifier + len(newborn),
            stale=self._stale(base, population),
            seen=seen,
        )

    def _stale(self, base: Generation, population: Sequence[Individual]) -> int:
        if not base.population or not population:
            return 0
        fall = base.best.energy_per_atom - population[0].energy_per_atom
        return 0 if fall > self.settings.improvement else base.stale + 1

    def _propose(
        self,
        nursery: Nursery,
        wanted: int,
        seen: frozenset[Removed],
        weights: dict[str, float] | None,
    ) -> tuple[list[Child], frozenset[Removed], Counter[str]]:
        children: list[Child] = []
        known = set(seen)
        rejections: Counter[str] = Counter()
        for _ in range(_TRIALS * max(wanted, 0)):
            if len(children) == wanted:
                break
            operator = (
                random_removal
                if weights is None
                else OPERATORS[draw_operator(weights, nursery.rng)]
            )
            child = operator(nursery)
            if child is None:
                continue
            if self.problem.leaves_line and nursery.rng.random() < _JOINED:
                child = joined(nursery, child)
            if child.by_genome:
                genome = self.problem.canonical(child.removed)
                if genome in known:
                    rejections["seen before"] += 1
                    continue
                known.add(genome)
            elif closest_contact(child.structure) < self.settings.min_distance:
                rejections["minimum distance before relaxation"] += 1
                continue
            children.append(child)
        return children, frozenset(known), rejections

    def _judge(
        self, children: Sequence[Child], base: Generation, rejections: Counter[str]
    ) -> list[Individual]:
        if not children:
            return []
        results = self.relax([child.structure for child in children])
        newborn = []
        for offset, (child, result) in enumerate(zip(children, results, strict=True)):
            rejection = self._rejection(result)
            if rejection is not None:
                rejections[rejection] += 1
            # bare, as a document gives it back: a resumed run repeats this one exactly
            structure = bare_structure(result.structure)
            newborn.append(
                Individual(
                    **(vars(child) | {"structure": structure}),
                    identifier=base.next_identifier + offset,
                    generation=base.index + 1,
                    energy=float(result.energy),
                    energy_std=result.energy_std,
                    converged=result.converged,
                    rejection=rejection,
                    fingerprint=None
                    if rejection is not None
                    else self.fingerprint(structure),
                    atomic_energies=result.atomic_energies,
                )
            )
        return newborn

    def _rejection(self, result: RelaxationResult) -> str | None:
        if result.failure is not None:
            return str(result.failure)
        if not np.isfinite(result.energy):
            return "not finite"
        limit, std = self.settings.max_energy_std, result.energy_std
        # A standard deviation that is not a number tells nothing either.
        if limit is not None and std is not None and not std <= limit:
            return "uncertain"
        return None

    def _stop(self, state: Generation) -> str | None:
        settings = self.settings
        if settings.evaluations is not None and (
            state.n_evaluations >= settings.evaluations
        ):
            return "evaluations"
        if not state.newborn:
            return "exhausted"
        if state.index >= settings.generations:
            return "generations"
        if settings.patience is not None and state.stale >= settings.patience:
            return "no improvement"
        return None
