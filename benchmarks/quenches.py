"""Whether frameworks that change in dynamics on a potential change downhill.

    python benchmarks/quenches.py gc-Li42P16S61 ... [--temperature 700] [--ps 2 10 20]

A structure of ``docs/data/map`` moves on a published potential (NVT, ASE's
Langevin thermostat). It, and the frames at the times given, are relaxed on that
potential and from there by the surrogate, cell and positions free, by single points. A
frame whose minimum lies lower by the surrogate, too, says that the structure was not
the lowest arrangement of its composition; one that lies higher says that heat, or the
error of the potential, changed it. Rows go to ``docs/data/map/beside/quenches.csv``,
from which docs/results.py makes its table.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from ase import units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from dft_glasses import BESIDE, add, geometry, known
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from relaxations import asking

from lps_flows.analysis import classify_motifs
from lps_flows.analysis.framework import framework_survival
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.potential import (
    ANNPotential,
    RelaxationSettings,
    relax_batch,
    relax_by_single_points,
)

OUT = BESIDE / "quenches.csv"
STEP = 2.0  # fs
EVERY = 10  # steps between frames; five are averaged where bonds are looked at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="+")
    parser.add_argument("--potential", default="Li-P-S-dynamics")
    parser.add_argument("--engine", default="7net-l3i5", help="model of sevennet")
    parser.add_argument("--temperature", type=float, default=700.0, help="K")
    parser.add_argument("--ps", type=float, nargs="+", default=[2.0, 10.0, 20.0])
    parser.add_argument("--fmax", type=float, default=0.02, help="eV/Å")
    asked = parser.parse_args()
    potential = ANNPotential.published(asked.potential)
    engine = get_engine(EngineSettings(name="sevennet", model=asked.engine))
    evaluate = asking(engine.calculator())
    tight = RelaxationSettings(max_force=0.01, max_stress=3e-4, max_steps=800)
    there = {(row["label"], row["temperature"]) for row in known(OUT)}
    for label in asked.labels:
        if (label, f"{asked.temperature:g}") in there:
            continue
        begun = time.process_time()
        start = geometry(label)
        frames = [(0.0, start, 0.0)]
        frames += moved(start, asked.potential, asked.temperature, asked.ps)
        rows = []
        for ps, frame, lost in frames:
            (on_ann,) = relax_batch([frame], potential, tight)
            found = relax_by_single_points(
                on_ann.structure,
                evaluate,
                potential,
                fmax=asked.fmax,
                max_stress=0.031 * asked.fmax,
            )
            motifs = classify_motifs(found.structure)
            row = {
                "label": label,
                "temperature": f"{asked.temperature:g}",
                "ps": f"{ps:g}",
                "formers_broken": round(lost * start.composition["P"]),
                "ann": asked.potential,
                "ann_energy_per_atom": round(on_ann.energy / len(start), 6),
                "method": engine.method,
                "energy_per_atom": round(found.energy / len(start), 6),
                "converged": found.converged,
                "n_evaluations": found.n_evaluations,
                **{name: round(share, 4) for name, share in motifs.items()},
            }
            rows.append(row)
            print(*row.values(), flush=True)
        for row in rows:
            add(OUT, row)
        print(label, f"{time.process_time() - begun:.0f} s of processor", flush=True)


def moved(
    start: Structure, name: str, temperature: float, times: list[float]
) -> list[tuple[float, Structure, float]]:
    """Return (ps, frame, share of P with a bond broken) at the times given."""
    atoms = AseAtomsAdaptor.get_atoms(start, msonable=False)
    atoms.calc = get_engine(EngineSettings(name="ann", potential=name)).calculator()
    drawn = np.random.default_rng(1)
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=drawn)
    motion = Langevin(
        atoms,
        STEP * units.fs,
        temperature_K=temperature,
        friction=0.01 / units.fs,
        rng=drawn,
    )
    kept: list[np.ndarray] = []
    motion.attach(lambda: kept.append(atoms.positions.copy()), interval=EVERY)
    found = []
    for ps in sorted(times):
        steps = round(1000 * ps / STEP) - motion.nsteps
        motion.run(steps)
        last = np.array(kept[-5:])
        bonds = framework_survival(
            start, last, np.arange(len(last)), max_change=1.0, n_times=1
        )
        frame = Structure(
            start.lattice, start.species, last[-1], coords_are_cartesian=True
        )
        found.append((ps, frame, bonds.lost if bonds else 0.0))
    return found


if __name__ == "__main__":
    main()
