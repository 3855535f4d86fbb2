#!/usr/bin/env python3
"""STAND-IN FOR VASP, FOR TESTS ONLY. Nothing it writes is a DFT result.

It reads POSCAR, INCAR, KPOINTS and POTCAR of the working directory as VASP would,
computes with another engine, and writes vasprun.xml, OUTCAR, OSZICAR, CONTCAR and
XDATCAR in VASP's formats, so that atomate2, custodian and pymatgen can be tested
without VASP. Every file says that it comes from here.

Environment
-----------
FAKE_VASP_CALCULATOR
    ``chgnet`` (default) or ``lj``, a Lennard-Jones liquid that starts at once.
FAKE_VASP_FAIL
    ``scf`` (no electronic convergence), ``zhegv`` (the subspace routine fails and
    VASP aborts), ``kill`` (the process dies by SIGKILL half-way), ``truncate``
    (vasprun.xml ends in the middle).
FAKE_VASP_FAIL_TIMES
    How many runs fail before one succeeds (1).
FAKE_VASP_STATE
    Folder in which runs are counted (the working directory); give one outside it
    when a rerun gets a fresh directory.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

# VASP empties its output files when it starts; custodian watches them from then on.
if __name__ == "__main__":
    for _name in ("OUTCAR", "OSZICAR", "vasprun.xml", "CONTCAR", "XDATCAR"):
        Path(_name).unlink(missing_ok=True)

import numpy as np
from ase import units
from ase.calculators.lj import LennardJones
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.md.nose_hoover_chain import NoseHooverChainNVT
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.optimize import BFGS

sys.path.insert(0, str(Path(__file__).parent))
from fake_vasp_outputs import BANNER, Step, write_outputs

ZHEGV = "Error EDDDAV: Call to ZHEGV failed. Returncode =   7 1 8"
DEFAULTS = {
    "NSW": "0",
    "IBRION": "-1",
    "ISIF": "2",
    "NELM": "60",
    "EDIFF": "1e-4",
    "EDIFFG": "-0.05",
    "POTIM": "0.5",
    "TEBEG": "0",
    "ALGO": "Normal",
    "ISPIN": "1",
}


@dataclass
class Inputs:
    """What the input files say."""

    incar: dict[str, str]
    kpoints: tuple[str, tuple[int, int, int]]
    titles: list[str] = field(default_factory=list)
    valences: list[float] = field(default_factory=list)

    def number(self, key: str) -> float:
        return float(self.incar.get(key, DEFAULTS[key]).split()[0])


def read_incar() -> dict[str, str]:
    pairs = [
        line.split("#")[0].split("!")[0].split("=", 1)
        for line in Path("INCAR").read_text().splitlines()
        if "=" in line
    ]
    return {key.strip().upper(): value.strip() for key, value in pairs}


def read_kpoints(atoms) -> tuple[str, tuple[int, int, int]]:
    """Style and divisions; VASP's automatic mode is N = max(1, R |b| + 0.5)."""
    lines = Path("KPOINTS").read_text().splitlines()
    style = lines[2].strip()
    if style[0] in "Aa":
        length = float(lines[3])
        norms = np.linalg.norm(atoms.cell.reciprocal(), axis=1)
        found = np.maximum(1, length * norms + 0.5).astype(int)
        return "Auto", tuple(int(n) for n in found)
    return style, tuple(int(n) for n in lines[3].split()[:3])


def read_potcar() -> tuple[list[str], list[float]]:
    if not Path("POTCAR").exists():
        sys.exit("I REFUSE TO START: there is no POTCAR")
    titles, valences = [], []
    for line in Path("POTCAR").read_text().splitlines():
        if "TITEL" in line:
            titles.append(line.split("=")[1].strip())
        if "ZVAL" in line:
            valences.append(float(line.split("ZVAL")[1].split("=")[1].split()[0]))
    return titles, valences


def calculator():
    if os.environ.get("FAKE_VASP_CALCULATOR", "chgnet") == "lj":
        return LennardJones(sigma=2.1, epsilon=0.1, rc=4.5, smooth=True)
    import torch

    torch.set_num_threads(1)
    from chgnet.model.dynamics import CHGNetCalculator

    return CHGNetCalculator()


def this_run_fails() -> bool:
    folder = Path(os.environ.get("FAKE_VASP_STATE", "."))
    count = folder / "fake_vasp_runs"
    runs = int(count.read_text()) if count.exists() else 0
    count.write_text(str(runs + 1))
    return runs < int(os.environ.get("FAKE_VASP_FAIL_TIMES", "1"))


