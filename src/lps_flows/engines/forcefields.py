"""Machine-learning force fields that run inside the Python process."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import ase.units
from atomate2.forcefields.jobs import ForceFieldRelaxMaker, ForceFieldStaticMaker
from atomate2.forcefields.md import ForceFieldMDMaker
from atomate2.forcefields.utils import ase_calculator

from lps_flows.engines.engine import Engine, set_threads
from lps_flows.engines.errors import EngineError
from lps_flows.engines.settings import EngineSettings
from lps_flows.engines.thermostat import NoseHooverNVT

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

SEVENNET_MODELS = ("7net-0", "7net-l3i5")


@lru_cache(maxsize=4)
def _cached_calculator(meta: str, kwargs: str) -> Any:
    # CHGNet announces its device on standard output at every construction.
    with contextlib.redirect_stdout(io.StringIO()):
        return ase_calculator(meta, **json.loads(kwargs))


class _SharedCalculator:
    """Gives a force-field Maker one calculator per process and its thread count."""

    def _get_calculator(self) -> Calculator:
        set_threads(self.threads)  # type: ignore[attr-defined]
        meta = self.calculator_meta  # type: ignore[attr-defined]
        kwargs = self.calculator_kwargs  # type: ignore[attr-defined]
        return _cached_calculator(
            getattr(meta, "value", meta), json.dumps(kwargs, sort_keys=True)
        )


@dataclass
class CalculatorRelaxMaker(_SharedCalculator, ForceFieldRelaxMaker):
    """Relax with a calculator of this process; the document keeps the end alone.

    Parameters
    ----------
    name
        Name of the job.
    threads
        Torch threads, see `EngineSettings.threads`.
    """

    name: str = "calculator relax"
    ionic_step_data: tuple[str, ...] | None = None
    threads: int | None = None


@dataclass
class CalculatorStaticMaker(_SharedCalculator, ForceFieldStaticMaker):
    """Energy, forces and stress with a calculator of this process.

    Parameters
    ----------
    name
        Name of the job.
    threads
        Torch threads, see `EngineSettings.threads`.
    """

    name: str = "calculator static"
    ionic_step_data: tuple[str, ...] | None = None
    threads: int | None = None


@dataclass
class CalculatorMDMaker(_SharedCalculator, ForceFieldMDMaker):
    """Nosé-Hoover dynamics with a calculator of this process.

    Parameters
    ----------
    name
        Name of the job.
    threads
        Torch threads, see `EngineSettings.threads`.
    """

    name: str = "calculator md"
    dynamics: Any = NoseHooverNVT
    zero_linear_momentum: bool = True
    ionic_step_data: tuple[str, ...] | None = None
    threads: int | None = None


def calculator_engine(
    settings: EngineSettings,
    *,
    method: str,
    force_field_name: str | dict[str, str],
    calculator_kwargs: dict[str, Any],
    static: type[CalculatorStaticMaker] = CalculatorStaticMaker,
) -> Engine:
    """Build an engine on a calculator that atomate2 can construct.

    Parameters
    ----------
    settings
        Thresholds, steps, dynamics and threads.
    method
        The engine's method string.
    force_field_name
        A name atomate2 knows, or a monty-style reference to a callable.
    calculator_kwargs
        Arguments of the calculator.
    static
        Class of the static Maker.
    """
    shared: dict[str, Any] = {
        "force_field_name": force_field_name,
        "calculator_kwargs": calculator_kwargs,
        "threads": settings.threads,
    }
    return Engine(
        name=settings.name,
        method=method,
        static=static(
            name=f"{settings.name} static",
            relax_kwargs={"final_atoms_object_file": None},
            **shared,
        ),
        relax=CalculatorRelaxMaker(
            name=f"{settings.name} relax",
            steps=settings.max_steps,
            relax_cell=settings.relax_cell,
            optimizer_kwargs={"optimizer": settings.optimizer},
            relax_kwargs={"fmax": settings.fmax, "final_atoms_object_file": None},
            **shared,
        ),
        md=CalculatorMDMaker(
            name=f"{settings.name} md",
            time_step=settings.md.time_step,
            ase_md_kwargs={"tdamp": settings.md.damping_time * ase.units.fs},
            **shared,
        ),
        batched=True,
    )


def installed_version(package: str, *, engine: str, extra: str | None = None) -> str:
    """Return the version of an engine's package.

    Raises
    ------
    EngineError
        When it is not installed.
    """
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise EngineError(
            f"the package '{package}' is not installed",
            field="engine.name",
            value=engine,
            remedy=f"Install it with `pip install 'lps-flows[{extra or engine}]'` or "
            "choose another engine",
        ) from error


def chgnet_engine(settings: EngineSettings) -> Engine:
    """CHGNet with the weights of its wheel: the fast engine of demo and tests."""
    release = installed_version("chgnet", engine=settings.name)
    _refuse_model(settings, (release,))
    return calculator_engine(
        settings,
        method=f"chgnet-{release}",
        force_field_name="CHGNet",
        # Its default only warns, and returns an energy without those atoms.
        calculator_kwargs={"on_isolated_atoms": "error"},
    )


def sevennet_engine(settings: EngineSettings) -> Engine:
    """SevenNet with the weights of its wheel: 7net-0 (default) or 7net-l3i5."""
    installed_version("sevenn", engine=settings.name)
    _refuse_model(settings, SEVENNET_MODELS)
    model = settings.model or SEVENNET_MODELS[0]
    return calculator_engine(
        settings,
        method=f"sevennet-{model}",
        force_field_name="SevenNet",
        calculator_kwargs={"model": model},
    )


def _refuse_model(settings: EngineSettings, known: tuple[str, ...]) -> None:
    if settings.model is not None and settings.model not in known:
        raise EngineError(
            f"{settings.name} has no model of this name",
            field="engine.model",
            value=settings.model,
            remedy=f"Choose one of {', '.join(known)}, or leave it out",
        )
