"""Reference evaluations of a relaxation by single points, beside those of L-BFGS.

Structures of all five parents are found by a short search on a potential and relaxed
on it; from there each is relaxed, cell and positions free, by ASE's L-BFGS in its
Frechet cell filter and by ``relax_by_single_points``, on the same calculator. Run from
the repository root:

    python benchmarks/relaxations.py potential.safetensors --engines chgnet 7net-0

``potential.safetensors`` is what ``ANNPotential.save`` wrote. Every relaxation is
written as it comes, and what is in the file already is not computed again; without
``--engines`` the table of what is there is printed. ``--add FILE`` takes over
relaxations that another machine computed.

Real DFT is shown on two cells small enough for it, at settings of its own
(``SMALL_CASES``, ``GPAW``):

    POTENTIAL=docs/data/conductivity/potential.safetensors
    python benchmarks/relaxations.py $POTENTIAL --engines gpaw --fmax 0.05

Each of its evaluations is written as it comes, too, beside ``--out``: a relaxation that
was cut off takes the same steps again without computing them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.vasp import Poscar

from lps_flows.chemistry import crystal, supercell_near
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.potential import (
    ANNPotential,
    RelaxationSettings,
    relax_batch,
    relax_by_single_points,
)

RESULTS = Path(__file__).parent / "results" / "relaxations.json"
# parent, end member removed, units, atoms of the supercell before
CASES = [
    ("beta-Li3PS4", "Li2S", 2, 64),
    ("beta-Li3PS4", "Li2S", 3, 64),
    ("beta-Li3PS4", "Li2S", 4, 128),
    ("beta-Li3PS4", "P2S5", 1, 96),
    ("beta-Li3PS4", "Li2S", 1, 96),
    ("gamma-Li3PS4", "Li2S", 2, 64),
    ("gamma-Li3PS4", "Li2S", 3, 64),
    ("gamma-Li3PS4", "P2S5", 1, 96),
    ("gamma-Li3PS4", "Li2S", 3, 128),
    ("gamma-Li3PS4", "Li2S", 1, 48),
    ("Li7P3S11", "Li2S", 2, 42),
    ("Li7P3S11", "Li2S", 1, 84),
    ("Li7P3S11", "Li2S", 2, 84),
    ("Li7P3S11", "P2S5", 2, 84),
    ("Li7P3S11", "P2S5", 1, 126),
    ("LiPS3", "Li2S", 2, 40),
    ("LiPS3", "Li2S", 1, 80),
    ("LiPS3", "P2S5", 1, 80),
    ("LiPS3", "P2S5", 1, 60),
    ("LiPS3", "Li2S", 3, 80),
    ("LT-Li7PS6", "Li2S", 3, 56),
    ("LT-Li7PS6", "Li2S", 4, 56),
    ("LT-Li7PS6", "Li2S", 6, 112),
    ("LT-Li7PS6", "P2S5", 1, 112),
    ("LT-Li7PS6", "Li2S", 3, 112),
]
# for GPAW, numbered after those above
SMALL_CASES = [("gamma-Li3PS4", "Li2S", 1, 16), ("LiPS3", "Li2S", 1, 20)]
# crystals, numbered after those, for GPAW with the settings of the hull
CRYSTALS = [("gamma-Li3PS4", "", 0, 0), ("LiPS3", "", 0, 0)]
GPAW = {
    "gpaw": {
        "encut": 400.0,
        "sigma": 0.05,
        "energy_per_atom": 1e-5,
        "kpoint_length": None,
        "symmetry": False,
    },
    "gpaw-k15": {
        "encut": 520.0,
        "sigma": 0.05,
        "energy_per_atom": 1e-5,
        "kpoint_length": 15.0,
        "symmetry": True,
    },
}
SEED = 1000


def start(potential: ANNPotential, case: tuple, seed: int) -> dict:
    """Search a composition for two generations and relax its lowest structure."""
    parent, end_member, n_units, target = case
    tight = RelaxationSettings(max_force=0.01, max_stress=3e-4, max_steps=800)
    if not end_member:
        (end,) = relax_batch([crystal(parent)], potential, tight)
        return started(parent, "nothing", end.structure)
    (cell,) = relax_batch([crystal(parent)], potential, RelaxationSettings())
    problem = RemovalProblem(
        supercell_near(cell.structure, target), end_member, n_units
    )
    quick = RelaxationSettings(max_steps=60, max_force=0.1)
    settings = EvolutionSettings(population=8, generations=2, seed=seed, patience=None)
    for generation in evolve(
        problem, lambda found: relax_batch(found, potential, quick), settings
    ):
        population = generation.population
    lowest = min(population, key=lambda individual: individual.energy)
    (end,) = relax_batch([lowest.structure], potential, tight)
    return started(parent, f"{n_units} {end_member}", end.structure)


def started(parent: str, removed: str, structure: Structure) -> dict:
    return {
        "parent": parent,
        "removed": removed,
        "formula": structure.composition.formula.replace(" ", ""),
        "atoms": len(structure),
        "poscar": Poscar(structure).get_str(significant_figures=8),
    }


def calculator(name: str) -> Calculator:
    with contextlib.redirect_stdout(io.StringIO()):
        if name == "chgnet":
            from chgnet.model.dynamics import CHGNetCalculator

            return CHGNetCalculator(use_device="cpu", on_isolated_atoms="error")
        if name in GPAW:
            from lps_flows.engines.gpaw import CellGpaw

            return CellGpaw(**GPAW[name])
        from sevenn.calculator import SevenNetCalculator

        return SevenNetCalculator(name, device="cpu")


class Remembered(Calculator):
    """Answers what `path` holds, line by line, and asks `calc` after its end."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012 - as ASE

    def __init__(self, calc: Calculator, path: Path) -> None:
        super().__init__()
        self.calc, self.path, self.asked = calc, path, 0
        lines = path.read_text().splitlines() if path.exists() else []
        self.known = [json.loads(line) for line in lines]

    def calculate(self, atoms=None, properties=(), system_changes=all_changes) -> None:
        """Compute energy (eV), forces (eV/Å) and stress (eV/Å^3)."""
        super().calculate(atoms, properties, system_changes)
        if self.asked == len(self.known):
            self.known.append(self._ask(atoms))
            with self.path.open("a") as file:
                file.write(json.dumps(self.known[-1]) + "\n")
        answer = self.known[self.asked]
        if not np.allclose(answer["positions"], atoms.positions, atol=1e-4):
            raise SystemExit(f"{self.path} is of another relaxation: remove it")
        self.asked += 1
        self.results = {
            name: np.array(answer[name]) if name != "energy" else answer[name]
            for name in self.implemented_properties
        }

    def _ask(self, atoms) -> dict:
        begun, cpu = time.perf_counter(), time.process_time()
        here = atoms.copy()
        here.calc = self.calc
        return {
            "positions": here.positions.tolist(),
            "energy": float(here.get_potential_energy()),
            "forces": here.get_forces().tolist(),
            "stress": here.get_stress().tolist(),
            "seconds": round(time.perf_counter() - begun, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
        }


def by_lbfgs(structure: Structure, calc: Calculator, fmax: float) -> dict:
    atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
    atoms.calc = calc
    steps = []
    optimizer = LBFGS(FrechetCellFilter(atoms), logfile=None)
    optimizer.attach(lambda: steps.append(atoms.get_potential_energy()))
    converged = optimizer.run(fmax=fmax, steps=700)
    return {
        "evaluations": len(steps),
        "energy": float(steps[-1]) / len(atoms),
        "converged": bool(converged),
        "max_force": float(np.linalg.norm(atoms.get_forces(), axis=1).max()),
        "max_stress": float(np.abs(atoms.get_stress()).max()),
    }


def asking(calc: Calculator) -> Callable[[Structure], tuple]:
    """Return what gives energy (eV), forces (eV/Å) and stress (eV/Å^3) by `calc`."""

    def evaluate(candidate: Structure) -> tuple:
        atoms = AseAtomsAdaptor.get_atoms(candidate, msonable=False)
        atoms.calc = calc
        return (
            float(atoms.get_potential_energy()),
            atoms.get_forces(),
            atoms.get_stress(voigt=False),
        )

    return evaluate


def by_single_points(
    structure: Structure, calc: Calculator, potential: ANNPotential, fmax: float
) -> dict:
    found = relax_by_single_points(
        structure, asking(calc), potential, fmax=fmax, max_stress=0.031 * fmax
    )
    return {
        "evaluations": found.n_evaluations,
        "energy": found.energy / len(structure),
        "converged": found.converged,
        "reason": found.reason,
        "max_force": float(np.linalg.norm(found.forces, axis=1).max()),
        "max_stress": float(np.abs(found.stress).max()),
    }


def table(document: dict, engine: str) -> str:
    """Return evaluations and ends (meV/atom) by structure, and the mean ratio."""
    rows = [
        ["structure", "atoms", "parent", "L-BFGS", "end", "single points", "end", "by"],
        ["---"] * 8,
    ]
    ratios, higher = [], []
    for key, begun in document["starts"].items():
        both = [document["ends"].get(f"{engine} {how} {key}") for how in WAYS]
        if None in both:
            continue
        plain, led = both
        ends = [1000 * end["energy"] for end in both]
        ratios.append(plain["evaluations"] / led["evaluations"])
        higher.append(ends[1] - ends[0])
        unfinished = "" if led["converged"] else "*"
        rows.append(
            [
                begun["formula"],
                str(begun["atoms"]),
                begun["parent"],
                str(plain["evaluations"]),
                f"{ends[0]:.2f}",
                f"{led['evaluations']}{unfinished}",
                f"{ends[1]:.2f}",
                f"{higher[-1]:+.2f}",
            ]
        )
    if not ratios:
        return f"{engine}: nothing yet"
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.append(
        f"\n{engine}: {len(ratios)} structures, geometric mean of L-BFGS's evaluations "
        f"over those here {np.exp(np.mean(np.log(ratios))):.1f} (from {min(ratios):.1f}"
        f" to {max(ratios):.1f}); ends {np.mean(higher):+.2f} meV/atom against "
        f"L-BFGS's on average, {sum(h > 0.3 for h in higher)} more than 0.3 above, at "
        f"most {max(higher):+.2f}"
    )
    return "\n".join(lines)


WAYS = ("lbfgs", "single-points")


def numbers(engine: str) -> range:
    """Return which cases an engine gets, where none are named."""
    large, small = len(CASES), len(CASES + SMALL_CASES)
    if engine == "gpaw-k15":
        return range(small, small + len(CRYSTALS))
    return range(large, small) if engine == "gpaw" else range(large)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("potential", type=Path, nargs="?")
    parser.add_argument("--engines", nargs="*", default=[])
    parser.add_argument("--only", type=int, nargs="+", help="cases by number")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--fmax", type=float, default=0.02, help="eV/Å")
    parser.add_argument("--add", type=Path, help="a file of starts and ends")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    document = {"starts": {}, "ends": {}}
    if given.out.exists():
        document = json.loads(given.out.read_text())

    def write() -> None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(document, indent=1) + "\n")

    if given.add is not None:
        for part, entries in json.loads(given.add.read_text()).items():
            document[part].update(entries)
        write()
    if given.engines and given.potential is None:
        parser.error("a potential is needed to compute anything")
    potential = given.potential and ANNPotential.load(given.potential)
    for engine in given.engines:
        calc = calculator(engine)
        for number in given.only or numbers(engine):
            key = str(number)
            if key not in document["starts"]:
                case = (CASES + SMALL_CASES + CRYSTALS)[number]
                seed = SEED + number if number < len(CASES) else SEED
                document["starts"][key] = start(potential, case, seed)
                write()
            structure = Structure.from_str(
                document["starts"][key]["poscar"], fmt="poscar"
            )
            for how in given.ways:
                name = f"{engine} {how} {key}"
                if name in document["ends"]:
                    continue
                begun = time.perf_counter()
                asked = calc
                if engine in GPAW:
                    asked = Remembered(
                        calc, given.out.with_suffix(f".{name.replace(' ', '-')}.jsonl")
                    )
                end = (
                    by_lbfgs(structure, asked, given.fmax)
                    if how == "lbfgs"
                    else by_single_points(structure, asked, potential, given.fmax)
                )
                end["seconds"] = round(time.perf_counter() - begun, 1)
                if engine in GPAW:
                    end |= {"settings": GPAW[engine], "fmax": given.fmax}
                    for kind in ("seconds", "cpu_seconds"):
                        end[kind] = round(sum(one[kind] for one in asked.known), 1)
                document["ends"][name] = end
                write()
                print(name, end["evaluations"], f"{1000 * end['energy']:.2f}")
    for engine in sorted({name.split()[0] for name in document["ends"]}):
        print(table(document, engine), end="\n\n")


if __name__ == "__main__":
    main()
