"""Conductivity of three structures on an ANN trained from a force field.

Stages, each of which goes on where it was stopped:

    python benchmarks/conductivity.py label FOLDER     # 7net-0: crystals, first frames
    python benchmarks/conductivity.py train FOLDER     # the ANN, from all frames so far
    python benchmarks/conductivity.py choose FOLDER    # the glass-ceramic, by the GA
    python benchmarks/conductivity.py explore FOLDER   # the ANN's own MD, labelled
    python benchmarks/conductivity.py run FOLDER       # MD, Arrhenius, sigma(300 K)
    python benchmarks/conductivity.py check FOLDER     # the ANN against 7net-0 there

The first frames are strained and rattled crystals and short heating dynamics by
7net-0. `explore` lets the ANN run at the temperatures of the production, labels frames
of these runs, also of runs that failed, and adds them to the set; `train` and `explore`
alternate until the errors on new frames no longer fall.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import read, write
from ase.md.langevin import Langevin
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import crystal, remove_units, supercell_near
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs.dynamics import DynamicsSettings, initial_atoms, run_chunk
from lps_flows.jobs.trajectory import join_trajectory
from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    RelaxationSettings,
    TrainingSettings,
    assess,
    relax_batch,
    train_potential,
)

REFERENCE = EngineSettings(name="sevennet", model="7net-0", fmax=0.05, max_steps=60)
TEMPERATURES = (700.0, 900.0, 1200.0, 1500.0)
# Atoms of the cells that are simulated; the glass-ceramic is made from the first.
SIZES = {"beta-Li3PS4": 64, "Li7P3S11": 84}
GLASS = "gc-Li42P16S61"
FRAMES_PER_RUN = 10
# fs; P-S stretching takes 55 fs. Frames every 20 fs.
TIME_STEP, FRAME_INTERVAL = 2.0, 10


def atoms_of(structure: Structure) -> Atoms:
    bare = structure.copy()
    for name in list(bare.site_properties):
        bare.remove_site_property(name)
    return AseAtomsAdaptor.get_atoms(bare, msonable=False)


def relaxed_crystal(name: str, folder: Path) -> Structure:
    """Return a crystal's own cell, relaxed by the reference engine."""
    path = folder / f"{name}.cell"
    if not path.exists():
        began = time.time()
        task = get_engine(REFERENCE).compute(crystal(name), relax=True)
        path.write_text(task.structure.to_json())
        print(name, "relaxed in", f"{time.time() - began:.0f} s", flush=True)
    return Structure.from_str(path.read_text(), fmt="json")


def simulated(folder: Path) -> Iterator[tuple[str, Structure]]:
    """Yield the cells of the dynamics; the glass-ceramic once it is chosen."""
    for name, n_atoms in SIZES.items():
        yield name, supercell_near(relaxed_crystal(name, folder), n_atoms)
    path = folder / f"{GLASS}.cell"
    if path.exists():
        yield GLASS, Structure.from_str(path.read_text(), fmt="json")


def labelled(atoms: Atoms, group: str) -> Atoms:
    """Copy atoms with the energy and forces of their calculator."""
    copy = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    copy.info = {"E": float(atoms.get_potential_energy()), "group": group}
    copy.arrays["F"] = atoms.get_forces().copy()
    return copy


def label(folder: Path, steps: int) -> None:
    calculator = get_engine(REFERENCE).md.calculator
    beta = supercell_near(relaxed_crystal("beta-Li3PS4", folder), 64)
    seeds = {
        "beta-Li3PS4": relaxed_crystal("beta-Li3PS4", folder),
        "Li7P3S11": supercell_near(relaxed_crystal("Li7P3S11", folder), 42),
        "beta-Li3PS4 less Li2S": remove_units(
            beta, "Li2S", 1, np.random.default_rng(0)
        ),
    }
    for name, cell in seeds.items():
        path = folder / f"frames_0_{name.replace(' ', '_')}.extxyz"
        if path.exists():
            continue
        began = time.time()
        rng = np.random.default_rng(1)
        frames = []
        for scale in (0.94, 0.97, 1.0, 1.0, 1.03, 1.06):
            strained = cell.copy()
            strained.scale_lattice(cell.volume * scale**3)
            atoms = atoms_of(strained)
            atoms.positions += rng.normal(0, 0.12, atoms.positions.shape)
            atoms.calc = calculator
            frames.append(labelled(atoms, f"{name} strained"))
        atoms = initial_atoms(cell, 600.0, seed=1, draw=True)
        atoms.calc = calculator
        integrator = Langevin(
            atoms, 2 * units.fs, temperature_K=600.0, friction=0.02 / units.fs, rng=rng
        )
        for step in range(steps):
            integrator.set_temperature(temperature_K=600 + 1200 * step / steps)
            integrator.run(1)
            if step % 5 == 4:
                frames.append(labelled(atoms, f"{name} heated {step // 40}"))
        write(path, frames)
        print(name, len(frames), "frames", f"{time.time() - began:.0f} s", flush=True)


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


def compare(potential: ANNPotential, frames: list[Atoms]) -> list[Atoms]:
    """Label frames by the reference and print the errors of the ANN on them."""
    began = time.time()
    calculator = get_engine(REFERENCE).md.calculator
    done = []
    for atoms in frames:
        atoms.calc = calculator
        done.append(labelled(atoms, atoms.info["group"]))
    energies = [a.info["E"] for a in done]
    forces = [a.arrays["F"] for a in done]
    groups = [a.info["group"] for a in done]
    reports = assess(potential, done, energies, forces, groups)
    of_each = assess(potential, done, energies, forces, list(range(len(done))))
    for group, report in reports.items():
        # 7net-0's own forces say how large an error is
        mine = [f for f, g in zip(forces, groups, strict=True) if group in (g, "all")]
        size = np.sqrt(np.mean(np.concatenate(mine) ** 2))
        print(
            f"{group:32s} {report.n_structures:4d} frames: energy MAE "
            f"{report.mae:5.1f} meV/atom, forces MAE {report.force_mae:.3f} RMSE "
            f"{report.force_rmse:.3f} eV/Å of {size:.2f}"
        )
    print(f"labelled in {time.time() - began:.0f} s", flush=True)
    # Frames the ANN drove far from anything physical teach it nothing it needs.
    return [
        a
        for k, a in enumerate(done)
        if np.abs(a.arrays["F"]).max() < 30 and of_each[str(k)].mae < 1000
    ]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "stage", choices=("label", "train", "choose", "explore", "run", "check")
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
    else:
        check(folder)


if __name__ == "__main__":
    main()
