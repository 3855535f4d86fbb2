"""Speed and accuracy of the ANN potential, beside the targets.

Run ``python benchmarks/potential.py``; ``--external FOLDER`` (or the environment
variable LPS_FLOWS_EXTERNAL_DATA) names the folder that holds ``lips_devset``, and
``--only speed training data md protocol`` leaves parts out (``protocol``, the paper's
whole training, runs only when named). Times are medians of repeats after
a first call, beside the best of them and
the processor time; neighbour lists are included.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import read
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from threadpoolctl import threadpool_limits

from lps_flows.potential import (
    ANNCalculator,
    ChebyshevDescriptor,
    TrainingSettings,
    assess,
    train_potential,
)
from lps_flows.potential.lockstep import LockStep
from lps_flows.potential.model import ANNPotential
from lps_flows.potential.normalisation import Normalisation
from lps_flows.potential.stacked import Layout
from lps_flows.potential.training import prepare_training

DENSITY = 0.0486  # atoms per Å^3: 44 neighbours within 6 Å
ROOT = Path(__file__).resolve().parents[1]


def glass(n: int, seed: int = 0) -> Atoms:
    """Return n atoms of a disordered Li-P-S cell of the right density."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(n ** (1 / 3)))
    grid = np.array(list(np.ndindex(side, side, side)))
    grid = grid[np.sort(rng.permutation(side**3)[:n])] / side
    cell = (n / DENSITY) ** (1 / 3) * (np.eye(3) + 0.05 * rng.uniform(-1, 1, (3, 3)))
    jitter = 0.15 * rng.uniform(-1, 1, (n, 3)) / side
    symbols = rng.choice(["Li", "P", "S"], n, p=[3 / 8, 1 / 8, 4 / 8])
    return Atoms(symbols, scaled_positions=grid + jitter, cell=cell, pbc=True)


def potential_of(structures: list[Atoms], members: int = 1) -> ANNPotential:
    """Return 15-15 networks with random weights, normalised over the structures."""
    d = ChebyshevDescriptor(["Li", "P", "S"])
    g = np.concatenate(d.features(structures))
    species = np.concatenate([s.get_chemical_symbols() for s in structures])
    tables = [g[species == e] for e in d.species]
    norm = Normalisation(
        mean=np.array([t.mean(axis=0) for t in tables]),
        mean_square=np.array([(t**2).mean(axis=0) for t in tables]),
        minimum=np.array([t.min(axis=0) for t in tables]),
        maximum=np.array([t.max(axis=0) for t in tables]),
        n_atoms=np.array([len(t) for t in tables]),
        atomic_energies=np.zeros(3),
        energy_scale=1.0,
        energy_shift=0.0,
    )
    layout = Layout((d.n_features, 15, 15, 1), ("tanh", "tanh", "linear"), 0)
    rng = np.random.default_rng(0)
    return ANNPotential(
        d,
        norm,
        [
            {e: layout.network(layout.random(rng)) for e in d.species}
            for _ in range(members)
        ],
    )


def fresh(potential: ANNPotential, structures, threads: int, **wanted):
    """Return a call that finds neighbours and evaluates, keeping no list between."""
    return lambda: potential.evaluator(threads=threads).evaluate(structures, **wanted)


def timed(work, repeats: int, n_atoms: int) -> tuple[float, float, str]:
    """Return median wall and processor time of a call in ms/atom, and both as text.

    One call before does not count. On a busy machine the processor time, summed over
    threads, tells what the code takes, and the median what it waits as well.
    """
    work()
    times, used = [], []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        work()
        times.append(1e3 * (time.perf_counter() - start) / n_atoms)
        used.append(1e3 * (time.process_time() - busy) / n_atoms)
    median, cpu = statistics.median(times), statistics.median(used)
    return median, cpu, f"{median:.4f} ms/atom (best {min(times):.4f}, CPU {cpu:.4f})"


def row(name: str, value: str, target: str = "", met: bool | None = None) -> None:
    verdict = {None: "", True: "met", False: "MISSED"}[met]
    load = os.getloadavg()[0]
    print(f"| {name:<58} | {value:<50} | {target:<16} | {verdict:<6} | {load:4.1f} |")
    sys.stdout.flush()


