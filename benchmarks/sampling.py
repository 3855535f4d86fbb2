"""Evidence for the search: truth by enumeration, GA against chance, throughput.

Run as ``python benchmarks/sampling.py`` (all of it; the first run trains the fixed
potential), or with the names of single parts: ``truth``, ``compare``, ``throughput``,
``run``. Single results are kept in build/benchmarks as they come.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from pymatgen.io.ase import AseAtomsAdaptor
from sampling_model import fixed_model
from sampling_truth import keep, relaxer, truth

from lps_flows.chemistry import crystal, supercell_near
from lps_flows.evolution import (
    EvolutionSettings,
    OperatorWeights,
    RemovalProblem,
    evolve,
)
from lps_flows.evolution.removal_operators import draw_uniform
from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    RelaxationSettings,
    relax_batch,
)

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
            began = time.process_time()
            curve = best_curve(problem, relaxer(model, settings), run)
            curves[name].append(curve)
            keep("compare", {"method": name, "seed": seed, "best": curve})
            print(
                f"   seed {seed} {name:20s} best {1000 * curve[-1]:9.2f} meV/atom "
                f"({time.process_time() - began:.0f} s of processor time)",
                flush=True,
            )
    marks = [n for n in (32, 64, 128, 256, 512, 1024) if n <= args.evaluations]
    print("   best energy (meV/atom) above the GA's lowest, mean over seeds, after")
    lowest = min(min(c) for c in curves["GA"])
    print(f"   {'':20s}" + "".join(f"{n:>9d}" for n in marks))
    for name, found in curves.items():
        row = [1000 * (np.mean([c[n - 1] for c in found]) - lowest) for n in marks]
        print(f"   {name:20s}" + "".join(f"{v:9.2f}" for v in row))
    for name in list(METHODS)[1:]:
        pairs = zip(curves["GA"], curves[name], strict=True)
        gain = np.array([np.subtract(b, a) for a, b in pairs]) * 1000
        for n in marks:
            at = gain[:, n - 1]
            print(
                f"   {name} minus GA after {n}: {at.mean():.2f} +- "
                f"{at.std(ddof=1):.2f} meV/atom (GA lower in {(at > 0).sum()} of "
                f"{len(at)} seeds)"
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
    settings = RelaxationSettings(
        max_steps=args.steps, max_force=1e-9, max_volume_change=5, min_distance=0
    )
    relax_batch(structures[:2], model, settings)  # compile

    def one_by_one() -> None:
        for structure in structures:
            relax_batch([structure], model, settings)

    def ase_one_by_one() -> None:
        for structure in structures[:8]:
            atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
            atoms.calc = ANNCalculator(model)
            optimizer = LBFGS(FrechetCellFilter(atoms), logfile=None)
            optimizer.run(fmax=1e-9, steps=args.steps)

    print(
        f"\n3. Throughput, 119 atoms, cell relaxed, {args.steps} steps each, "
        f"{os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads, "
        f"load {os.getloadavg()[0]:.1f}, {platform.machine()}"
    )
    cases: list[tuple[str, Callable[[], Any], int]] = [
        ("batches of 32", lambda: relax_batch(structures, model, settings), 32),
        ("one at a time, ASE optimiser and calculator", ase_one_by_one, 8),
        ("one at a time, our own optimiser", one_by_one, 32),
    ]
    base = None
    for name, work, count in cases:
        walls, processors = [], []
        for _ in range(args.repeats):
            wall, processor = time.perf_counter(), time.process_time()
            work()
            walls.append((time.perf_counter() - wall) / count)
            processors.append((time.process_time() - processor) / count)
        each = min(walls)
        base = base or each
        print(
            f"   {name:44s} {60 / each:7.0f} individuals per minute, "
            f"{1000 * each / args.steps:6.2f} ms per step "
            f"({1000 * min(processors) / args.steps:.2f} of processor time), "
            f"batched is {each / base:.2f} x faster",
            flush=True,
        )


def whole_run(model: ANNPotential, args: argparse.Namespace) -> None:
    settings = EvolutionSettings(generations=args.generations, patience=None)
    began, processor = time.perf_counter(), time.process_time()
    relax = relaxer(model, RelaxationSettings())
    *_, state = evolve(large_problem(), relax, settings)
    seconds = time.perf_counter() - began
    processor = time.process_time() - processor
    print(
        f"\n4. A run of 32 x {args.generations} generations, 119 atoms, cell relaxed, "
        f"at most 200 steps: {seconds:.0f} s ({processor:.0f} s of processor time), "
        f"{state.n_evaluations} relaxations, "
        f"{60 * state.n_evaluations / seconds:.0f} per minute "
        f"({os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads, "
        f"load {os.getloadavg()[0]:.1f})"
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
    parser.add_argument("--case", help="only truths whose name holds this")
    parser.add_argument(
        "--budget", type=int, default=20_000, help="most evaluations of a truth's seed"
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--compare-seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=512)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--generations", type=int, default=30)
    args = parser.parse_args()
    model = fixed_model()
    print(f"fixed potential: {model}")
    for name in args.parts or PARTS:
        PARTS[name](model, args)


if __name__ == "__main__":
    main()
