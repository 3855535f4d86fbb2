"""Energies, forces and training beside ænet's own programs, in one run.

Run ``python -m benchmarks.aenet FOLDER``. The folder holds ``predict.x``,
``generate.x`` and ``train.x`` (names may go on: ``predict.x-2.0.4-gfortran_serial``),
built from a clone of github.com/atomisticnet/aenet with gfortran, LAPACK and BLAS::

    make -C lib static && mkdir -p bin
    make -C src -f makefiles/Makefile.gfortran_serial all

Both sides get the same structures and the same networks (Chebyshev 6.0/10, 4.0/2 by
default, 15-15), one thread each, and take turns; the numbers are medians of processor
time. ænet's is the difference of a long and a short call of the program, so that its
start and the reading of networks do not count; the reading of XSF files (some tenths of
a millisecond each) does. An iteration of training is one of L-BFGS without forces, for
one start of the weights: ours are the default ten together, divided by ten. Energies
and forces of both are compared first.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from benchmarks.potential import fresh, glass, iterations, potential_of
from threadpoolctl import threadpool_limits

from lps_flows.potential import FingerprintSetup, write_setup, write_xsf
from lps_flows.potential.model import ANNPotential

N_ATOMS = 96
N_BATCH = 32
N_LONG = 65
"""Structures of a long call of predict.x; a short one has a single structure."""
ITERATIONS = (1, 6)
"""Iterations of a short and of a long call of train.x."""
TRAINING_SIZE = 408


def program(folder: Path, name: str) -> Path:
    found = sorted(folder.resolve().glob(f"{name}.x*"))
    if not found:
        raise SystemExit(f"there is no {name}.x in {folder}: build ænet first")
    return found[0]


def spent(command: Sequence[Path | str], folder: Path) -> tuple[float, str]:
    """Return the processor time of a program (s), and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        list(command),
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, done.stdout


def busy(work: Callable[[], object], n_calls: int) -> float:
    """Return the processor time of one call (s), over several after a first."""
    work()
    start = time.process_time()
    for _ in range(n_calls):
        work()
    return (time.process_time() - start) / n_calls


def predict_input(species: Sequence[str], files: Sequence[str]) -> str:
    networks = [f"  {name} {name}.nn" for name in species]
    lines = ["TYPES", str(len(species)), *species, "", "NETWORKS", *networks, ""]
    lines += ["FORCES", "", "FILES", str(len(files)), *files]
    return "\n".join(lines) + "\n"


def put_structures(folder: Path, structures: Sequence[Atoms]) -> list[str]:
    rng = np.random.default_rng(0)
    for k, atoms in enumerate(structures):
        energy = float(-4.0 * len(atoms) + rng.normal())
        forces = np.zeros((len(atoms), 3))
        write_xsf(folder / f"{k}.xsf", atoms, energy=energy, forces=forces)
    return [f"{k}.xsf" for k in range(len(structures))]


def compared(potential: ANNPotential, structures: Sequence[Atoms], text: str) -> str:
    """Return how far ænet's energies and forces, as it prints them, are from ours."""
    energies = re.findall(r"Total energy\s*:\s*(\S+)", text)
    if len(energies) != len(structures):
        raise SystemExit(f"predict.x gave {len(energies)} energies: {text[-500:]}")
    row = r"^\s*(?:Li|P|S)((?:\s+[-+.\dEe]+){6})\s*$"
    rows = np.array(
        [line.split()[3:] for line in re.findall(row, text, re.MULTILINE)], dtype=float
    )
    ours = potential.evaluate(list(structures))
    de = max(abs(float(e) - o.energy) for e, o in zip(energies, ours, strict=True))
    df = np.abs(rows - np.concatenate([o.forces for o in ours])).max()
    return f"{de:.1e} eV, {df:.1e} eV/Å"


