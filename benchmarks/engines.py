"""Energy above hull of the line's crystals by each engine, beside the paper's PBE.

Ordered crystals of the library on the line are relaxed (cell and positions) by each
engine; formation energies follow Eq. 1, and the hull is that of the crystals alone.
Run from the repository root:

    python benchmarks/engines.py --engines chgnet 7net-0 7net-l3i5 --out hull.json

Every result is written as it comes, and what is in the file already is not computed
again. ``benchmarks/dft_hull.py`` adds GPAW, and prints the table of all.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from pymatgen.core import Structure

from lps_flows.analysis.hull import HullEntry
from lps_flows.analysis.hull_places import line_hull
from lps_flows.analysis.literature import paper_value
from lps_flows.chemistry import CompositionLine, crystal, crystals
from lps_flows.engines import EngineSettings, get_engine, read_calculation

SEVENNET = ("7net-0", "7net-l3i5")


def engine_settings(name: str, fmax: float, steps: int, threads: int) -> EngineSettings:
    shared = {"fmax": fmax, "max_steps": steps, "threads": threads}
    if name in SEVENNET:
        return EngineSettings(name="sevennet", model=name, **shared)
    return EngineSettings(name=name, **shared)


def read(file: Path) -> dict[str, dict]:
    return json.loads(file.read_text()) if file.exists() else {}


def write(file: Path, documents: dict[str, dict]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(documents, indent=1) + "\n")


def relax(engine, key: str, rattle: float) -> dict:
    structure = crystal(key).get_primitive_structure()
    if rattle:
        structure.perturb(rattle, seed=0)
    begun, cpu = time.perf_counter(), time.process_time()
    calculation = read_calculation(engine.compute(structure, relax=True))
    return {
        "formula": structure.composition.formula.replace(" ", ""),
        "energy": calculation.energy,
        "energy_per_atom": calculation.energy / len(structure),
        "converged": calculation.converged,
        "n_steps": calculation.n_steps,
        "max_force": calculation.max_force,
        "volume_change": calculation.structure.volume / structure.volume - 1,
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "poscar": calculation.structure.to(fmt="poscar"),
    }


def above_hull(document: dict) -> dict[str, tuple[float, float]]:
    """Return x and the energy above hull (meV/atom) of every crystal at hand."""
    entries = [
        HullEntry(
            entry_id=key,
            composition=Structure.from_str(row["poscar"], fmt="poscar").composition,
            energy=row["energy"],
            method=document["method"],
        )
        for key, row in document["crystals"].items()
    ]
    line = CompositionLine()
    places = line_hull(entries, line)
    x = {entry.entry_id: line.x(entry.composition) for entry in entries}
    return {key: (x[key], 1000 * at.energy_above_hull) for key, at in places.items()}


def table(documents: dict[str, dict]) -> str:
    """Return energies above hull (meV/atom) by engine; * marks unconverged ones."""
    hulls = {
        name: above_hull(document)
        for name, document in documents.items()
        if {"Li2S", "P2S5"} <= set(document["crystals"])
    }
    keys = {key: x for hull in hulls.values() for key, (x, _) in hull.items()}
    lines = [["crystal", "x", "paper", *hulls], ["---"] * (3 + len(hulls))]
    for key, x in sorted(keys.items(), key=lambda item: item[1]):
        paper = paper_value(key, "energy above hull")
        row = [key, f"{x:.3f}", "" if paper is None else f"{paper:.1f}"]
        for name, hull in hulls.items():
            if key not in hull:
                row.append("")
                continue
            star = "" if documents[name]["crystals"][key]["converged"] else "*"
            row.append(f"{hull[key][1]:.1f}{star}")
        lines.append(row)
    times = [
        sum(row["cpu_seconds"] for row in documents[name]["crystals"].values())
        for name in hulls
    ]
    lines.append(["CPU time", "", "", *(f"{seconds:.0f} s" for seconds in times)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="*", default=["chgnet", *SEVENNET])
    parser.add_argument(
        "--crystals", nargs="+", help="keys; all on the line by default"
    )
    parser.add_argument("--fmax", type=float, default=0.02, help="eV/Å")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--rattle",
        type=float,
        default=0.02,
        help="displacement that breaks symmetry, Å",
    )
    parser.add_argument("--out", type=Path, default=Path("results/hull.json"))
    given = parser.parse_args()
    keys = given.crystals or [
        entry.key
        for entry in crystals()
        if entry.x() is not None and not entry.disordered
    ]
    documents = read(given.out)
    for name in given.engines:
        settings = engine_settings(name, given.fmax, given.steps, given.threads)
        engine = get_engine(settings)
        document = documents.setdefault(
            name,
            {
                "method": engine.method,
                "settings": settings.model_dump(
                    mode="json", include={"fmax", "max_steps", "optimizer"}
                )
                | {"rattle": given.rattle},
                "crystals": {},
            },
        )
        for key in keys:
            if key in document["crystals"]:
                continue
            row = document["crystals"][key] = relax(engine, key, given.rattle)
            documents = read(given.out) | {name: document}  # others write there too
            write(given.out, documents)
            print(f"{name:10s} {key:16s} {row['cpu_seconds']:7.1f} s CPU", flush=True)
    print(table(documents))


if __name__ == "__main__":
    main()
