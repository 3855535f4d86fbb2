r"""Energies above hull from GPAW (PBE, PAW, plane waves), beside the paper's PBE.

Takes the relaxed crystals that ``benchmarks/engines.py`` wrote, computes each with
the gpaw engine at fixed settings, and keeps every result as it comes:

    python benchmarks/engines.py --engines 7net-l3i5 --out results
    python benchmarks/dft_hull.py results/engines.json --structures 7net-l3i5 \
        --out results/dft_hull.json

A crystal that is already in the output is not computed again, so the run may be cut
and taken up. GPAW is optional (docs/engines.md says how it installs).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from pymatgen.core import Structure

from lps_flows.analysis.hull import HullEntry, line_hull
from lps_flows.chemistry import CompositionLine
from lps_flows.engines import EngineSettings, get_engine, read_calculation

PAPER = {
    "gamma-Li3PS4": 0.0,
    "beta-Li3PS4": 3.2,
    "Li7P3S11": 17.2,
    "Li4P2S7": 23.5,
}


def compute(engine, structure: Structure, relax: bool) -> dict:
    maker = engine.relax if relax else engine.static
    begun = time.perf_counter()
    result = read_calculation(type(maker).make.original(maker, structure))
    return {
        "formula": structure.composition.formula.replace(" ", ""),
        "energy": result.energy,
        "max_force": result.max_force,
        "converged": result.converged,
        "seconds": time.perf_counter() - begun,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", type=Path, help="engines.json")
    parser.add_argument("--structures", default="7net-l3i5", help="whose relaxation")
    parser.add_argument("--crystals", nargs="+")
    parser.add_argument("--encut", type=float, default=520.0, help="eV")
    parser.add_argument("--kpoint-length", type=float, default=25.0, help="Å")
    parser.add_argument("--relax", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("results/dft_hull.json"))
    arguments = parser.parse_args()
    documents = json.loads(arguments.engines.read_text())
    crystals = documents[arguments.structures]["crystals"]
    keys = arguments.crystals or list(crystals)
    settings = EngineSettings(
        name="gpaw",
        gpaw={"encut": arguments.encut, "kpoint_length": arguments.kpoint_length},
    )
    engine = get_engine(settings)
    found = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    found.setdefault("method", engine.method)
    found.setdefault("settings", settings.model_dump(mode="json", include={"gpaw"}))
    found.setdefault("structures", documents[arguments.structures]["method"])
    done = found.setdefault("crystals", {})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for key in keys:
        if key not in done:
            structure = Structure.from_dict(crystals[key]["structure"])
            done[key] = compute(engine, structure, arguments.relax)
            arguments.out.write_text(json.dumps(found, indent=1))
            print(f"{key:22s} {done[key]['seconds']:8.0f} s", flush=True)
    entries = [
        HullEntry(
            entry_id=key,
            composition=Structure.from_dict(crystals[key]["structure"]).composition,
            energy=done[key]["energy"],
            method=found["method"],
        )
        for key in keys
    ]
    print("crystal | paper | gpaw | others")
    for point in line_hull(entries, CompositionLine().end_members):
        others = ", ".join(
            f"{name} {1000 * document['crystals'][point.entry_id]['e_above_hull']:.1f}"
            for name, document in documents.items()
            if point.entry_id in document["crystals"]
        )
        paper = PAPER.get(point.entry_id, "")
        print(
            f"{point.entry_id} | {paper} | {1000 * point.e_above_hull:.1f} | {others}"
        )


if __name__ == "__main__":
    main()