def speed(threads: int) -> None:
    mark = f", {threads} thread{'s' if threads > 1 else ''}"
    small = glass(96)
    batch = [glass(96, k) for k in range(32)]
    potential = potential_of(batch)
    t, _, text = timed(fresh(potential, small, threads), 101, 96)
    row(f"energy + forces, 96 atoms{mark}", text, "<= 0.03", t <= 0.03)
    t, _, text = timed(fresh(potential, batch, threads), 15, 96 * 32)
    row(
        f"energy + forces, 32 x 96 atoms{mark}",
        text,
        "<= 0.02",
        t <= 0.02,
    )
    kept = potential.evaluator(skin=0.5, threads=threads)
    t, _, text = timed(lambda: kept.evaluate(small), 101, 96)
    row(f"the same, 96 atoms, neighbour list kept{mark}", text)
    rough = potential.to(dtype="float32")
    t, _, text = timed(fresh(rough, batch, threads), 15, 96 * 32)
    pairs = list(zip(potential.evaluate(batch), rough.evaluate(batch), strict=True))
    de = max(abs(a.energy - b.energy) for a, b in pairs) / 96
    df = max(np.abs(a.forces - b.forces).max() for a, b in pairs)
    row(f"float32, 32 x 96 atoms{mark}", text)
    row("float32 error", f"{de:.1e} eV/atom, {df:.1e} eV/Å")
    ten = potential_of(batch[:4], members=10)
    t, _, text = timed(fresh(ten, batch, threads, committee=True), 7, 96 * 32)
    row(f"committee of 10, 32 x 96 atoms{mark}", text)
    many = [glass(61, k) for k in range(1000)]
    features = potential.descriptor.features
    t, _, text = timed(lambda: features(many, threads=threads), 5, 61000)
    row(f"features, 1000 x 61 atoms{mark}", text, "<= 0.02", t <= 0.02)


