"""Forces of the engines beside DFT's, on frames that none of them was made from.

    python benchmarks/forces.py frames.extxyz --engines chgnet diep 7net-0 7net-l3i5

``frames.extxyz`` is anything that ASE reads with energies and forces. The errors go to
``benchmarks/results/hull.json``, beside the energies above hull, under the name of the
file; what another functional changes is part of them. With ``--label FILE`` the frames
are computed by GPAW first (``--encut``, ``--kpoint-length``) and written there, one by
one: a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from dft_hull import compute
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from engines import SEVENNET, engine_settings, read, write
from lps_flows.engines import EngineSettings, get_engine

RESULTS = Path(__file__).parent / "results" / "hull.json"


def label(frames: list[Atoms], settings: EngineSettings, file: Path) -> None:
    """Compute frames by GPAW, without symmetry where they have none."""
    done = len(ase.io.read(file, ":")) if file.exists() else 0
    for atoms in frames[done:]:
        structure = AseAtomsAdaptor.get_structure(atoms)
        row = compute(settings, structure, relax=False)
        labelled = Structure.from_str(row["poscar"], fmt="poscar").to_ase_atoms()
        labelled.calc = SinglePointCalculator(
            labelled, energy=row["energy"], forces=row["forces"]
        )
        labelled.info["method"] = get_engine(settings).method
        ase.io.write(file, labelled, append=True)
        print(f"{row['formula']:16s} {row['cpu_seconds']:8.0f} s CPU", flush=True)


def errors(settings: EngineSettings, frames: list[Atoms]) -> dict[str, float | int]:
    """Return errors of forces (eV/Å), of energies (meV/atom) and the time of an atom.

    Energies are compared within a composition, without their mean; the slope is that
    of the engine's forces on DFT's, below one where the surface is too soft.
    """
    calculator = get_engine(settings).calculator()
    forces, energies, seconds = [], [], []
    for atoms in [frames[0], *frames]:  # the model loads on the first
        copy = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
        copy.calc = calculator
        calculator.reset()
        begun = time.process_time()
        forces.append(copy.get_forces())
        energies.append(copy.get_potential_energy() / len(copy))
        seconds.append((time.process_time() - begun) / len(copy))
    ours = np.concatenate(forces[1:]).ravel()
    dft = np.concatenate([atoms.get_forces() for atoms in frames]).ravel()
    off = np.array(
        [
            energy - atoms.get_potential_energy() / len(atoms)
            for energy, atoms in zip(energies[1:], frames, strict=True)
        ]
    )
    formulas = np.array([str(atoms.symbols.formula.format("hill")) for atoms in frames])
    for formula in set(formulas):
        off[formulas == formula] -= off[formulas == formula].mean()
    return {
        "n_frames": len(frames),
        "n_atoms": round(float(np.mean([len(atoms) for atoms in frames])), 1),
        "dft_force": round(float(np.abs(dft).mean()), 4),
        "force_mae": round(float(np.abs(ours - dft).mean()), 4),
        "force_rmse": round(float(np.sqrt(((ours - dft) ** 2).mean())), 4),
        "force_slope": round(float(ours @ dft / (dft @ dft)), 4),
        "energy_mae": round(1000 * float(np.abs(off).mean()), 2),
        "ms_per_atom": round(1000 * float(np.median(seconds[1:])), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path, help="what ASE reads")
    parser.add_argument("--every", type=int, default=1, help="frames, that many apart")
    parser.add_argument("--engines", nargs="*", default=["chgnet", "diep", *SEVENNET])
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--label", type=Path, help="computed by GPAW, written here")
    parser.add_argument("--encut", type=float, default=520.0, help="eV")
    parser.add_argument("--kpoint-length", type=float, default=15.0, help="Å")
    given = parser.parse_args()
    frames = ase.io.read(given.frames, f"::{given.every}")
    if given.label:
        gpaw = {"encut": given.encut, "kpoint_length": given.kpoint_length}
        label(frames, EngineSettings(name="gpaw", gpaw=gpaw), given.label)
        return
    for name in given.engines:
        found = errors(engine_settings(name, 0.02, 500, threads=1), frames)
        documents = read(given.out)
        places = documents[name].setdefault("forces", {})
        places[given.frames.name.partition(".")[0]] = found
        write(given.out, documents)
        print(name, found, flush=True)


if __name__ == "__main__":
    main()
