"""The potential on a GPU: the same numbers as on the CPU, and how long each takes.

Run ``python -m benchmarks.gpu``: below eight minutes on a machine with a GPU; parts for
which no time is left (``--minutes``) are left out with a line. ``--device torch`` runs
the GPU's code on the CPU and ``--small`` everything at a size for that, which tells
whether it works, not how fast. ``--profile`` adds the parts of one evaluation.
``--out FILE`` keeps the numbers as JSON.

Exactness is asserted in float64 (energies to 1e-10 eV per cell of 96 atoms, forces and
stresses to 1e-10) and stated in float32. Times are medians of wall time after a first
call; the CPU uses all its threads (OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from ase import units
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from benchmarks.potential import glass, potential_of

from lps_flows.chemistry import crystal, removal_sites, remove_sites, supercell_near
from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    ChebyshevDescriptor,
    RelaxationSettings,
    TrainingSettings,
    relax_batch,
    torch_path,
)
from lps_flows.potential import evaluation as potential_evaluation
from lps_flows.potential.pairs import SkinPairs
from lps_flows.potential.published import published_file
from lps_flows.potential.threads import available_threads
from lps_flows.potential.torch_path import TorchEvaluation
from lps_flows.potential.torch_pull import PullBack
from lps_flows.potential.training import prepare_training

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = published_file("Li-P-S-dynamics")


class Table:
    """The rows that were measured, printed as they come and kept for the end."""

    def __init__(self, device: str, minutes: float) -> None:
        self.device, self.end = device, time.monotonic() + 60 * minutes
        self.rows: list[dict[str, Any]] = []

    def add(self, what: str, unit: str, **values: float) -> None:
        """Keep and print a row."""
        self.rows.append({"what": what, "unit": unit, **values})
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(f"{what:55s} {numbers} {unit}", flush=True)

    def beside(self, what: str, unit: str, scale: float, work: Callable) -> None:
        """Time ``work(device)`` on the CPU and on the device, times `scale`."""
        if time.monotonic() > self.end:
            print(f"{what:55s} left out: no time left", flush=True)
            return
        cpu, gpu = (scale * median(lambda d=d: work(d)) for d in ("cpu", self.device))
        self.add(what, unit, cpu=cpu, gpu=gpu, ratio=cpu / gpu)


def median(work: Callable[[], Any], seconds: float = 8.0) -> float:
    """Return the median time of a call (s) of up to nine, within about `seconds`."""
    work()
    times: list[float] = []
    while len(times) < 9 and (len(times) < 2 or sum(times) < seconds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def largest(a: Any, b: Any) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def exactness(table: Table) -> None:
    structures = [glass(96, seed=k) for k in range(8)]
    potential = potential_of(structures, members=3)
    expected = potential.evaluate(structures, committee=True)
    for dtype in ("float64", "float32"):
        there = potential.to(device=table.device, dtype=dtype)
        found = there.evaluate(structures, committee=True)
        differences = {
            name: max(
                largest(getattr(a, name), getattr(b, name))
                for a, b in zip(found, expected, strict=True)
            )
            for name in ("energy", "forces", "stress", "energy_std", "forces_std")
        }
        table.add(f"largest difference, {dtype}, 8 x 96 atoms", "eV, Å", **differences)
        if dtype == "float64":
            assert max(differences.values()) < 1e-10, differences


def evaluation(table: Table, sizes: list[int]) -> None:
    for n in sizes:
        atoms = glass(n)
        potential = potential_of([glass(500)])
        for dtype in ("float64", "float32"):
            evaluators = {
                d: potential.to(device=d, dtype=dtype).evaluator(skin=0.5)
                for d in ("cpu", table.device)
            }
            what = f"energy + forces, {n} atoms, lists kept, {dtype}"
            table.beside(
                what,
                "ms/atom",
                1e3 / n,
                lambda d, e=evaluators, a=atoms: e[d].evaluate(a),
            )


PARTS = {
    "checked": [(ChebyshevDescriptor, "batch")],
    "search": [(SkinPairs, "update")],
    "upload": [(TorchEvaluation, "neighbourhood")],
    "vectors": [(TorchEvaluation, "vectors")],
    "features": [(torch_path, "expand"), (torch_path, "summed")],
    "networks": [(TorchEvaluation, "networks")],
    "backward": [
        (PullBack, "__init__"),
        (PullBack, "__call__"),
        (torch_path, "forces_of"),
    ],
    "download": [(TorchEvaluation, "downloaded")],
    "cut": [(potential_evaluation, "_cut")],
}
"""Where an evaluation passes its time; the rest is Python and virials."""


def profile(table: Table, n: int) -> None:
    """Time the parts of an evaluation, waiting for the device after each."""

    def wait() -> None:
        if table.device == "cuda":
            torch.cuda.synchronize()

    def timed(name: str, function: Callable) -> Callable:
        @functools.wraps(function)
        def work(*args: Any, **kwargs: Any) -> Any:
            wait()
            begin = time.perf_counter()
            result = function(*args, **kwargs)
            wait()
            spent[name] += 1e3 * (time.perf_counter() - begin)
            return result

        return work

    atoms = glass(n)
    evaluator = potential_of([glass(500)]).to(device=table.device).evaluator(skin=0.5)
    spent = dict.fromkeys(PARTS, 0.0)
    evaluator.evaluate(glass(n, seed=1))
    with contextlib.ExitStack() as stack:
        for name, places in PARTS.items():
            for owner, attribute in places:
                new = timed(name, getattr(owner, attribute))
                stack.enter_context(mock.patch.object(owner, attribute, new))
        for what, calls in (("new lists", 1), ("lists kept", 5)):
            spent.update(dict.fromkeys(PARTS, 0.0))
            begin = time.perf_counter()
            for _ in range(calls):
                evaluator.evaluate(atoms)
            whole = 1e3 * (time.perf_counter() - begin) / calls
            parts = {name: value / calls for name, value in spent.items()}
            table.add(f"parts of a call, {n} atoms, {what}", "ms", whole=whole, **parts)


def dynamics(table: Table, n: int) -> None:
    potential = ANNPotential.load(PUBLISHED)
    start = supercell_near(crystal("beta-Li3PS4"), n).to_ase_atoms(msonable=False)
    thermalize_momenta(start, 600 * units.kB, rng=np.random.default_rng(0))

    def run(device: str) -> None:
        atoms = start.copy()
        atoms.calc = ANNCalculator(potential.to(device=device))
        VelocityVerlet(atoms, 1.0 * units.fs).run(10)

    table.beside(f"dynamics, {len(start)} atoms", "ms/step", 1e2, run)


def generation(table: Table, size: int, steps: int) -> None:
    parent = supercell_near(crystal("beta-Li3PS4"), 128)
    rng = np.random.default_rng(0)
    cells = []
    for k in range(size):
        free = removal_sites(parent, "Li2S", 3)
        lithium, sulfur = (
            rng.choice(free["Li"], 6, False),
            rng.choice(free["S"], 3, False),
        )
        cell = remove_sites(parent, [*lithium, *sulfur])
        cell.perturb(0.05, seed=k)
        cells.append(cell)
    potential = ANNPotential.load(PUBLISHED)
    settings = RelaxationSettings(max_steps=steps)
    what = f"{size} x {len(cells[0])} atoms relaxed, {steps} steps at most"
    table.beside(
        what, "s", 1.0, lambda d: relax_batch(cells, potential.to(device=d), settings)
    )


def training(table: Table, n: int, restarts: int, with_forces: bool) -> None:
    structures = [glass(80, seed=k) for k in range(n)]
    rng = np.random.default_rng(0)
    energies = 80 * rng.normal(-4.0, 0.05, n)
    forces = [rng.normal(0, 0.5, (80, 3)) for _ in structures] if with_forces else None
    ready = {
        d: prepare_training(
            structures,
            energies,
            TrainingSettings(restarts=restarts, device=d),
            forces=forces,
        )
        for d in ("cpu", table.device)
    }
    members = list(range(restarts))

    def answers(device: str) -> list[Any]:
        return ready[device].evaluate(members, ready[device].starts)

    loss = max(
        abs(a[0] / b[0] - 1)
        for a, b in zip(answers(table.device), answers("cpu"), strict=True)
    )
    gradient = max(
        largest(a[1], b[1]) / np.abs(b[1]).max()
        for a, b in zip(answers(table.device), answers("cpu"), strict=True)
    )
    assert max(loss, gradient) < 1e-8, (loss, gradient)
    kind = "energies and forces" if with_forces else "energies"
    what = f"one iteration, {restarts} restarts, {n} x 80 atoms, {kind}"
    table.add(f"{what}: largest relative", "", loss=loss, gradient=gradient)
    table.beside(what, "s", 1.0, answers)


def sevennet(table: Table, sizes: list[int]) -> None:
    try:
        from sevenn.calculator import SevenNetCalculator
    except ImportError as error:
        print(f"7net-l3i5 left out: {error}", flush=True)
        return
    there = "cpu" if table.device == "torch" else table.device
    calculators = {
        "cpu": SevenNetCalculator("7net-l3i5", device="cpu"),
        table.device: SevenNetCalculator("7net-l3i5", device=there),
    }
    energies = {}
    for n in sizes:
        atoms = supercell_near(crystal("beta-Li3PS4"), n).to_ase_atoms(msonable=False)
        shake = np.random.default_rng(0)

        def work(device: str, atoms=atoms, shake=shake) -> None:
            moved = atoms.copy()
            moved.positions += shake.normal(0, 1e-3, moved.positions.shape)
            moved.calc = calculators[device]
            moved.get_forces()

        for device, calculator in calculators.items():
            atoms.calc = calculator
            energies[device] = atoms.get_potential_energy() / len(atoms)
        table.add(
            f"7net-l3i5, {len(atoms)} atoms: difference of energies",
            "eV/atom",
            energy=abs(energies["cpu"] - energies[table.device]),
        )
        table.beside(f"7net-l3i5 single point, {len(atoms)} atoms", "s", 1.0, work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["auto", "cuda", "torch"], default="auto")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    device = asked.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "torch"
    name = torch.cuda.get_device_name() if device == "cuda" else "the CPU's torch"
    print(
        f"{name}; CPU {platform.processor() or platform.machine()}, "
        f"{available_threads()} threads; torch {torch.__version__}",
        flush=True,
    )
    torch.set_num_threads(available_threads())
    table = Table(device, asked.minutes)
    small = asked.small
    parts = [
        lambda: exactness(table),
        lambda: evaluation(table, [96, 400] if small else [96, 1_000, 10_000, 100_000]),
        lambda: generation(table, 2 if small else 32, 2 if small else 50),
        lambda: training(table, 20 if small else 6_000, 2 if small else 10, False),
        lambda: training(table, 8 if small else 300, 2 if small else 4, True),
        lambda: dynamics(table, 128 if small else 10_000),
        lambda: sevennet(table, [16] if small else [128, 1_000]),
    ]
    if asked.profile:
        parts.insert(0, lambda: profile(table, 400 if small else 10_000))
    begin = time.monotonic()
    for part in parts:
        part()
        print(f"[{time.monotonic() - begin:5.0f} s]", flush=True)
        if asked.out is not None:
            asked.out.write_text(
                json.dumps({"device": name, "rows": table.rows}, indent=1)
            )


if __name__ == "__main__":
    main()
