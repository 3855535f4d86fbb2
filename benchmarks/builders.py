"""Time the builders over many structures: full build, increment, two processes.

    python benchmarks/builders.py --documents 10000 --new 100

Structures are crystals of the library, strained and rattled, some less a few units of
Li2S, with energies that grow with the distortion: physical, but not computed. The
store is a private MongoDB server in a temporary folder. Prints a Markdown table with
the processor time of this process (the server's is not in it) and the wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from jobflow import JobStore
from monty.json import jsanitize
from monty.serialization import dumpfn
from pymatgen.core import Structure

from lps_flows.builders import KEYS, all_builders, result_store, run_builder
from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.runner import PrivateMongod, find_mongod, install_mongod
from lps_flows.runner.configuration import store_settings
from lps_flows.schemas import Provenance, StructureDocument

METHOD = "synthetic-1.0"
FORMATION = {
    "Li2S": 0.0, "P2S5": 0.0, "LiPS3": -0.095, "Li4P2S7": -0.130, "Li7P3S11": -0.146,
    "beta-Li3PS4": -0.1838, "gamma-Li3PS4": -0.187, "LT-Li7PS6": -0.09,
    "Li2PS3": -0.10, "Li": 0.0, "P": 0.0, "S": 0.0,
}  # fmt: skip
PARENTS = ("LiPS3", "Li7P3S11", "beta-Li3PS4", "gamma-Li3PS4", "LT-Li7PS6")
ENDS = {"Li2S": -1.45, "P2S5": -0.45}


def energy_of(structure: Structure, formation: float) -> float:
    composition = structure.composition
    line = CompositionLine()
    base = -0.9 * composition.num_atoms
    if composition.is_element:
        base = 0.0
    elif line.contains(composition):
        first, second = line.amounts(composition)
        base = first * 3 * ENDS["Li2S"] + second * 7 * ENDS["P2S5"]
    return float(base + formation * composition.num_atoms)


def document(
    structure: Structure, formation: float, provenance: Provenance
) -> StructureDocument:
    composition = structure.composition
    line = CompositionLine()
    energy = energy_of(structure, formation)
    return StructureDocument(
        method=METHOD,
        provenance=provenance,
        structure=structure,
        formula=composition.formula.replace(" ", ""),
        chemsys=composition.chemical_system,
        x=line.x(composition) if line.contains(composition) else None,
        n_atoms=len(structure),
        energy=energy,
        energy_per_atom=energy / len(structure),
        relaxed=True,
        converged=True,
    )


@cache
def cell(parent: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lattice, elements and fractional coordinates of a crystal, doubled when small."""
    structure = crystal(parent)
    if len(structure) < 40:
        structure = structure * (1, 2, 1)
    symbols = np.array([site.specie.symbol for site in structure])
    return structure.lattice.matrix, symbols, structure.frac_coords


def synthetic(seed: int) -> StructureDocument:
    """One strained, rattled crystal or glass of 32 to 64 atoms or so."""
    rng = np.random.default_rng(seed)
    parent = PARENTS[int(rng.integers(len(PARENTS)))]
    matrix, species, coordinates = cell(parent)
    removed = int(rng.integers(0, 4))
    gone = [
        rng.choice(np.flatnonzero(species == element), number, replace=False)
        for element, number in (("Li", 2 * removed), ("S", removed))
    ]
    kept = np.setdiff1d(np.arange(len(species)), np.concatenate(gone))
    strain = rng.normal(scale=0.02, size=3)
    strained = matrix * (1 + strain)[:, None]
    moves = rng.normal(scale=0.1, size=(len(kept), 3))
    moved = Structure(
        strained,
        species[kept],
        coordinates[kept] @ strained + moves,
        coords_are_cartesian=True,
    )
    formation = FORMATION[parent] + 0.05 + 0.02 * removed + abs(rng.normal(scale=0.02))
    provenance = Provenance(
        source="ga", parent=parent, removed="Li2S", n_removed=removed
    )
    return document(moved, formation + 4 * float(np.sum(strain**2)), provenance)


def put(store: JobStore, first: int, number: int) -> None:
    for start in range(first, first + number, 500):
        jobs = [
            {
                "uuid": f"bench-{k:08d}",
                "index": 1,
                "output": jsanitize(synthetic(k), strict=True, enum_values=True),
                "completed_at": "2026-01-01T00:00:00",
                "metadata": {"campaign": "bench"},
                "hosts": [],
                "name": "bench",
            }
            for k in range(start, min(start + 500, first + number))
        ]
        store.docs_store.update(jobs, key=["uuid", "index"])