def step_of(atoms, ionic_velocities: bool = False) -> Step:
    # custodian takes a positive energy for a failed run
    bound = -5.0 * len(atoms) if isinstance(atoms.calc, LennardJones) else 0.0
    return Step(
        cell=atoms.cell.array.copy(),
        scaled=atoms.get_scaled_positions(wrap=False),
        energy=float(atoms.get_potential_energy()) + bound,
        forces=atoms.get_forces().copy(),
        # VASP: kbar, positive under compression
        stress=-10 / units.GPa * atoms.get_stress(voigt=False),
        kinetic=float(atoms.get_kinetic_energy()) if ionic_velocities else None,
        temperature=float(atoms.get_temperature()) if ionic_velocities else None,
    )


def relax(atoms, inputs: Inputs) -> list[Step]:
    first = step_of(atoms)
    target = FrechetCellFilter(atoms) if inputs.number("ISIF") == 3 else atoms
    optimiser = BFGS(target, logfile=None)
    run = optimiser.irun(
        fmax=-inputs.number("EDIFFG"), steps=int(inputs.number("NSW")) - 1
    )
    return [first, *(step_of(atoms) for _ in run if optimiser.nsteps)]


def dynamics(atoms, inputs: Inputs) -> list[Step]:
    temperature = inputs.number("TEBEG")
    if not atoms.get_momenta().any():
        MaxwellBoltzmannDistribution(
            atoms, temperature_K=temperature, rng=np.random.default_rng(0)
        )
        Stationary(atoms)
    mover = NoseHooverChainNVT(
        atoms,
        inputs.number("POTIM") * units.fs,
        temperature_K=temperature,
        tdamp=40 * units.fs,
    )
    steps = []
    for _ in range(int(inputs.number("NSW"))):
        mover.run(1)
        steps.append(step_of(atoms, ionic_velocities=True))
    return steps


def write_contcar(atoms, moving: bool) -> None:
    write("CONTCAR", atoms, format="vasp", direct=True)
    lines = Path("CONTCAR").read_text().splitlines()
    Path("CONTCAR").write_text("\n".join([BANNER, *lines[1:]]) + "\n")
    if moving:
        velocities = atoms.get_velocities() * units.fs  # ASE's unit to Å/fs
        with Path("CONTCAR").open("a") as file:
            file.write("\n")
            file.writelines(
                "  " + "  ".join(f"{value: .8E}" for value in row) + "\n"
                for row in velocities
            )


def read_velocities(atoms) -> None:
    """Velocities (Å/fs) are the block after the coordinates of POSCAR, if any."""
    lines = Path("POSCAR").read_text().splitlines()
    block = [line.split() for line in lines[8 + len(atoms) :]]
    rows = [row for row in block if len(row) == 3][: len(atoms)]
    if len(rows) == len(atoms):
        atoms.set_velocities(np.array(rows, dtype=float) / units.fs)


def main() -> None:
    atoms = read("POSCAR", format="vasp")
    titles, valences = read_potcar()
    inputs = Inputs(read_incar(), read_kpoints(atoms), titles, valences)
    failure = os.environ.get("FAKE_VASP_FAIL", "")
    fails = bool(failure) and this_run_fails()
    sys.stdout.write(BANNER + "\n")
    sys.stdout.flush()
    if fails and failure == "zhegv":
        Path("OUTCAR").write_text(BANNER + "\n")
        sys.stdout.write(ZHEGV + "\n")
        sys.exit(1)
    atoms.calc = calculator()
    waves = Path("WAVECAR")
    if waves.exists():
        sys.stdout.write(" the WAVECAR file was read successfully\n")
    moving = inputs.number("IBRION") == 0
    if moving:
        read_velocities(atoms)
        steps = dynamics(atoms, inputs)
    elif inputs.number("NSW") > 0 and inputs.number("IBRION") in (1, 2, 3):
        steps = relax(atoms, inputs)
    else:
        steps = [step_of(atoms)]
    if fails and failure == "kill":
        Path("OSZICAR").write_text("       N       E\n")
        os.kill(os.getpid(), signal.SIGKILL)
    write_outputs(
        atoms,
        steps,
        inputs,
        n_electronic=int(inputs.number("NELM")) if fails and failure == "scf" else 6,
    )
    write_contcar(atoms, moving)
    if inputs.incar.get("LWAVE", ".TRUE.").strip(". ").upper().startswith("T"):
        waves.write_text(BANNER + "\n")
    if fails and failure == "truncate":
        text = Path("vasprun.xml").read_text()
        Path("vasprun.xml").write_text(text[: len(text) // 2])
    sys.stdout.write(" reached required accuracy - stopping minimisation\n")


if __name__ == "__main__":
    main()
