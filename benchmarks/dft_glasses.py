"""DFT single points of the map's structures: GPAW at the geometries that are published.

    python benchmarks/dft_glasses.py gc-Li42P16S61 gc-Li16P14S43 ...

Each named structure of the map is computed with the settings of the crystals in
``benchmarks/results/hull.json`` (PBE, 520 eV) at the Gamma point alone, or on their
grid with ``--kpoint-length 15``, and added to ``docs/data/map/beside/dft.csv``, from
which docs/results.py makes its table, with those crystals and with energies by the
surrogate and the published potential at the same geometries. What is there is not
computed again; several may run side by side. Geometries stay in
``docs/data/map/beside/structures`` when a later campaign finds others; these go beside
them under a name with an ending, ``gc-Li42P16S61_lower``.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from dft_hull import compute
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine
from lps_flows.engines import Engine, EngineSettings, get_engine, read_calculation
from lps_flows.potential import ANNPotential

ROOT = Path(__file__).parents[1]
MAP = ROOT / "docs" / "data" / "map"
BESIDE = MAP / "beside"
CRYSTALS = ROOT / "benchmarks" / "results" / "hull.json"
POTENTIAL = "Li-P-S"
SURROGATE = "7net-l3i5"


def geometry(label: str) -> Structure:
    """Return a structure of the map, as it was when it was first computed beside it."""
    kept = BESIDE / "structures" / f"{label}.cif"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        of_the_map = f"{label.partition('_')[0]}.cif"
        shutil.copyfile(MAP / "structures" / of_the_map, kept)
    return Structure.from_file(kept)


def known(file: Path) -> list[dict[str, Any]]:
    """Return the rows that are there."""
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def add(file: Path, row: dict[str, Any]) -> None:
    """Add a row, whoever else does."""
    with file.open("a", newline="") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        writer = csv.DictWriter(stream, row, lineterminator="\n")
        if not file.stat().st_size:
            writer.writeheader()
        writer.writerow(row)


def row_of(
    label: str, method: str, structure: Structure, found: dict[str, Any]
) -> dict[str, Any]:
    """Return a row: what GPAW found, and what surrogate and potential say there."""
    ann = ANNPotential.published(POTENTIAL).evaluate(structure, forces=False)
    surrogate = _surrogate()
    said = read_calculation(surrogate.compute(structure, relax=False))
    return {
        "label": label,
        "x": round(CompositionLine().x(structure.composition), 6),
        "method": method,
        "nsites": len(structure),
        "energy_per_atom": round(found["energy_per_atom"], 6),
        "max_force": round(found["max_force"], 4),
        "k_points": max(found["k_points"]),
        "cpu_seconds": found["cpu_seconds"],
        "ann_energy_per_atom": round(ann.energy / len(structure), 6),
        "surrogate": surrogate.method,
        "surrogate_energy_per_atom": round(said.energy / len(structure), 6),
    }


@cache
def _surrogate() -> Engine:
    return get_engine(EngineSettings(name="sevennet", model=SURROGATE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="*", help="names of files, without .cif")
    parser.add_argument("--kpoint-length", type=float, default=1.0, help="R_k (Å)")
    parser.add_argument("--out", type=Path, default=BESIDE / "dft.csv")
    asked = parser.parse_args()
    asked.out.parent.mkdir(exist_ok=True)
    crystals = json.loads(CRYSTALS.read_text())["gpaw"]
    same = {key: crystals["settings"][key] for key in ("encut", "sigma")}
    same["energy_per_atom"] = crystals["settings"]["energy_per_atom"]
    settings = EngineSettings(
        name="gpaw", gpaw=same | {"kpoint_length": asked.kpoint_length}
    )
    there = {(row["label"], row["method"]) for row in known(asked.out)}
    for label, found in crystals["crystals"].items():
        if (label, crystals["method"]) not in there:
            structure = Structure.from_str(found["poscar"], fmt="poscar")
            add(asked.out, row_of(label, crystals["method"], structure, found))
    for label in asked.labels:
        method = get_engine(settings).method
        if (label, method) not in there:
            structure = geometry(label)
            found = compute(settings, structure, relax=False)
            add(asked.out, row_of(label, method, structure, found))
            print(f"{label:16s} {found['cpu_seconds']:8.0f} s CPU", flush=True)


if __name__ == "__main__":
    main()