def put_crystals(store: JobStore) -> None:
    for key, formation in FORMATION.items():
        output = document(
            crystal(key), formation, Provenance(source="crystal", parent=key)
        )
        store.docs_store.update(
            {
                "uuid": f"crystal-{key}",
                "index": 1,
                "output": jsanitize(output, strict=True, enum_values=True),
                "completed_at": "2026-01-01T00:00:00",
                "metadata": {"campaign": "bench"},
                "hosts": [],
                "name": key,
            },
            key=["uuid", "index"],
        )


def job_store(server: PrivateMongod, database: str) -> JobStore:
    store = JobStore.from_dict_spec(store_settings(server, database))
    store.connect()
    store.docs_store.ensure_index("uuid")
    return store


def timed_build(store: JobStore) -> dict[str, np.ndarray]:
    """Processor time (s), wall time (s) and documents written, by builder."""
    found: dict[str, np.ndarray] = {}
    for builder in all_builders(store):
        name = type(builder).__name__
        cpu, wall = time.process_time(), time.perf_counter()
        written = run_builder(builder)
        took = [time.process_time() - cpu, time.perf_counter() - wall, written]
        found[name] = found.get(name, np.zeros(3)) + took
    return found


def memory() -> float:
    """Largest memory of this process so far (MB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def results(store: JobStore) -> str:
    found = {}
    for name, key in KEYS.items():
        collection = result_store(store, name)
        collection.connect()
        found[name] = [
            {k: v for k, v in d.items() if k not in {"_id", "last_updated"}}
            for d in sorted(collection.query(), key=lambda d: d[key])
        ]
        collection.close()
    return json.dumps(found, default=str, sort_keys=True)


def mrun(store: JobStore, folder: Path) -> float:
    start = time.perf_counter()
    program = Path(sys.executable).with_name("mrun")
    for k, builder in enumerate(all_builders(store)):
        path = folder / f"builder-{k}.json"
        dumpfn(builder, path)
        subprocess.run(
            [str(program), "-n", "2", str(path)], check=True, capture_output=True
        )
    return time.perf_counter() - start


def row(took: np.ndarray) -> str:
    cpu, wall, written = took
    return f"{cpu:.1f} ({wall:.1f}) | {written:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--new", type=int, default=100)
    parser.add_argument(
        "--mrun", type=int, default=300, help="documents of the mrun check, 0: none"
    )
    options = parser.parse_args()
    if find_mongod() is None:
        install_mongod()
    with tempfile.TemporaryDirectory() as folder:
        server = PrivateMongod(Path(folder))
        server.start()
        try:
            report(server, options, Path(folder))
        finally:
            server.stop()


def report(server: PrivateMongod, options: argparse.Namespace, folder: Path) -> None:
    store = job_store(server, "bench")
    start = time.perf_counter()
    put_crystals(store)
    put(store, 0, options.documents)
    print(f"filled with {options.documents} in {time.perf_counter() - start:.0f} s")
    peaks = [memory()]
    full = timed_build(store)
    peaks.append(memory())
    none = timed_build(store)
    put(store, options.documents, options.new)
    more = timed_build(store)
    peaks.append(memory())
    print(f"load {os.getloadavg()[0]:.1f}, one thread, one process\n")
    print(
        "| builder | full: processor (wall) s | written | unchanged | written | "
        f"{options.new} new | written |"
    )
    print("|---|---|---|---|---|---|---|")
    builds = (full, none, more)
    for name in full:
        print(f"| {name} | " + " | ".join(row(build[name]) for build in builds) + " |")
    totals = [np.sum(list(build.values()), axis=0) for build in builds]
    print("| all | " + " | ".join(map(row, totals)) + " |\n")
    share = 100 * totals[2] / totals[0]
    print(
        f"increment of {options.new}: {share[0]:.1f} % of the full build's processor "
        f"time, {share[1]:.1f} % of its wall time"
    )
    print(
        "peak memory: {:.0f} MB before, {:.0f} MB after the full build, {:.0f} MB "
        "after the increment".format(*peaks)
    )
    if options.mrun:
        one, two = job_store(server, "one"), job_store(server, "two")
        for each in (one, two):
            put_crystals(each)
            put(each, 0, options.mrun)
        timed_build(one)
        took = mrun(two, folder)
        same = results(one) == results(two)
        print(f"mrun -n 2 over {options.mrun}: {took:.0f} s, same documents: {same}")


if __name__ == "__main__":
    main()