def scaling() -> None:
    sizes, found = (100, 1000, 5000, 20000), {}
    potential = potential_of([glass(96)])
    for n in sizes:
        found[n] = timed(fresh(potential, glass(n), 1), 5, n)[1]
    text = ", ".join(f"{n}: {t:.4f}" for n, t in found.items())
    ratio = found[20000] / found[100]
    row("CPU ms/atom with size", text, "linear", ratio < 1.5)
    code = (
        "import sys; sys.path.insert(0, 'benchmarks');"
        "import potential as b, resource;"
        "b.potential_of([b.glass(96)]).evaluate(b.glass(20000));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    gigabytes = int(out.stdout.split()[-1]) / 2**20
    row("peak memory, 20,000 atoms", f"{gigabytes:.2f} GB", "<= 4 GB", gigabytes <= 4)


def iterations(
    n_structures: int, n_atoms: int, threads: int, count: int
) -> tuple[float, float]:
    """Return wall and processor time of one L-BFGS iteration of 10 restarts (s)."""
    structures = [glass(n_atoms, k % 500) for k in range(n_structures)]
    energies = np.random.default_rng(0).normal(size=n_structures)
    settings = TrainingSettings(threads=threads, iterations=count)
    ready = prepare_training(structures, energies, settings)
    ready.evaluate(list(range(len(ready.starts))), ready.starts)
    start, busy = time.perf_counter(), time.process_time()
    with threadpool_limits(1, user_api="blas"):
        LockStep(ready.evaluate, iterations=count, memory=20).run(ready.starts)
    wall, used = time.perf_counter() - start, time.process_time() - busy
    return wall / count, used / count


def training() -> None:
    for threads in (1, 2):
        t, cpu = iterations(1000, 61, threads, 10)
        row(
            f"one L-BFGS iteration, 10 restarts, 61,000 atoms, {threads} threads",
            f"{t:.2f} s (CPU {cpu:.2f} s)",
            "<= 1 s on two" if threads == 2 else "",
            t <= 1 if threads == 2 else None,
        )
    t, cpu = iterations(6000, 80, 2, 5)
    minutes = t * 500 / 60
    row(
        "10 x 500 iterations, 6,000 x 80 atoms, from 5 iterations, 2 threads",
        f"{minutes:.1f} min (CPU {cpu * 500 / 60:.1f} min)",
        "<= 30 min",
        minutes <= 30,
    )


def protocol(restarts: int, count: int) -> None:
    """Train the paper's way on 6,000 structures, labelled by another network."""
    structures = [glass(80, k) for k in range(6000)]
    teacher = potential_of(structures[:50])
    energies = np.array([r.energy for r in teacher.evaluate(structures, forces=False)])
    settings = TrainingSettings(
        restarts=restarts, iterations=count, whitening=None, weight_decay=0.0
    )
    start, busy = time.perf_counter(), time.process_time()
    result = train_potential(structures, energies, settings)
    wall, used = time.perf_counter() - start, time.process_time() - busy
    row(
        f"{restarts} x {count} iterations, 6,000 x 80 atoms, run to the end",
        f"{wall / 60:.1f} min (CPU {used / 60:.1f} min)",
        "<= 30 min",
        wall <= 1800,
    )
    spread = 1e3 * np.std(energies) / 80
    row(
        "the same: validation RMSE, spread of the energies",
        f"{result.validation.rmse:.2f}, {spread:.2f} meV/atom",
    )


def data(folder: Path, restarts: int, count: int) -> ANNPotential | None:
    path = folder / "lips_devset" / "lips_first_140.extxyz.gz"
    if not path.exists():
        row("DFT frames (lips_devset)", f"left out: no {path}")
        return None
    frames = read(path, ":")
    energies = np.array([a.get_potential_energy() for a in frames])
    forces = [a.get_forces() for a in frames]
    train, test = slice(0, 100), slice(100, 140)
    n = len(frames[0])
    miss = 1e3 * (energies[test] - energies[train].mean()) / n
    base = np.sqrt((miss**2).mean())
    force_base = np.sqrt(np.mean(np.array(forces[test]) ** 2))
    row(
        "40 later DFT frames: constant energy, zero forces",
        f"{base:.2f} meV/atom, {force_base:.3f} eV/Å",
    )
    potential = None
    for name, known in (("energies", None), ("energies + forces", forces[train])):
        settings = TrainingSettings(restarts=restarts, iterations=count)
        start = time.perf_counter()
        result = train_potential(frames[train], energies[train], settings, forces=known)
        took = time.perf_counter() - start
        potential = result.potential
        e = assess(potential, frames[test], energies[test], forces[test])["all"]
        row(
            f"the same, trained on 100 earlier ones, {name}",
            f"{e.rmse:.2f} meV/atom, {e.force_rmse:.3f} eV/Å",
            f"< {base:.2f}",
            e.rmse < base,
        )
        row(f"training it ({restarts} x {count} iterations)", f"{took:.0f} s")
    return potential


def dynamics(potential: ANNPotential, folder: Path) -> None:
    """2 ps of NVE at 1 fs from a DFT frame at its own 520 K."""
    atoms = read(folder / "lips_devset" / "lips_first_140.extxyz.gz", 99)
    atoms.calc = ANNCalculator(potential)
    thermalize_momenta(atoms, temperature_K=520, rng=np.random.default_rng(0))
    run = VelocityVerlet(atoms, 1.0 * units.fs)
    energies: list[float] = []
    run.attach(lambda: energies.append(1e3 * atoms.get_total_energy() / len(atoms)))
    start = time.perf_counter()
    run.run(2000)
    took = time.perf_counter() - start
    drift = np.polyfit(np.arange(len(energies)) / 1000, energies, 1)[0]
    row(
        "NVE, 2 ps at 1 fs, 520 K: drift of the total energy",
        f"{drift:+.4f} meV/atom/ps",
        "< 1",
        abs(drift) < 1,
    )
    row(
        "the same: spread of the total energy, time",
        f"{np.std(energies):.4f} meV/atom, {took / 2:.2f} ms/step",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get(
        "LPS_FLOWS_EXTERNAL_DATA", str(ROOT.parent / "shared" / "data" / "external")
    )
    parser.add_argument("--external", type=Path, default=Path(default))
    parts = ["speed", "training", "data", "md"]
    parser.add_argument(
        "--only", nargs="+", choices=[*parts, "protocol"], default=parts
    )
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=500)
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, "
        f"Python {platform.python_version()}; last column: load when measured\n"
    )
    print(f"| {'quantity':<58} | {'measured':<50} | {'target':<16} |        | load |")
    print(f"|{'-' * 60}|{'-' * 52}|{'-' * 18}|{'-' * 8}|{'-' * 6}|")
    if "speed" in options.only:
        speed(1)
        speed(2)
        scaling()
    if "training" in options.only:
        training()
    if "protocol" in options.only:
        protocol(options.restarts, options.iterations)
    if {"data", "md"} & set(options.only):
        potential = data(options.external, options.restarts, options.iterations)
        if potential is not None and "md" in options.only:
            dynamics(potential, options.external)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\npeak memory of the whole run {peak:.2f} GB")


if __name__ == "__main__":
    main()
