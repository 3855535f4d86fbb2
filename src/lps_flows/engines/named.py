"""Engines by name: any force field of atomate2's, any importable ASE calculator."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import packages_distributions, version
from typing import TYPE_CHECKING, Any

from ase.calculators.calculator import BaseCalculator
from atomate2.ase.jobs import AseRelaxMaker
from atomate2.forcefields import MLFF

from lps_flows.engines.ase_engine import (
    AseEngine,
    TestsStress,
    relax_options,
    static_options,
)
from lps_flows.engines.engine import set_threads
from lps_flows.engines.errors import EngineError
from lps_flows.engines.forcefields import calculator_engine

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from lps_flows.engines.settings import EngineSettings

# What each of atomate2's force fields calls its device; the others run on the CPU or
# choose for themselves.
_DEVICE = {
    MLFF.CHGNet: "use_device",
    **dict.fromkeys(
        (
            *(MLFF.MACE, MLFF.MACE_MP_0, MLFF.MACE_MPA_0, MLFF.MACE_MP_0B3),
            *(MLFF.SevenNet, MLFF.MatterSim, MLFF.UPET),
        ),
        "device",
    ),
}


@dataclass
class ImportedRelaxMaker(TestsStress, AseRelaxMaker):
    """Relax with an ASE calculator that is named by its class.

    Parameters
    ----------
    calculator_class
        The class, 'module.Class'.
    """

    name: str = "imported relax"
    ionic_step_data: tuple[str, ...] | None = None
    calculator_class: str = ""
    threads: int | None = None

    def _get_calculator(self) -> Calculator:
        arguments = json.dumps(self.calculator_kwargs, sort_keys=True)
        calculator = _shared(self.calculator_class, arguments)
        set_threads(self.threads)
        return calculator


@dataclass
class ImportedStaticMaker(ImportedRelaxMaker):
    """Energy, forces and stress with such a calculator."""

    name: str = "imported static"
    relax_cell: bool = False
    steps: int = 1


@lru_cache(maxsize=4)
def _shared(name: str, arguments: str) -> Any:
    return calculator_type(name)(**json.loads(arguments))


def calculator_type(name: str) -> type[BaseCalculator]:
    """Import the class of an ASE calculator.

    Raises
    ------
    EngineError
        When it cannot be imported, or is no calculator: nothing else is called.
    """
    module, _, kind = name.rpartition(".")
    try:
        calculator = getattr(import_module(module), kind)
    except (ImportError, AttributeError, ValueError) as error:
        raise EngineError(
            f"this calculator cannot be imported ({error})",
            field="engine.calculator",
            value=name,
            remedy="Install its package, and name it as module.Class, for example "
            "ase.calculators.emt.EMT",
        ) from error
    if not (isinstance(calculator, type) and issubclass(calculator, BaseCalculator)):
        raise EngineError(
            "this is no class of an ASE calculator",
            field="engine.calculator",
            value=name,
            remedy="Name a class that is derived from "
            "ase.calculators.calculator.Calculator",
        )
    return calculator


def imported_engine(settings: EngineSettings) -> AseEngine:
    """Any ASE calculator: ``calculator: module.Class`` with its ``arguments``."""
    if settings.calculator is None:
        raise EngineError(
            "the calculator engine needs the name of a class",
            field="engine.calculator",
            value=None,
            remedy="Give it as module.Class, for example ase.calculators.emt.EMT",
        )
    _leave_device(settings)
    kind = calculator_type(settings.calculator)
    method = f"{kind.__name__}-{_release(settings.calculator)}"
    shared: dict[str, Any] = {
        "calculator_class": settings.calculator,
        "threads": settings.threads,
    }
    return AseEngine(
        name=settings.name,
        method=method + _digest(settings.arguments),
        static=ImportedStaticMaker(**shared, **static_options(**settings.arguments)),
        relax=ImportedRelaxMaker(
            **shared, **relax_options(settings, **settings.arguments)
        ),
        batched=True,
        max_stress=settings.stress_limit if settings.relax_cell else None,
    )


def forcefield_engine(settings: EngineSettings) -> AseEngine:
    """Any force field that atomate2 knows: ``model: MACE-MP-0`` with its arguments."""
    known = {field.value: field for field in MLFF if field is not MLFF.Forcefield}
    if settings.model is None or settings.model not in known:
        raise EngineError(
            "atomate2 has no force field of this name",
            field="engine.model",
            value=settings.model,
            remedy=f"Choose one of {', '.join(known)}; a calculator of your own goes "
            "by {name: calculator, calculator: module.Class}",
        )
    arguments = dict(settings.arguments)
    if settings.device != "auto":
        taken = _DEVICE.get(known[settings.model])
        if taken is None:
            _leave_device(settings)
        else:
            arguments[taken] = settings.device
    return calculator_engine(
        settings,
        method=f"forcefield-{settings.model}{_digest(settings.arguments)}",
        force_field_name=settings.model,
        calculator_kwargs=arguments,
    )


def _leave_device(settings: EngineSettings) -> None:
    if settings.device != "auto":
        raise EngineError(
            "how this calculator takes its device is not known",
            field="engine.device",
            value=settings.device,
            remedy="Leave it out, and give it among engine.arguments in the "
            "calculator's own words",
        )


def _release(name: str) -> str:
    """Return package and version of a module, the module alone where it has none."""
    top = name.partition(".")[0]
    packages = packages_distributions().get(top)
    return f"{packages[0]}-{version(packages[0])}" if packages else top


def _digest(arguments: dict[str, Any]) -> str:
    """Return what tells apart energies of other arguments."""
    if not arguments:
        return ""
    text = json.dumps(arguments, sort_keys=True)
    return f"-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
