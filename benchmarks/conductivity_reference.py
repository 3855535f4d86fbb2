"""The reference of `benchmarks/conductivity.py`: cells, labels, errors by 7net-0."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import write
from ase.md.langevin import Langevin
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import crystal, remove_units, supercell_near
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.jobs.dynamics import initial_atoms
from lps_flows.potential import ANNPotential, assess

REFERENCE = EngineSettings(name="sevennet", model="7net-0", fmax=0.05, max_steps=60)
# Atoms of the cells that are simulated; the glass-ceramic is made from the first.
SIZES = {"beta-Li3PS4": 64, "Li7P3S11": 84}
GLASS = "gc-Li42P16S61"


def atoms_of(structure: Structure) -> Atoms:
    bare = structure.copy()
    for name in list(bare.site_properties):
        bare.remove_site_property(name)
    return AseAtomsAdaptor.get_atoms(bare, msonable=False)


def relaxed_crystal(name: str, folder: Path) -> Structure:
    """Return a crystal's own cell, relaxed by the reference engine."""
    path = folder / f"{name}.cell"
    if not path.exists():
        began = time.time()
        task = get_engine(REFERENCE).compute(crystal(name), relax=True)
        path.write_text(task.structure.to_json())
        print(name, "relaxed in", f"{time.time() - began:.0f} s", flush=True)
    return Structure.from_str(path.read_text(), fmt="json")


def simulated(folder: Path) -> Iterator[tuple[str, Structure]]:
    """Yield the cells of the dynamics; the glass-ceramic once it is chosen."""
    for name, n_atoms in SIZES.items():
        yield name, supercell_near(relaxed_crystal(name, folder), n_atoms)
    path = folder / f"{GLASS}.cell"
    if path.exists():
        yield GLASS, Structure.from_str(path.read_text(), fmt="json")


def labelled(atoms: Atoms, group: str) -> Atoms:
    """Copy atoms with the energy and forces of their calculator."""
    copy = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    copy.info = {"E": float(atoms.get_potential_energy()), "group": group}
    copy.arrays["F"] = atoms.get_forces().copy()
    return copy


def label(folder: Path, steps: int) -> None:
    calculator = get_engine(REFERENCE).calculator()
    beta = supercell_near(relaxed_crystal("beta-Li3PS4", folder), 64)
    seeds = {
        "beta-Li3PS4": relaxed_crystal("beta-Li3PS4", folder),
        "Li7P3S11": supercell_near(relaxed_crystal("Li7P3S11", folder), 42),
        "beta-Li3PS4 less Li2S": remove_units(
            beta, "Li2S", 1, np.random.default_rng(0)
        ),
    }
    for name, cell in seeds.items():
        path = folder / f"frames_0_{name.replace(' ', '_')}.extxyz"
        if path.exists():
            continue
        began = time.time()
        rng = np.random.default_rng(1)
        frames = []
        for scale in (0.94, 0.97, 1.0, 1.0, 1.03, 1.06):
            strained = cell.copy()
            strained.scale_lattice(cell.volume * scale**3)
            atoms = atoms_of(strained)
            atoms.positions += rng.normal(0, 0.12, atoms.positions.shape)
            atoms.calc = calculator
            frames.append(labelled(atoms, f"{name} strained"))
        atoms = initial_atoms(cell, 600.0, seed=1, draw=True)
        atoms.calc = calculator
        integrator = Langevin(
            atoms, 2 * units.fs, temperature_K=600.0, friction=0.02 / units.fs, rng=rng
        )
        for step in range(steps):
            integrator.set_temperature(temperature_K=600 + 1200 * step / steps)
            integrator.run(1)
            if step % 5 == 4:
                frames.append(labelled(atoms, f"{name} heated {step // 40}"))
        write(path, frames)
        print(name, len(frames), "frames", f"{time.time() - began:.0f} s", flush=True)


def compare(potential: ANNPotential, frames: list[Atoms]) -> list[Atoms]:
    """Label frames by the reference and print the errors of the ANN on them."""
    began = time.time()
    calculator = get_engine(REFERENCE).calculator()
    done = []
    for atoms in frames:
        atoms.calc = calculator
        done.append(labelled(atoms, atoms.info["group"]))
    energies = [a.info["E"] for a in done]
    forces = [a.arrays["F"] for a in done]
    groups = [a.info["group"] for a in done]
    reports = assess(potential, done, energies, forces, groups)
    of_each = assess(potential, done, energies, forces, list(range(len(done))))
    for group, report in reports.items():
        # 7net-0's own forces say how large an error is
        mine = [f for f, g in zip(forces, groups, strict=True) if group in (g, "all")]
        size = np.sqrt(np.mean(np.concatenate(mine) ** 2))
        print(
            f"{group:32s} {report.n_structures:4d} frames: energy MAE "
            f"{report.mae:5.1f} meV/atom, forces MAE {report.force_mae:.3f} RMSE "
            f"{report.force_rmse:.3f} eV/Å of {size:.2f}"
        )
    print(f"labelled in {time.time() - began:.0f} s", flush=True)
    # Frames the ANN drove far from anything physical teach it nothing it needs.
    return [
        a
        for k, a in enumerate(done)
        if np.abs(a.arrays["F"]).max() < 30 and of_each[str(k)].mae < 1000
    ]
