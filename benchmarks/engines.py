"""Energy above hull of the line's crystals by each engine, beside the paper's PBE.

Every ordered crystal of the library on the line is relaxed (cell and positions) by
each engine; formation energies follow Eq. 1, and the hull is that of the crystals
alone. Run from the repository root:

    python benchmarks/engines.py --engines chgnet 7net-0 7net-l3i5 --out results/

Writes ``engines.json`` (settings, energies, times) and prints the table.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from lps_flows.analysis.hull import HullEntry, line_hull
from lps_flows.chemistry import CompositionLine, crystal, crystals
from lps_flows.engines import EngineSettings, get_engine, read_calculation

# Guo et al., Chem. Mater. 2022 (PBE, 520 eV), meV/atom above the hull.
PAPER = {
    "gamma-Li3PS4": 0.0,
    "beta-Li3PS4": 3.2,
    "Li7P3S11": 17.2,
    "Li4P2S7": 23.5,
}
SEVENNET = ("7net-0", "7net-l3i5")


def engine_settings(name: str, fmax: float, steps: int, threads: int) -> EngineSettings:
    shared = {"fmax": fmax, "max_steps": steps, "threads": threads}
    if name in SEVENNET:
        return EngineSettings(name="sevennet", model=name, **shared)
    return EngineSettings(name=name, **shared)


def relaxed(name: str, arguments: argparse.Namespace, keys: list[str]) -> dict:
    settings = engine_settings(name, arguments.fmax, arguments.steps, arguments.threads)
    engine = get_engine(settings)
    results = {}
    for key in keys:
        structure = crystal(key).get_primitive_structure()
        if arguments.rattle:
            structure.perturb(arguments.rattle, seed=0)
        begun = time.perf_counter()
        calculation = read_calculation(engine.compute(structure, relax=True))
        results[key] = {
            "formula": structure.composition.formula.replace(" ", ""),
            "energy": calculation.energy,
            "energy_per_atom": calculation.energy / len(structure),
            "converged": calculation.converged,
            "n_steps": calculation.n_steps,
            "max_force": calculation.max_force,
            "volume_change": calculation.structure.volume / structure.volume - 1,
            "seconds": time.perf_counter() - begun,
            "structure": calculation.structure.as_dict(),
        }
        print(f"{name:10s} {key:22s} {results[key]['seconds']:7.1f} s", flush=True)
    entries = [
        HullEntry(
            entry_id=key,
            composition=crystal(key).get_primitive_structure().composition,
            energy=result["energy"],
            method=engine.method,
        )
        for key, result in results.items()
    ]
    for point in line_hull(entries, CompositionLine().end_members):
        results[point.entry_id] |= {
            "x": point.x,
            "formation_energy": point.formation_energy,
            "e_above_hull": point.e_above_hull,
        }
    return {
        "method": engine.method,
        "settings": settings.model_dump(
            mode="json", include={"fmax", "max_steps", "optimizer"}
        ),
        "rattle": arguments.rattle,
        "crystals": results,
    }


def table(documents: dict[str, dict], keys: list[str]) -> str:
    names = list(documents)
    head = ["crystal", "x", "paper", *names]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for key in keys:
        rows = [documents[name]["crystals"][key] for name in names]
        cells = [
            f"{1000 * row['e_above_hull']:.1f}" + ("" if row["converged"] else "*")
            for row in rows
        ]
        paper = PAPER.get(key)
        lines.append(
            " | ".join(
                [
                    key,
                    f"{rows[0]['x']:.3f}",
                    "" if paper is None else f"{paper:.1f}",
                    *cells,
                ]
            )
        )
    total = [
        f"{sum(row['seconds'] for row in documents[name]['crystals'].values()):.0f} s"
        for name in names
    ]
    lines.append(" | ".join(["time", "", "", *total]))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--engines", nargs="+", default=["chgnet", "7net-0", "7net-l3i5"]
    )
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
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    keys = arguments.crystals or [
        entry.key
        for entry in crystals()
        if entry.x() is not None and not entry.disordered
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    documents = {}
    for name in arguments.engines:
        documents[name] = relaxed(name, arguments, keys)
        (arguments.out / "engines.json").write_text(json.dumps(documents, indent=1))
    print(table(documents, keys))


if __name__ == "__main__":
    main()
