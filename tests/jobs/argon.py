"""Argon by Lennard-Jones as an engine: answers that are known otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from atomate2.ase.jobs import AseRelaxMaker
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.engines.ase_engine import AseEngine

POTENTIAL = {"sigma": 3.4, "epsilon": 0.0104, "rc": 6.0, "smooth": True}


def argon(kind: str) -> Structure:
    """Return one atom of argon, fcc or bcc."""
    atoms = bulk("Ar", kind, a=5.2 if kind == "fcc" else 4.1)
    return Structure.from_sites(AseAtomsAdaptor.get_structure(atoms).sites)


@dataclass
class ArgonRelaxMaker(AseRelaxMaker):
    name: str = "argon relax"
    ionic_step_data: tuple[str, ...] | None = None

    def _get_calculator(self) -> Calculator:
        return LennardJones(**POTENTIAL)


@dataclass
class ArgonStaticMaker(ArgonRelaxMaker):
    name: str = "argon static"
    steps: int = 1
    relax_cell: bool = False


def argon_engine(*, batched: bool = True) -> AseEngine:
    """Return the engine; relaxations are tight."""
    quiet = {"final_atoms_object_file": None}
    return AseEngine(
        name="argon",
        method="lj-argon",
        static=ArgonStaticMaker(relax_kwargs=quiet),
        relax=ArgonRelaxMaker(steps=300, relax_kwargs=quiet | {"fmax": 1e-4}),
        batched=batched,
    )
