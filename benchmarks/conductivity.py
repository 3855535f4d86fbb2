"""Conductivity of three structures on an ANN trained from a force field.

Three stages, each of which goes on where it was stopped:

    python benchmarks/conductivity.py label FOLDER     # 7net-0 dynamics, labelled
    python benchmarks/conductivity.py train FOLDER     # the ANN
    python benchmarks/conductivity.py run FOLDER       # MD, Arrhenius, sigma(300 K)

The reference set is short heating dynamics of each structure with 7net-0, 600 to
1800 K, and isotropically strained frames; the ANN is trained on energies and forces.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from ase import units
from ase.io import read, write
from ase.md.langevin import Langevin
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import crystal, remove_units, supercell_near
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs.dynamics import initial_atoms
from lps_flows.potential import ANNPotential, TrainingSettings, train_potential


def structures(engine: EngineSettings, folder: Path) -> dict[str, Structure]:
    """Return the three cells, relaxed by the reference engine."""
    found = {}
    for label in ("beta-Li3PS4", "Li7P3S11", "gc-Li22P8S31"):
        path = folder / f"{label}.json"
        if not path.exists():
            if label.startswith("gc"):
                parent = supercell_near(crystal("beta-Li3PS4"), 64)
                start = remove_units(parent, "Li2S", 1, np.random.default_rng(0))
            else:
                start = supercell_near(crystal(label), 64 if "beta" in label else 42)
            began = time.time()
            task = get_engine(engine).compute(start, relax=True)
            path.write_text(task.structure.to_json())
            print(label, len(start), f"relaxed in {time.time() - began:.0f} s")
        found[label] = Structure.from_str(path.read_text(), fmt="json")
    return found


def label(folder: Path, steps: int) -> None:
    settings = EngineSettings(name="sevennet", fmax=0.05, max_steps=60)
    calculator = get_engine(settings).md.calculator
    for name, cell in structures(settings, folder).items():
        path = folder / f"{name}.extxyz"
        if path.exists():
            continue
        frames = []
        for scale in (0.96, 0.98, 1.0, 1.02, 1.04):
            strained = cell.copy()
            strained.scale_lattice(cell.volume * scale**3)
            atoms = AseAtomsAdaptor.get_atoms(strained, msonable=False)
            atoms.calc = calculator
            frames.append(_labelled(atoms, f"{name} strained"))
        atoms = initial_atoms(cell, 600.0, seed=1, draw=True)
        atoms.calc = calculator
        rng = np.random.default_rng(1)
        integrator = Langevin(
            atoms, 2 * units.fs, temperature_K=600.0, friction=0.02 / units.fs, rng=rng
        )
        began = time.time()
        for step in range(steps):
            integrator.set_temperature(temperature_K=600 + 1200 * step / steps)
            integrator.run(1)
            if step % 5 == 4:
                frames.append(_labelled(atoms, f"{name} md {step // 50}"))
        write(path, frames)
        print(name, len(frames), "frames", f"{time.time() - began:.0f} s", flush=True)


def _labelled(atoms, group):
    copy = atoms.copy()
    copy.info = {"E": atoms.get_potential_energy(), "group": group}
    copy.arrays = {
        "numbers": atoms.numbers.copy(),
        "positions": atoms.positions.copy(),
        "F": atoms.get_forces().copy(),
    }
    copy.calc = None
    return copy


def train(folder: Path, iterations: int, restarts: int) -> None:
    frames = [a for path in sorted(folder.glob("*.extxyz")) for a in read(path, ":")]
    forces = [a.arrays["F"] for a in frames]
    result = train_potential(
        frames,
        [a.info["E"] for a in frames],
        TrainingSettings(
            species=("Li", "P", "S"),
            iterations=iterations,
            restarts=restarts,
            seed=0,
        ),
        forces=forces,
        groups=[a.info["group"] for a in frames],
        progress=False,
    )
    result.potential.save(folder / "potential")
    print(result)


def run(folder: Path, only: str | None, ps: float, equilibration: float) -> None:
    potential = next(iter(sorted(folder.glob("potential*"))))
    print("potential", ANNPotential.load(potential).identifier)
    results = folder / "transport"
    results.mkdir(exist_ok=True)
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=str(potential)),
        settings=ConductivitySettings(
            equilibration=1000 * equilibration,
            production=1000 * ps,
            target_atoms=1,
        ),
    )
    for path in sorted(folder.glob("*.json")):
        name = path.stem
        if (results / path.name).exists() or (only and only != name):
            continue
        cell = Structure.from_str(path.read_text(), fmt="json")
        store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
        began = time.time()
        flow = maker.make(cell, label=name)
        run_locally(flow, store=store, ensure_success=True, log=False)
        document = store.get_output(flow.output.uuid, load=True)
        runs = [store.get_output(r["run_uuid"], load=True) for r in document["runs"]]
        (results / path.name).write_text(
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("label", "train", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=400, help="heating steps of 2 fs")
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--restarts", type=int, default=2)
    parser.add_argument("--ps", type=float, default=50.0, help="production (ps)")
    parser.add_argument("--equilibration", type=float, default=5.0, help="(ps)")
    parser.add_argument("--only", help="one label")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.stage == "label":
        label(args.folder, args.steps)
    elif args.stage == "train":
        train(args.folder, args.iterations, args.restarts)
    else:
        run(args.folder, args.only, args.ps, args.equilibration)


if __name__ == "__main__":
    main()
