"""An engine of no cost, for tests of the jobs around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ase.units
import numpy as np
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from atomate2.ase.jobs import AseRelaxMaker
from atomate2.ase.md import AseMDMaker

from lps_flows.engines import Engine
from lps_flows.engines.thermostat import NoseHooverNVT


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


@dataclass
class StubMDMaker(AseMDMaker):
    name: str = "stub md"
    dynamics: Any = NoseHooverNVT
    ionic_step_data: tuple[str, ...] | None = None

    def _get_calculator(self) -> Calculator:
        return Spiteful(**self.calculator_kwargs)


def stub_engine(*, batched: bool = True, bad: int = 0, steps: int = 30) -> Engine:
    kwargs = {"bad": bad}
    quiet = {"final_atoms_object_file": None}
    return Engine(
        name="stub",
        method="stub-lj",
        static=StubStaticMaker(calculator_kwargs=kwargs, relax_kwargs=quiet),
        relax=StubRelaxMaker(
            calculator_kwargs=kwargs,
            steps=steps,
            relax_cell=False,
            relax_kwargs=quiet | {"fmax": 0.05},
        ),
        md=StubMDMaker(
            calculator_kwargs=kwargs,
            time_step=1.0,
            ase_md_kwargs={"tdamp": 20 * ase.units.fs},
        ),
        batched=batched,
    )
