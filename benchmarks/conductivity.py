"""Conductivity of three structures on an ANN trained from a force field.

Stages, each of which goes on where it was stopped:

    python benchmarks/conductivity.py label FOLDER     # 7net-0: crystals, first frames
    python benchmarks/conductivity.py train FOLDER     # the ANN, from all frames so far
    python benchmarks/conductivity.py choose FOLDER    # the glass-ceramic, by the GA
    python benchmarks/conductivity.py explore FOLDER   # the ANN's own MD, labelled
    python benchmarks/conductivity.py run FOLDER       # MD, Arrhenius, sigma(300 K)
    python benchmarks/conductivity.py check FOLDER     # the ANN against 7net-0 there
    python benchmarks/conductivity.py show FOLDER      # figures, Table 1, densities

The first frames are strained and rattled crystals and short heating dynamics by
7net-0. `explore` lets the ANN run at the temperatures of the production, labels frames
of these runs, also of runs that failed, and adds them to the set; `train` and `explore`
alternate until the errors on new frames no longer fall.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from ase.io import read, write
from conductivity_reference import (
    GLASS,
    REFERENCE,
    atoms_of,
    compare,
    label,
    relaxed_crystal,
    simulated,
)
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.analysis.shown import shown_run
from lps_flows.chemistry import supercell_near
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs.dynamics import DynamicsSettings, run_chunk
from lps_flows.jobs.trajectory import join_trajectory
from lps_flows.plotting import write_figures
from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    RelaxationSettings,
    TrainingSettings,
    relax_batch,
    train_potential,
)
from lps_flows.report.values import conductivity_values
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.transport import TransportDocument

TEMPERATURES = (700.0, 900.0, 1200.0, 1500.0)
FRAMES_PER_RUN = 10
# fs; P-S stretching takes 55 fs. Frames every 20 fs.
TIME_STEP, FRAME_INTERVAL = 2.0, 10


def train(folder: Path, iterations: int, restarts: int) -> None:
    frames = [
        a for path in sorted(folder.glob("frames_*.extxyz")) for a in read(path, ":")
    ]
    began = time.time()
    result = train_potential(
        frames,
        [a.info["E"] for a in frames],
        TrainingSettings(
            species=("Li", "P", "S"), iterations=iterations, restarts=restarts, seed=0
        ),
        forces=[a.arrays["F"] for a in frames],
        groups=[a.info["group"] for a in frames],
        progress=False,
    )
    result.potential.save(folder / "potential.safetensors")
    print(len(frames), "frames,", f"{time.time() - began:.0f} s")
    print("training  ", result.training)
    print("validation", result.validation, flush=True)


def choose(folder: Path, generations: int) -> None:
    """Let the GA remove 3 Li2S from beta-Li3PS4; relax the lowest by the reference."""
    began = time.time()
    potential = ANNPotential.load(folder / "potential.safetensors")
    parent = supercell_near(relaxed_crystal("beta-Li3PS4", folder), 128)
    settings = RelaxationSettings(max_steps=60, relax_cell=False)
    search = evolve(
        RemovalProblem(parent, "Li2S", 3),
        lambda cells: relax_batch(cells, potential, settings),
        EvolutionSettings(population=16, generations=generations, max_energy_std=None),
    )
    for generation in search:
        best = generation.population[0]
        print(generation.index, f"{best.energy_per_atom:.4f} eV/atom", flush=True)
    task = get_engine(REFERENCE).compute(best.structure, relax=True)
    (folder / f"{GLASS}.cell").write_text(task.structure.to_json())
    print(GLASS, "chosen in", f"{time.time() - began:.0f} s", flush=True)


def explore(folder: Path, ps: float, n_frames: int) -> None:
    number = 1 + len(list(folder.glob("frames_*_explored.extxyz")))
    potential = ANNPotential.load(folder / "potential.safetensors")
    frames = []
    for name, cell in simulated(folder):
        for temperature in TEMPERATURES:
            settings = DynamicsSettings(
                time_step=TIME_STEP, frame_interval=FRAME_INTERVAL, seed=number
            )
            result = run_chunk(
                cell,
                ANNCalculator(potential),
                temperature=temperature,
                n_steps=settings.steps(1000 * ps),
                settings=settings,
            )
            if result.failure:
                print(name, temperature, result.failure, flush=True)
            positions = result.frames.positions.unpack()
            chosen = np.linspace(
                len(positions) / n_frames, len(positions) - 1, n_frames
            )
            for k in np.unique(chosen.astype(int)):
                atoms = atoms_of(cell)
                atoms.positions = positions[k]
                atoms.info["group"] = f"{name} {temperature:g} K {number}"
                frames.append(atoms)
    write(folder / f"frames_{number}_explored.extxyz", compare(potential, frames))


def run(folder: Path, only: str | None, ps: float, equilibration: float) -> None:
    path = folder / "potential.safetensors"
    print("potential", ANNPotential.load(path).identifier)
    results = folder / "transport"
    results.mkdir(exist_ok=True)
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=str(path)),
        settings=ConductivitySettings(
            temperatures=TEMPERATURES,
            time_step=TIME_STEP,
            frame_interval=FRAME_INTERVAL,
            equilibration=1000 * equilibration,
            production=1000 * ps,
            target_atoms=1,
        ),
    )
    for name, cell in simulated(folder):
        target = results / f"{name}.json"
        if target.exists() or (only and only != name):
            continue
        store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
        began = time.time()
        flow = maker.make(cell, label=name)
        run_locally(flow, store=store, ensure_success=True, log=False)
        document = store.get_output(flow.output.uuid, load=True)
        runs = [store.get_output(r["run_uuid"], load=True) for r in document["runs"]]
        frames = []
        for one in runs:
            if not one["n_frames"]:
                continue
            joined = join_trajectory(one["chunk_uuids"], store)
            group = f"{name} {one['temperature']:g} K"
            np.savez_compressed(
                results / f"{group}.npz",
                times=joined.times,
                positions=joined.positions.astype("f4"),
                temperatures=joined.temperatures,
                potential_energies=joined.potential_energies,
                conserved_energies=joined.conserved_energies,
            )
            last = len(joined.positions) - 1
            for k in np.linspace(0, last, FRAMES_PER_RUN).astype(int):
                atoms = atoms_of(cell)
                atoms.positions = joined.positions[k]
                atoms.info["group"] = group
                frames.append(atoms)
        write(results / f"{name}.extxyz", frames)
        target.write_text(
            json.dumps({"transport": document, "runs": runs}, default=str)
        )
        print(
            name,
            len(cell),
            "Ea",
            document["activation_energy"],
            document["activation_energy_interval"],
            "sigma",
            document["conductivity"],
            document["conductivity_interval"],
            *document["warnings"],
            f"{time.time() - began:.0f} s",
            sep="\n  ",
            flush=True,
        )


def check(folder: Path) -> None:
    potential = ANNPotential.load(folder / "potential.safetensors")
    for path in sorted((folder / "transport").glob("*.extxyz")):
        compare(potential, read(path, ":"))


def show(folder: Path) -> None:
    """Write figures, tables and densities from the documents of the runs."""
    documents, runs = [], {}
    for path in sorted((folder / "transport").glob("*.json")):
        found = json.loads(path.read_text())
        document = TransportDocument.model_validate(plain(found["transport"]))
        documents.append(document)
        coldest = shown_run(document)
        for summary, run in zip(document.runs, found["runs"], strict=True):
            if summary == coldest:
                runs[summary.run_uuid] = MDRunDocument.model_validate(plain(run))
    results = Results(transport=documents, densities=runs)
    for path in write_figures(results, folder / "figures", ("png",)).files:
        print(path)
    for table in conductivity_values(documents):
        (folder / table.name).write_bytes(table.content)


def plain(output: dict) -> dict:
    return {key: value for key, value in output.items() if not key.startswith("@")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "stage",
        choices=("label", "train", "choose", "explore", "run", "check", "show"),
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=200, help="heating steps of 2 fs")
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--restarts", type=int, default=2)
    parser.add_argument("--generations", type=int, default=6, help="of the GA")
    parser.add_argument("--ps", type=float, default=50.0, help="dynamics (ps)")
    parser.add_argument("--frames", type=int, default=6, help="per explored run")
    parser.add_argument("--equilibration", type=float, default=5.0, help="(ps)")
    parser.add_argument("--only", help="one label")
    args = parser.parse_args()
    folder = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    if args.stage == "label":
        label(folder, args.steps)
    elif args.stage == "train":
        train(folder, args.iterations, args.restarts)
    elif args.stage == "choose":
        choose(folder, args.generations)
    elif args.stage == "explore":
        explore(folder, args.ps, args.frames)
    elif args.stage == "run":
        run(folder, args.only, args.ps, args.equilibration)
    elif args.stage == "check":
        check(folder)
    else:
        show(folder)


if __name__ == "__main__":
    main()
