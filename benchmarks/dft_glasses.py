"""DFT single points of the map's structures: GPAW at the geometries that are published.

    python benchmarks/dft_glasses.py gc-Li42P16S61 gc-Li16P14S43 ...

Each named structure of ``docs/data/map/structures`` is computed with the settings of
the crystals in ``benchmarks/results/hull.json`` (PBE, 520 eV) at the Gamma point alone,
or on their grid with ``--kpoint-length 15``, and added to
``docs/data/map/beside/dft.csv``, from which docs/results.py makes its table, with those
crystals and with energies by the published potential at the same geometries. What is
there is not computed again; several may run side by side.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import json
from pathlib import Path
from typing import Any

from dft_hull import compute
from pymatgen.core import Structure

from lps_flows.engines import EngineSettings, get_engine
from lps_flows.potential import ANNPotential

ROOT = Path(__file__).parents[1]
MAP = ROOT / "docs" / "data" / "map"
CRYSTALS = ROOT / "benchmarks" / "results" / "hull.json"
POTENTIAL = "Li-P-S"


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
    """Return a row: what GPAW found, and the published potential's energy."""
    ann = ANNPotential.published(POTENTIAL).evaluate(structure, forces=False)
    return {
        "label": label,
        "method": method,
        "nsites": len(structure),
        "energy_per_atom": round(found["energy_per_atom"], 6),
        "max_force": round(found["max_force"], 4),
        "k_points": max(found["k_points"]),
        "cpu_seconds": found["cpu_seconds"],
        "ann_energy_per_atom": round(ann.energy / len(structure), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="*", help="names of files, without .cif")
    parser.add_argument("--kpoint-length", type=float, default=1.0, help="R_k (Å)")
    parser.add_argument("--out", type=Path, default=MAP / "beside" / "dft.csv")
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
            structure = Structure.from_file(MAP / "structures" / f"{label}.cif")
            found = compute(settings, structure, relax=False)
            add(asked.out, row_of(label, method, structure, found))
            print(f"{label:16s} {found['cpu_seconds']:8.0f} s CPU", flush=True)


if __name__ == "__main__":
    main()
