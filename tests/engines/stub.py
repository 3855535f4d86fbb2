"""An engine of no cost, for tests of the jobs around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from atomate2.ase.jobs import AseRelaxMaker

from lps_flows.engines.ase_engine import AseEngine


class Spiteful(LennardJones):
    """Lennard-Jones that gives NaN for cells with exactly `bad` atoms."""

    def __init__(self, bad: int = 0) -> None:
        super().__init__(sigma=2.1, epsilon=0.1, rc=4.5, smooth=True)
        self.bad = bad

    def calculate(self, *args: Any, **kwargs: Any) -> None:
        super().calculate(*args, **kwargs)
        if len(self.atoms) == self.bad:
            self.results["energy"] = np.nan


@dataclass
class StubRelaxMaker(AseRelaxMaker):
    name: str = "stub relax"
    ionic_step_data: tuple[str, ...] | None = None

    def _get_calculator(self) -> Calculator:
        return Spiteful(**self.calculator_kwargs)


@dataclass
class StubStaticMaker(StubRelaxMaker):
    name: str = "stub static"
    steps: int = 1


def stub_engine(*, batched: bool = True, bad: int = 0, steps: int = 30) -> AseEngine:
    kwargs = {"bad": bad}
    quiet = {"final_atoms_object_file": None}
    return AseEngine(
        name="stub",
        method="stub-lj",
        static=StubStaticMaker(calculator_kwargs=kwargs, relax_kwargs=quiet),
        relax=StubRelaxMaker(
            calculator_kwargs=kwargs,
            steps=steps,
            relax_cell=False,
            relax_kwargs=quiet | {"fmax": 0.05},
        ),
        batched=batched,
    )
