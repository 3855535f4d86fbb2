"""Evidence for the search: truth by enumeration, GA against chance, throughput.

Run as ``python benchmarks/sampling.py`` (all of it; the first run trains the fixed
potential), or with the names of single parts: ``truth``, ``compare``, ``throughput``,
``run``. Tables and curves are kept in build/benchmarks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from pymatgen.io.ase import AseAtomsAdaptor
from sampling_model import FOLDER, fixed_model

from lps_flows.chemistry import crystal, supercell_near
from lps_flows.evolution import (
    EvolutionSettings,
    OperatorWeights,
    RemovalProblem,
    distinct_removals,
    evaluations_to_reach,
    evolve,
    random_evaluations,
)
from lps_flows.evolution.removal_operators import draw_uniform
from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    RelaxationSettings,
    relax_batch,
)

REMOVAL_ONLY = OperatorWeights(cut_and_splice=0, permutation=0, strain=0, rattle=0)
STATIC = RelaxationSettings(relax_cell=False, max_steps=0, min_distance=0)
METHODS: dict[str, dict[str, Any]] = {
    "GA": {},
    "mutation only": {
        "weights": OperatorWeights(removal_crossover=0, cut_and_splice=0)
    },
    "random + relaxation": {
        "weights": OperatorWeights(
            removal_crossover=0,
            removal_mutation=0,
            cut_and_splice=0,
            permutation=0,
            strain=0,
            rattle=0,
        ),
        "clustered_fraction": 0.0,
        "adaptive": False,
    },
}


def relaxer(model: ANNPotential, settings: RelaxationSettings) -> Callable[..., Any]:
    return lambda structures: relax_batch(structures, model, settings)


def truth(model: ANNPotential, args: argparse.Namespace) -> None:
    print("\n1. Exhaustive truth: evaluations until the global minimum is found")
    print(
        f"{'cell':34s} {'distinct':>9s} {'hits':>6s} {'GA median':>10s} "
        f"{'random median':>14s} {'random 95 %':>12s}"
    )
    cases = [
        ("beta-Li3PS4 (32) - 1 Li2S", "beta-Li3PS4", "Li2S", 1, 8, False),
        ("beta-Li3PS4 (32) - 2 Li2S", "beta-Li3PS4", "Li2S", 2, 16, False),
        ("beta-Li3PS4 (32) - 1 Li2S relaxed", "beta-Li3PS4", "Li2S", 1, 8, True),
    ]
    if args.full:
        cases += [
            ("Li7P3S11 (42) - 1 P2S5", "Li7P3S11", "P2S5", 1, 32, False),
            ("beta-Li3PS4 (32) - 2 Li2S relaxed", "beta-Li3PS4", "Li2S", 2, 16, True),
        ]
    for name, key, end_member, n_units, population, relaxed in cases:
        problem = RemovalProblem(crystal(key), end_member, n_units)
        distinct = distinct_removals(problem)
        settings = (
            RelaxationSettings(relax_cell=False, max_steps=60) if relaxed else STATIC
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
            for seed in range(2000)
        ]
        found = [
            evaluations_to_reach(
                evolve(
                    problem,
                    relaxer(model, settings),
                    EvolutionSettings(
                        population=population,
                        generations=10000,
                        patience=None,
                        # As many as random sampling needs for the same success.
                        evaluations=int(np.percentile(drawn, 95)),
                        seed=seed,
                        weights=OperatorWeights() if relaxed else REMOVAL_ONLY,
                        max_energy_std=None,
                    ),
                ),
                lowest,
            )
            for seed in range(args.seeds)
        ]
        hits = [n for n in found if n is not None]
        print(
            f"{name:34s} {len(distinct):9d} {len(hits):3d}/{args.seeds:<2d} "
            f"{statistics.median(hits) if hits else float('nan'):10.1f} "
            f"{np.median(drawn):14.0f} {np.percentile(drawn, 95):12.0f}",
            flush=True,
        )


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
    energies = []
    for start in range(0, len(genomes), 256):
        part = [problem.build(removed) for removed in genomes[start : start + 256]]
        energies += [
            np.nan if r.failure else r.energy / len(r.structure)
            for r in relax_batch(part, model, settings)
        ]
    np.save(path, energies)
    return np.array(energies)


def large_problem() -> RemovalProblem:
    return RemovalProblem(supercell_near(crystal("beta-Li3PS4"), 128), "Li2S", 3)


def compare(model: ANNPotential, args: argparse.Namespace) -> None:
    problem = large_problem()
    settings = RelaxationSettings(relax_cell=False, max_steps=args.steps)
    print(
        f"\n2. Li42P16S61 from beta-Li3PS4 (119 atoms), population 32, "
        f"{args.evaluations} evaluations, {args.compare_seeds} seeds, "
        f"at most {args.steps} steps each, fixed cell"
    )
    curves: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    for seed in range(args.compare_seeds):
        for name, changes in METHODS.items():
            run = EvolutionSettings(
                **{
                    "generations": 10000,
                    "patience": None,
                    "evaluations": args.evaluations,
                    "seed": seed,
                    "max_energy_std": 0.03,
                    **changes,
                }
            )
            began = time.perf_counter()
            curve = best_curve(problem, relaxer(model, settings), run)
            curves[name].append(curve)
            print(
                f"   seed {seed} {name:20s} best {1000 * curve[-1]:9.2f} meV/atom "
                f"({time.perf_counter() - began:.0f} s)",
                flush=True,
            )
    (FOLDER / "compare.json").write_text(json.dumps(curves))
    marks = [n for n in (32, 64, 128, 256, 512, 1024) if n <= args.evaluations]
    print("   best energy (meV/atom) above the GA's lowest, mean over seeds, after")
    lowest = min(min(c) for c in curves["GA"])
    print(f"   {'':20s}" + "".join(f"{n:>9d}" for n in marks))
    for name, found in curves.items():
        row = [1000 * (np.mean([c[n - 1] for c in found]) - lowest) for n in marks]
        print(f"   {name:20s}" + "".join(f"{v:9.2f}" for v in row))
    for name in list(METHODS)[1:]:
        gain = 1000 * np.array(
            [b[-1] - a[-1] for a, b in zip(curves["GA"], curves[name], strict=True)]
        )
        print(
            f"   {name} minus GA: {gain.mean():.2f} +- {gain.std(ddof=1):.2f} meV/atom "
            f"(GA lower in {(gain > 0).sum()} of {len(gain)} seeds)"
        )


def best_curve(
    problem: RemovalProblem, relax: Callable[..., Any], settings: EvolutionSettings
) -> list[float]:
    best, curve = np.inf, []
    for generation in evolve(problem, relax, settings):
        for individual in generation.newborn:
            if individual.rejection in (None, "duplicate"):
                best = min(best, individual.energy_per_atom)
            curve.append(float(best))
    return curve


def throughput(model: ANNPotential, args: argparse.Namespace) -> None:
    problem, rng = large_problem(), np.random.default_rng(0)
    structures = [problem.build(draw_uniform(problem, rng)) for _ in range(32)]
    steps = 20
    settings = RelaxationSettings(
        max_steps=steps, max_force=1e-9, max_volume_change=5, min_distance=0
    )
    relax_batch(structures[:2], model, settings)  # compile

    def one_by_one() -> None:
        for structure in structures:
            relax_batch([structure], model, settings)

    def ase_one_by_one() -> None:
        for structure in structures[:8]:
            atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
            atoms.calc = ANNCalculator(model)
            LBFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-9, steps=steps)

    print(
        f"\n3. Throughput, 32 x 119 atoms, cell relaxed, {steps} steps each, "
        f"{os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads, "
        f"load {os.getloadavg()[0]:.1f}, {platform.machine()}"
    )
    cases: list[tuple[str, Callable[[], Any], int]] = [
        ("batched", lambda: relax_batch(structures, model, settings), 32),
        ("one at a time, same optimiser", one_by_one, 32),
        ("one at a time, ASE filter + calculator", ase_one_by_one, 8),
    ]
    base = None
    for name, work, count in cases:
        times = []
        for _ in range(args.repeats):
            began = time.perf_counter()
            work()
            times.append((time.perf_counter() - began) / count)
        each = statistics.median(times)
        base = base or each
        print(
            f"   {name:40s} {1000 * each / steps:7.2f} ms per structure and step, "
            f"batched is {each / base:.2f} x faster",
            flush=True,
        )


def whole_run(model: ANNPotential, args: argparse.Namespace) -> None:
    settings = EvolutionSettings(generations=args.generations, patience=None)
    began = time.perf_counter()
    relax = relaxer(model, RelaxationSettings())
    *_, state = evolve(large_problem(), relax, settings)
    seconds = time.perf_counter() - began
    print(
        f"\n4. A run of 32 x {args.generations} generations, 119 atoms, cell relaxed, "
        f"at most 200 steps: {seconds:.0f} s, {state.n_evaluations} relaxations, "
        f"{60 * state.n_evaluations / seconds:.0f} per minute "
        f"(load {os.getloadavg()[0]:.1f})"
    )


PARTS = {
    "truth": truth,
    "compare": compare,
    "throughput": throughput,
    "run": whole_run,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--full", action="store_true", help="slow truths as well")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--compare-seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=256)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--generations", type=int, default=30)
    args = parser.parse_args()
    model = fixed_model()
    print(f"fixed potential: {model}")
    for name in args.parts or PARTS:
        PARTS[name](model, args)


if __name__ == "__main__":
    main()
