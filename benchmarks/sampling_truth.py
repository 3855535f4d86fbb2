"""Evidence for the search, first part: cells small enough to know the truth."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymatgen.io.ase import AseAtomsAdaptor
from sampling_model import FOLDER

from lps_flows.chemistry import crystal
from lps_flows.evolution import (
    EvolutionSettings,
    OperatorWeights,
    RemovalProblem,
    distinct_removals,
    evaluations_to_reach,
    evolve,
    random_evaluations,
)
from lps_flows.potential import ANNPotential, RelaxationSettings, relax_batch

REMOVAL_ONLY = OperatorWeights(cut_and_splice=0, permutation=0, strain=0, rattle=0)
STATIC = RelaxationSettings(relax_cell=False, max_steps=0, min_distance=0)


@dataclass(frozen=True)
class Case:
    """A cell small enough to know its global minimum.

    Parameters
    ----------
    name, parent, end_member, n_units
        What is removed from which crystal.
    population
        Of the GA.
    relaxed
        Whether positions relax; otherwise they stay those of the crystal.
    slow
        Whether only ``--full`` runs it.
    """

    name: str
    parent: str
    end_member: str
    n_units: int
    population: int
    relaxed: bool = False
    slow: bool = False


CASES = (
    Case("beta-Li3PS4 (32) - 1 Li2S", "beta-Li3PS4", "Li2S", 1, 8),
    Case("beta-Li3PS4 (32) - 2 Li2S", "beta-Li3PS4", "Li2S", 2, 16),
    Case("beta-Li3PS4 (32) - 1 Li2S relaxed", "beta-Li3PS4", "Li2S", 1, 8, True),
    Case("Li7P3S11 (42) - 1 P2S5", "Li7P3S11", "P2S5", 1, 32, slow=True),
    Case("beta-Li3PS4 (32) - 2 Li2S relaxed", "beta-Li3PS4", "Li2S", 2, 16, True, True),
)


def relaxer(model: ANNPotential, settings: RelaxationSettings) -> Callable[..., Any]:
    return lambda structures: relax_batch(structures, model, settings)


def truth(model: ANNPotential, args: argparse.Namespace) -> None:
    print(
        "\n1. Exhaustive truth: evaluations until the global minimum is found, "
        f"{args.seeds} seeds"
    )
    print(
        f"{'cell':34s} {'distinct':>9s} {'hits':>6s} {'GA median':>10s} {'95 %':>6s} "
        f"{'random median':>14s} {'95 %':>7s}"
    )
    for case in CASES:
        chosen = args.case in case.name if args.case else args.full or not case.slow
        if chosen:
            find_minimum(model, case, args)


def find_minimum(model: ANNPotential, case: Case, args: argparse.Namespace) -> None:
    """Print how soon the GA and random sampling find the minimum of a case."""
    problem = RemovalProblem(crystal(case.parent), case.end_member, case.n_units)
    distinct = distinct_removals(problem)
    settings = (
        RelaxationSettings(relax_cell=False, max_steps=60) if case.relaxed else STATIC
    )
    energies = enumerated(model, problem, list(distinct), settings)
    lowest = float(np.nanmin(energies))
    targets = {
        removed
        for removed, energy in zip(distinct, energies, strict=True)
        if energy < lowest + 1e-4
    }
    drawn = [
        random_evaluations(distinct, targets, np.random.default_rng(seed))
        for seed in range(400 if case.slow else 2000)
    ]
    # As many as random sampling needs for 95 % success, or all there is time for.
    budget = min(int(np.percentile(drawn, 95)), args.budget)
    found = []
    for seed in range(args.seeds):
        search = EvolutionSettings(
            population=case.population,
            generations=100_000,
            patience=None,
            evaluations=budget,
            seed=seed,
            weights=OperatorWeights() if case.relaxed else REMOVAL_ONLY,
            max_energy_std=None,
        )
        run = evolve(problem, relaxer(model, settings), search)
        found.append(evaluations_to_reach(run, lowest))
        keep("truth", {"case": case.name, "seed": seed, "evaluations": found[-1]})
    reached = np.sort([np.inf if n is None else n for n in found])
    most = reached[math.ceil(0.95 * args.seeds) - 1]
    print(
        f"{case.name:34s} {len(distinct):9d} "
        f"{np.isfinite(reached).sum():3d}/{args.seeds:<2d} "
        f"{np.median(reached):10.1f} {most:6.0f} "
        f"{np.median(drawn):14.0f} {np.percentile(drawn, 95):7.0f}",
        flush=True,
    )


def keep(part: str, result: dict[str, Any]) -> None:
    """Add a result to the part's file, one line of JSON, as soon as it is there."""
    with (FOLDER / f"{part}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def enumerated(
    model: ANNPotential,
    problem: RemovalProblem,
    genomes: list[tuple[int, ...]],
    settings: RelaxationSettings,
) -> np.ndarray:
    """Energies (eV/atom) of all distinct removals, NaN where a relaxation failed."""
    name = f"{model.identifier}-{problem.parent.formula}-{problem.end_member}"
    path = FOLDER / f"{name}-{problem.n_units}-{settings.max_steps}.npy".replace(
        " ", ""
    )
    if path.exists():
        return np.load(path)
    energies: list[float] = []
    for start in range(0, len(genomes), 256):
        part = genomes[start : start + 256]
        energies += (
            at_the_sites(model, problem, part)
            if settings.max_steps == 0
            else [
                np.nan if r.failure else r.energy / len(r.structure)
                for r in relax_batch([problem.build(g) for g in part], model, settings)
            ]
        )
    np.save(path, energies)
    return np.array(energies)


def at_the_sites(
    model: ANNPotential, problem: RemovalProblem, genomes: list[tuple[int, ...]]
) -> list[float]:
    """Energies (eV/atom) with every atom at its site of the crystal."""
    parent = AseAtomsAdaptor.get_atoms(problem.parent, msonable=False)
    left = [parent[problem.kept(genome)] for genome in genomes]
    found = model.evaluate(left, forces=False, stress=False)
    return [r.energy / len(atoms) for r, atoms in zip(found, left, strict=True)]
