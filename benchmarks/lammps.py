"""Speed of the pair style in LAMMPS beside our own evaluation, one thread each.

Run ``python -m benchmarks.lammps [sizes]`` (1,000 and 100,000 atoms by default). A step
of LAMMPS is one of NVE with its neighbour lists (skin 1 Å, rebuilt when atoms moved);
ours is an energy with forces, lists found anew (``fresh``) or kept (``kept``).
Milliseconds per atom, wall and then the processor's (of one rank): the median of
repeats for ours, the loop time for LAMMPS. On a busy machine only the latter tell.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ase.io.lammpsdata import write_lammps_data
from benchmarks.potential import glass, potential_of

from lps_flows.lammps import build_plugin

BIN = Path(sys.executable).parent
SCRIPT = """
units metal
read_data data
pair_style lps_ann
pair_coeff * * ann.safetensors Li P S
mass * 20
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
velocity all create 100 1
fix move all nve
timestep 0.0002
thermo {steps}
run {warm}
run {steps}
"""


def shown(wall: float, busy: float) -> str:
    return f"{1e3 * wall:8.4f} / {1e3 * busy:.4f}"


def in_lammps(folder: Path, ranks: int, n_atoms: int) -> str:
    steps = max(3, 20_000 // n_atoms)
    script = SCRIPT.format(steps=steps, warm=max(1, steps // 10))
    (folder / "in.lammps").write_text(script)
    command = [BIN / "mpiexec", "-n", str(ranks), BIN / "lmp", "-in", "in.lammps"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "LAMMPS_PLUGIN_PATH": str(build_plugin().parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = float(re.findall(r"Loop time of (\S+)", done.stdout)[-1])
    busy = float(re.findall(r"(\S+)% CPU use", done.stdout)[-1]) / 100
    return shown(seconds / steps / n_atoms, busy * seconds / steps / n_atoms)


def ours(potential, atoms, skin: float) -> str:
    evaluator = potential.evaluator(skin=skin, threads=1)
    evaluator.evaluate(atoms)
    walls, used = [], []
    for _ in range(max(3, 20_000 // len(atoms))):
        begin, busy = time.perf_counter(), time.process_time()
        evaluator.evaluate(atoms)
        walls.append((time.perf_counter() - begin) / len(atoms))
        used.append((time.process_time() - busy) / len(atoms))
    return shown(statistics.median(walls), statistics.median(used))


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [1_000, 100_000]
    names = ("ours fresh", "ours kept", "LAMMPS 1 rank", "LAMMPS 2 ranks")
    print("atoms   " + "".join(f"{name:>18s}" for name in names) + "  ms/atom")
    for n in sizes:
        atoms = glass(n)
        potential = potential_of([glass(1_000)])
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            potential.save(folder / "ann.safetensors")
            write_lammps_data(
                folder / "data", atoms, specorder=["Li", "P", "S"], atom_style="atomic"
            )
            values = [
                ours(potential, atoms, 0.0),
                ours(potential, atoms, 0.5),
                in_lammps(folder, 1, n),
                in_lammps(folder, 2, n),
            ]
        print(f"{n:<8d}" + "".join(f"{value:>18s}" for value in values), flush=True)


if __name__ == "__main__":
    main()
