"""Energies above hull from GPAW (PBE, PAW, plane waves), beside the paper's PBE.

Takes the relaxed crystals that ``benchmarks/engines.py`` wrote, brings each to its
space group, computes it with the gpaw engine at fixed settings, and adds the results
to the same file as they come:

    python benchmarks/engines.py --engines 7net-l3i5 --out hull.json
    python benchmarks/dft_hull.py hull.json --structures 7net-l3i5

A crystal that is already there is not computed again, so the run may be cut and taken
up. GPAW is optional (docs/engines.md says how it installs).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import tempfile
import time
from pathlib import Path

from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from engines import read, table, write
from lps_flows.engines import EngineSettings, get_engine, read_calculation


def symmetric(structure: Structure, symprec: float) -> Structure:
    """Return the primitive cell with the symmetry found within `symprec` (Å).

    The relaxations began from rattled atoms, and GPAW uses exact symmetry only.
    """
    cell = SpacegroupAnalyzer(structure, symprec).get_primitive_standard_structure()
    return cell if len(cell) == len(structure) else structure


def compute(settings: EngineSettings, structure: Structure, *, relax: bool) -> dict:
    engine = get_engine(settings)  # a calculator of its own, with its own k-points
    maker = engine.relax if relax else engine.static
    begun, cpu = time.perf_counter(), time.process_time()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        result = read_calculation(type(maker).make.original(maker, structure))
        said = Path("gpaw.txt").read_text()
    points = re.findall(r"Number of I?BZ points: (\d+)", said)
    return {
        "formula": structure.composition.formula.replace(" ", ""),
        "space_group": SpacegroupAnalyzer(structure, 1e-4).get_space_group_symbol(),
        "k_points": [int(n) for n in points],
        "energy": result.energy,
        "energy_per_atom": result.energy / len(structure),
        "max_force": result.max_force,
        "forces": result.forces.round(6).tolist(),
        "converged": result.converged,
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "poscar": result.structure.to(fmt="poscar"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="what engines.py wrote")
    parser.add_argument("--structures", default="7net-l3i5", help="whose relaxation")
    parser.add_argument("--crystals", nargs="+")
    parser.add_argument("--encut", type=float, default=520.0, help="eV")
    parser.add_argument("--kpoint-length", type=float, default=25.0, help="Å")
    parser.add_argument("--symprec", type=float, default=0.05, help="Å")
    parser.add_argument("--relax", action="store_true")
    parser.add_argument("--name", default="gpaw", help="of the column")
    given = parser.parse_args()
    documents = read(given.file)
    start = documents[given.structures]["crystals"]
    settings = EngineSettings(
        name="gpaw",
        gpaw={"encut": given.encut, "kpoint_length": given.kpoint_length},
    )
    document = documents.setdefault(
        given.name,
        {
            "method": get_engine(settings).method,
            "settings": settings.model_dump(mode="json", include={"gpaw"})["gpaw"]
            | {"structures": documents[given.structures]["method"]}
            | {"relaxed": given.relax, "symprec": given.symprec},
            "load": [],
            "crystals": {},
        },
    )
    for key in given.crystals or list(start):
        if key in document["crystals"]:
            continue
        structure = Structure.from_str(start[key]["poscar"], fmt="poscar")
        row = compute(settings, symmetric(structure, given.symprec), relax=given.relax)
        document["crystals"][key] = row
        document["load"].append(round(os.getloadavg()[1], 1))
        fresh = read(given.file)  # engines.py may have written meanwhile
        fresh[given.name] = document
        write(given.file, fresh)
        print(f"{key:16s} {row['cpu_seconds']:8.0f} s CPU", flush=True)
    print(table(read(given.file)))


if __name__ == "__main__":
    main()
