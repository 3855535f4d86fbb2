"""Speed of molecular dynamics on a trained potential, and where the time goes.

    python benchmarks/md.py [POTENTIAL] [--steps 400] [--threads 2]

Without a potential, one with random weights of the paper's size is used: its energies
mean nothing, its cost is that of a trained one. Times are medians over blocks; the
overhead is everything but the potential, over the bare potential on the same atoms.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import pairwise

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("potential", nargs="?")
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--atoms", type=int, nargs="+", default=[119, 1000])
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import numpy as np  # noqa: E402

from lps_flows.chemistry import crystal, remove_units, supercell_near  # noqa: E402
from lps_flows.jobs import dynamics  # noqa: E402
from lps_flows.jobs.dynamics import DynamicsSettings, run_chunk  # noqa: E402
from lps_flows.potential import (  # noqa: E402
    ANNCalculator,
    ANNPotential,
    ChebyshevDescriptor,
    ElementNetwork,
)
from lps_flows.potential.normalisation import Normalisation  # noqa: E402


def stand_in() -> ANNPotential:
    """Return a potential of the paper's size with small random weights."""
    rng = np.random.default_rng(0)
    descriptor = ChebyshevDescriptor(("Li", "P", "S"), minimum_distance=0.01)
    n = descriptor.n_features
    sizes = (n, 15, 15, 1)
    networks = {
        element: ElementNetwork(
            tuple(
                0.3 * rng.normal(size=(b, a)) / np.sqrt(a) for a, b in pairwise(sizes)
            ),
            tuple(np.zeros(b) for b in sizes[1:]),
            ("tanh", "tanh", "linear"),
        )
        for element in descriptor.species
    }
    mean = np.full((3, n), 5.0)
    normalisation = Normalisation(
        mean=mean,
        mean_square=mean**2 + 25.0,
        minimum=mean - 5,
        maximum=mean + 5,
        n_atoms=np.full(3, 10),
        atomic_energies=np.zeros(3),
        energy_scale=1.0,
        energy_shift=0.0,
    )
    return ANNPotential(descriptor, normalisation, [networks])


def cell(atoms: int):
    if atoms == 119:
        parent = supercell_near(crystal("beta-Li3PS4"), 128)
        return remove_units(parent, "Li2S", 3, np.random.default_rng(0))
    return supercell_near(crystal("beta-Li3PS4"), atoms)


class Timed(ANNCalculator):
    """The calculator, with the time of its calls and of its neighbour searches."""

    spent = searching = 0.0
    calls = 0

    def calculate(self, *args, **kwargs) -> None:  # noqa: D102
        start = time.perf_counter()
        super().calculate(*args, **kwargs)
        self.spent += time.perf_counter() - start
        self.calls += 1


def measure(potential: ANNPotential, atoms: int, steps: int) -> None:
    structure = cell(atoms)
    settings = DynamicsSettings(frame_interval=20)
    run = {"temperature": 300.0, "settings": settings}
    calculator = Timed(potential)
    run_chunk(structure, calculator, n_steps=20, **run)  # compile and warm up

    from lps_flows.potential.pairs import SkinPairs

    update, searched = SkinPairs.update, [0.0]

    def timed_update(self, *args, **kwargs):
        start = time.perf_counter()
        update(self, *args, **kwargs)
        searched[0] += time.perf_counter() - start

    recorded = [0.0]
    add = dynamics._Recorder.add

    def timed_add(self, *args):
        start = time.perf_counter()
        add(self, *args)
        recorded[0] += time.perf_counter() - start

    SkinPairs.update, dynamics._Recorder.add = timed_update, timed_add
    calculator.spent = calculator.calls = 0
    result = run_chunk(structure, calculator, n_steps=steps, **run)
    SkinPairs.update, dynamics._Recorder.add = update, add
    start = time.perf_counter()
    result.frames.model_dump_json()
    writing = recorded[0] + time.perf_counter() - start

    total = result.wall_time
    potential_time = calculator.spent - searched[0]
    other = total - calculator.spent - writing
    per_step = total / steps
    print(
        f"{len(structure):5d} atoms, {arguments.threads} threads: "
        f"{1000 * per_step:.2f} ms/step, {86400 / per_step * 1e-6:.2f} ns/day at 1 fs"
    )
    for name, part in (
        ("potential", potential_time),
        ("neighbour list", searched[0]),
        ("integrator", other),
        ("writing", writing),
    ):
        print(f"      {name:15s}{100 * part / total:6.1f} %")
    overhead = (total - calculator.spent) / calculator.spent
    print(
        f"      overhead over the bare potential {100 * overhead:.1f} % "
        f"({calculator.calls} evaluations in {steps} steps)",
        flush=True,
    )


if __name__ == "__main__":
    model = (
        ANNPotential.load(arguments.potential) if arguments.potential else stand_in()
    )
    print(model)
    for n in arguments.atoms:
        measure(model, n, arguments.steps if n < 500 else max(arguments.steps // 4, 40))