def evaluation(folder: Path, programs: Path, repeats: int) -> None:
    batch = [glass(N_ATOMS, k) for k in range(N_BATCH)]
    potential = potential_of(batch)
    potential.to_aenet(folder)
    files = put_structures(folder, batch)
    predict, species = program(programs, "predict"), potential.descriptor.species
    inputs = {
        "all": files,
        "short": files[:1],
        "long one": files[:1] * N_LONG,
        "long all": (files * N_LONG)[:N_LONG],
    }
    for name, of in inputs.items():
        (folder / f"{name}.in").write_text(predict_input(species, of))
    _, text = spent([predict, "all.in"], folder)
    print("largest difference, 32 x 96 atoms:", compared(potential, batch, text))
    one, many = (fresh(potential, what, 1) for what in (batch[0], batch))
    for name, work, size in (("one", one, 1), ("all", many, N_BATCH)):
        ours, theirs = [], []
        for _ in range(repeats):
            ours.append(busy(work, 200 // size) / size)
            times = [
                spent([predict, f"{c}.in"], folder)[0]
                for c in ("short", f"long {name}")
            ]
            theirs.append((times[1] - times[0]) / (N_LONG - 1))
        what = "one structure" if size == 1 else f"a batch of {N_BATCH}"
        shown(f"energy + forces, {what}, ms/atom", ours, theirs, 1e3 / N_ATOMS)


def training(folder: Path, programs: Path, repeats: int) -> None:
    structures = [glass(80, k) for k in range(TRAINING_SIZE)]
    potential = potential_of(structures[:50])
    species = potential.descriptor.species
    files = put_structures(folder, structures)
    for name in species:
        setup = FingerprintSetup(name, potential.descriptor)
        write_setup(folder / f"{name}.stp", setup)
    types = [f"{name} 0.0" for name in species]
    setups = [f"{name} {name}.stp" for name in species]
    text = ["OUTPUT all.train", "", "TYPES", str(len(species)), *types, ""]
    text += ["SETUPS", *setups, "", "FILES", str(len(files)), *files]
    (folder / "generate.in").write_text("\n".join(text) + "\n")
    spent([program(programs, "generate"), "generate.in"], folder)
    networks = [f"  {name} {name}.trained.nn 2 15:tanh 15:tanh" for name in species]
    for count in ITERATIONS:
        text = ["TRAININGSET all.train", "TESTPERCENT 10", f"ITERATIONS {count}", ""]
        text += ["METHOD", "bfgs", "", "NETWORKS", *networks]
        (folder / f"train-{count}.in").write_text("\n".join(text) + "\n")
    train, (short, long) = program(programs, "train"), ITERATIONS
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(iterations(TRAINING_SIZE, 80, 1, 20)[1] / 10)
        times = []
        for count in ITERATIONS:
            for old in folder.glob("train.r*"):  # it would go on from there
                old.unlink()
            times.append(spent([train, f"train-{count}.in"], folder)[0])
        theirs.append((times[1] - times[0]) / (long - short))
    what = f"one iteration of one start, {TRAINING_SIZE} x 80 atoms, ms"
    shown(what, ours, theirs, 1e3)


def shown(what: str, ours: list[float], theirs: list[float], unit: float) -> None:
    a, b = statistics.median(ours), statistics.median(theirs)
    ratios = [y / x for x, y in zip(ours, theirs, strict=True)]
    print(
        f"{what}: ours {unit * a:.4g}, ænet {unit * b:.4g}, ratio {b / a:.1f} "
        f"({min(ratios):.1f} to {max(ratios):.1f} over {len(ours)} turns, "
        f"load {os.getloadavg()[0]:.1f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parts = {"evaluation": evaluation, "training": training}
    parser.add_argument("--only", choices=parts, nargs="+", default=list(parts))
    options = parser.parse_args()
    print("ænet:", program(options.programs, "predict").name)
    with threadpool_limits(1):
        for name in options.only:
            with tempfile.TemporaryDirectory() as folder:
                parts[name](Path(folder), options.programs, options.repeats)


if __name__ == "__main__":
    main()
