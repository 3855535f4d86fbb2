"""Between a search in memory and its document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.evolution import (
    Generation,
    Individual,
    RemovalProblem,
    chebyshev_fingerprint,
    lowest_distinct,
)
from lps_flows.evolution.settings import EvolutionSettings
from lps_flows.potential import RelaxationSettings
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.evolution import (
    EvolutionDocument,
    GenerationDocument,
    IndividualDocument,
)

_OF_GENERATIONS = GenerationDocument.model_fields.keys() & {
    field.name for field in fields(Generation)
} - {"newborn", "population"}
_OF_INDIVIDUALS = IndividualDocument.model_fields.keys() & {
    field.name for field in fields(Individual)
} - {"energy", "atomic_energies", "parents", "removed"}
"""What memory and document have in common, under one name and in one form."""


def record_generation(generation: Generation) -> GenerationDocument:
    """Write a generation down."""
    return GenerationDocument(
        **{name: getattr(generation, name) for name in _OF_GENERATIONS},
        newborn=[_record_individual(individual) for individual in generation.newborn],
        population=[member.identifier for member in generation.population],
        best_energy_per_atom=generation.best.energy_per_atom,
    )


def _record_individual(individual: Individual) -> IndividualDocument:
    finite = bool(np.isfinite(individual.energy))
    shares = individual.atomic_energies
    return IndividualDocument(
        **{name: getattr(individual, name) for name in _OF_INDIVIDUALS},
        parents=list(individual.parents),
        removed=list(individual.removed),
        energy_per_atom=individual.energy_per_atom if finite else None,
        energy=individual.energy if finite else None,
        lattice=individual.structure.lattice.matrix.tolist(),
        coordinates=individual.structure.frac_coords.tolist(),
        atomic_energies=None if shares is None else shares.tolist(),
    )


def restore_individuals(
    generations: Sequence[GenerationDocument], problem: RemovalProblem
) -> list[Individual]:
    """Read every individual of these generations back, fingerprints included."""
    fingerprint = chebyshev_fingerprint(sorted(set(problem.symbols.tolist())))
    individuals = []
    for generation in generations:
        for document in generation.newborn:
            structure = Structure(
                Lattice(document.lattice),
                problem.symbols[problem.kept(tuple(document.removed))].tolist(),
                document.coordinates,
            )
            shares = document.atomic_energies
            fit_to_join = document.rejection in (None, "duplicate")
            individuals.append(
                Individual(
                    **{name: getattr(document, name) for name in _OF_INDIVIDUALS},
                    parents=tuple(document.parents),
                    removed=tuple(document.removed),
                    structure=structure,
                    energy=float("nan") if document.energy is None else document.energy,
                    fingerprint=fingerprint(structure) if fit_to_join else None,
                    atomic_energies=None if shares is None else np.array(shares),
                )
            )
    return individuals


def restore_generation(
    generations: Sequence[GenerationDocument], problem: RemovalProblem
) -> Generation:
    """Rebuild the state after the last of these generations.

    Returns
    -------
    Generation
        `evolve` goes on from it exactly as an undisturbed run.
    """
    individuals = restore_individuals(generations, problem)
    by_identifier = {individual.identifier: individual for individual in individuals}
    last = generations[-1]
    born = {document.identifier for document in last.newborn}
    return Generation(
        **{name: getattr(last, name) for name in _OF_GENERATIONS},
        newborn=tuple(i for i in individuals if i.identifier in born),
        population=tuple(by_identifier[identifier] for identifier in last.population),
        seen=frozenset(
            problem.canonical(i.removed) for i in individuals if i.by_genome
        ),
    )


def record_run(
    generations: Sequence[GenerationDocument],
    problem: RemovalProblem,
    *,
    method: str,
    device: str,
    parent_key: str,
    settings: EvolutionSettings,
    relaxation: RelaxationSettings,
) -> EvolutionDocument:
    """Write a run down: its history, its lowest and its uncertain structures."""
    individuals = restore_individuals(generations, problem)
    total: Counter[str] = Counter()
    for generation in generations:
        total.update(generation.rejections)
    composition = individuals[0].structure.composition
    line: CompositionLine = problem.line
    uncertain = sorted(
        (i for i in individuals if i.rejection == "uncertain"),
        key=lambda i: (-(i.energy_std or 0.0), i.identifier),
    )

    def document(individual: Individual) -> StructureDocument:
        written = {"method": method, "device": device}
        return _structure_document(individual, problem, parent_key, **written)

    return EvolutionDocument(
        method=method,
        device=device,
        parent=parent_key,
        removed=problem.end_member,
        n_removed=problem.n_units,
        formula=full_formula(composition),
        x=line.position(composition),
        nsites=len(individuals[0].structure),
        settings=settings.model_dump(mode="json"),
        relaxation=relaxation.model_dump(mode="json"),
        end_members=line.end_members,
        parent_structure=problem.parent,
        n_generations=generations[-1].index,
        n_evaluations=generations[-1].n_evaluations,
        best_energy_per_atom=generations[-1].best_energy_per_atom,
        rejections=dict(sorted(total.items())),
        stopped=generations[-1].stopped,
        generations=list(generations),
        lowest=[document(i) for i in lowest_distinct(individuals, settings)],
        uncertain=[document(i) for i in uncertain[: settings.n_lowest]],
    )


def _structure_document(
    individual: Individual, problem: RemovalProblem, parent_key: str, **written: Any
) -> StructureDocument:
    return StructureDocument.of(
        individual.structure,
        individual.energy,
        Provenance(
            source="ga",
            parent=parent_key,
            removed=problem.end_member,
            n_removed=problem.n_units,
            group=f"{parent_key}-{full_formula(individual.structure)}-ga",
            details={
                "individual": individual.identifier,
                "generation": individual.generation,
                "operator": individual.operator,
                "parents": list(individual.parents),
                "removed_sites": list(individual.removed),
            },
        ),
        **written,
        line=problem.line,
        relaxed=True,
        converged=individual.converged,
        energy_std=individual.energy_std,
    )
