"""Time the builders over many structures: full build, increment, two processes.

    python benchmarks/builders.py --documents 10000 --new 100

Structures are crystals of the library, strained and rattled, some less a few units of
Li2S, with energies that grow with the distortion: physical, but not computed. The
store is a private MongoDB server in a temporary folder. Prints a Markdown table.
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
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from jobflow import JobStore
from maggma.stores import GridFSStore, MongoStore
from monty.json import jsanitize
from monty.serialization import dumpfn
from pymatgen.core import Structure

from lps_flows.builders import KEYS, all_builders, result_store, run_builder
from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.runner import PrivateMongod, find_mongod, install_mongod
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
        chemical_system=composition.chemical_system,
        x=line.x(composition) if line.contains(composition) else None,
        n_atoms=len(structure),
        energy=energy,
        energy_per_atom=energy / len(structure),
        relaxed=True,
        converged=True,
    )


def synthetic(seed: int) -> StructureDocument:
    """One strained, rattled crystal or glass of 32 to 64 atoms or so."""
    rng = np.random.default_rng(seed)
    parent = PARENTS[int(rng.integers(len(PARENTS)))]
    structure = crystal(parent)
    if len(structure) < 40:
        structure = structure * (1, 2, 1)
    removed = int(rng.integers(0, 4))
    for element, number in (("Li", 2 * removed), ("S", removed)):
        sites = [k for k, s in enumerate(structure) if s.specie.symbol == element]
        structure.remove_sites([int(k) for k in rng.choice(sites, number, False)])
    strain = rng.normal(scale=0.02, size=3)
    structure.apply_strain([float(s) for s in strain])
    moves = rng.normal(scale=0.1, size=(len(structure), 3))
    moved = Structure(
        structure.lattice,
        structure.species,
        structure.cart_coords + moves,
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
    where = {
        "database": database,
        "host": server.bind_ip,
        "port": server.port,
        "mongoclient_kwargs": {"directConnection": True},
    }
    docs = MongoStore(
        **where, collection_name="docs", key="uuid",
        last_updated_field="completed_at", last_updated_type="isoformat",
    )  # fmt: skip
    data = GridFSStore(**where, collection_name="data", key="blob_uuid")
    store = JobStore(docs, additional_stores={"data": data})
    store.connect()
    store.docs_store.ensure_index("uuid")
    return store


def timed_build(store: JobStore) -> tuple[dict[str, float], dict[str, int]]:
    times: dict[str, float] = {}
    written: dict[str, int] = {}
    for builder in all_builders(store):
        name = type(builder).__name__
        start = time.perf_counter()
        written[name] = written.get(name, 0) + run_builder(builder)
        times[name] = times.get(name, 0.0) + time.perf_counter() - start
    return times, written


def results(store: JobStore) -> str:
    found = {}
    for name, key in KEYS.items():
        collection = result_store(store, name)
        collection.connect()
        found[name] = [
            {k: v for k, v in d.items() if k not in {"_id", "created_at"}}
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
    memory = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    full, n_full = timed_build(store)
    memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    none, n_none = timed_build(store)
    put(store, options.documents, options.new)
    more, n_more = timed_build(store)
    print(f"load {os.getloadavg()[0]:.1f}, one thread, one process\n")
    print(
        "| builder | full (s) | written | unchanged (s) | written | "
        "increment (s) | written |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in full:
        print(
            f"| {name} | {full[name]:.1f} | {n_full[name]} | {none[name]:.2f} | "
            f"{n_none[name]} | {more[name]:.2f} | {n_more[name]} |"
        )
    total, again, step = (sum(t.values()) for t in (full, none, more))
    print(
        f"| all | {total:.1f} | {sum(n_full.values())} | {again:.2f} | "
        f"{sum(n_none.values())} | {step:.2f} | {sum(n_more.values())} |\n"
    )
    print(f"increment of {options.new}: {100 * step / total:.1f} % of the full build")
    print(
        f"peak memory before {memory[0]:.0f} MB, "
        f"after the full build {memory[1]:.0f} MB"
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
