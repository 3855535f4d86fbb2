"""What the cost model rests on: processor seconds of everything, on this machine.

    OMP_NUM_THREADS=1 python benchmarks/costs.py --out benchmarks/results/costs.json

One thread; processor time, so that others on the machine count little. What is written
are the numbers of `src/lps_flows/engines/data/cost_model.yaml`: for another machine put
them into a copy of that file, and give it with ``--cost-model``. The potential is that
of ``benchmarks/sampling_model.py``, trained on first use (minutes), or any saved one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sampling_model import fixed_model

from lps_flows.chemistry import crystal, supercell_near
from lps_flows.engines import EngineSettings, get_engine, read_calculation
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.jobs.dynamics import DynamicsSettings, run_chunk
from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    RelaxationSettings,
    TrainingSettings,
    relax_batch,
    train_potential,
)
from lps_flows.settings import load_campaign

SIZES = (64, 128)
ENGINES = {
    "chgnet": EngineSettings(name="chgnet"),
    "diep": EngineSettings(name="diep"),
    "sevennet 7net-0": EngineSettings(name="sevennet", model="7net-0"),
    "sevennet 7net-l3i5": EngineSettings(name="sevennet", model="7net-l3i5"),
}


def per_100_atoms(seconds: float, n_atoms: float) -> float:
    return round(100 * seconds / n_atoms, 4)


def evaluation(settings: EngineSettings) -> dict[str, float]:
    """Seconds of one evaluation of 100 atoms, and the least of two at each size."""
    engine, found = get_engine(settings), []
    for size in SIZES:
        cell = supercell_near(crystal("beta-Li3PS4"), size)
        engine.compute(cell, relax=False)  # models load on first use
        for _ in range(2):
            cell.perturb(0.01)
            begun = time.process_time()
            read_calculation(engine.compute(cell, relax=False))
            found.append(per_100_atoms(time.process_time() - begun, len(cell)))
    return {"seconds": float(np.median(found))}


def crystals() -> dict[str, float]:
    """Relax the crystals of standard.yaml: steps of each, seconds of all."""
    keys = load_campaign(Path(__file__).parents[1] / "workflows" / "standard.yaml")
    settings = keys.engine.for_crystals().model_copy(update={"model": "7net-0"})
    begun, steps = time.process_time(), []
    for key in keys.crystals:
        engine = get_engine(settings)
        if key in settings.cells_held:
            engine = engine.with_fixed_cell()
        found = read_calculation(engine.compute(crystal(key), relax=True))
        steps.append(found.n_steps)
    seconds = round(time.process_time() - begun, 1)
    return {"relaxation_steps": round(float(np.mean(steps)), 1), "seconds": seconds}


def search(model: ANNPotential, generations: int) -> dict[str, float]:
    """Seconds of an individual of 100 atoms in a search, rejected ones included."""
    parent = supercell_near(crystal("beta-Li3PS4"), 128)
    problem = RemovalProblem(parent, "Li2S", 3)
    settings = EvolutionSettings(population=32, generations=generations, seed=1)
    begun, born, steps, evaluations = time.process_time(), 0, 0, 0

    def relax(structures):
        nonlocal steps, evaluations
        results = relax_batch(structures, model, RelaxationSettings())
        steps += sum(result.n_steps + 1 for result in results)
        evaluations += len(results)
        return results

    for generation in evolve(problem, relax, settings):
        born += len(generation.newborn)
    seconds = time.process_time() - begun
    return {
        "relaxation_steps": round(steps / max(evaluations, 1), 1),
        "seconds": per_100_atoms(seconds / max(steps, 1), len(parent) - 9),
        "individuals": born,
        "seconds_per_individual": round(seconds / max(born, 1), 4),
    }


def dynamics(model: ANNPotential) -> float:
    """Seconds of a step of dynamics on 100 atoms, committee not asked."""
    cell = supercell_near(crystal("beta-Li3PS4"), 128)
    calculator, n_steps = ANNCalculator(model), 200
    begun = time.process_time()
    run_chunk(
        cell,
        calculator,
        temperature=900.0,
        n_steps=n_steps,
        settings=DynamicsSettings(),
    )
    return per_100_atoms((time.process_time() - begun) / n_steps, len(cell))


def training(model: ANNPotential) -> float:
    """Seconds of an iteration of a restart on 100,000 atoms, energies and forces."""
    cells = [supercell_near(crystal("beta-Li3PS4"), 64).copy() for _ in range(60)]
    for number, cell in enumerate(cells):
        cell.perturb(0.1, seed=number)
    labels = model.evaluate(cells, stress=False)
    settings = TrainingSettings(restarts=10, iterations=60, threads=1)
    begun = time.process_time()
    train_potential(
        cells,
        [label.energy for label in labels],
        settings,
        forces=[label.forces for label in labels],
    )
    atoms = sum(map(len, cells))
    work = settings.restarts * settings.iterations * atoms / 1e5
    return round((time.process_time() - begun) / work, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--potential", type=Path, help="a saved potential")
    parser.add_argument("--generations", type=int, default=10)
    options = parser.parse_args()
    model = (
        fixed_model()
        if options.potential is None
        else ANNPotential.load(options.potential)
    )
    found: dict[str, object] = {
        name: evaluation(settings) for name, settings in ENGINES.items()
    }
    found["crystals by 7net-0"] = crystals()
    found["ann"] = search(model, options.generations)
    found["ann md step"] = dynamics(model)
    found["training_iteration"] = training(model)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    print(options.out.read_text())


if __name__ == "__main__":
    main()
