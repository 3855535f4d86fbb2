"""Machine-learning force fields that run inside the Python process."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomate2.forcefields.jobs import ForceFieldRelaxMaker, ForceFieldStaticMaker
from atomate2.forcefields.utils import ase_calculator

from lps_flows.engines.ase_engine import (
    AseEngine,
    TestsStress,
    relax_options,
    static_options,
)
from lps_flows.engines.engine import set_threads
from lps_flows.engines.errors import EngineError
from lps_flows.engines.settings import EngineSettings

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

SEVENNET_MODELS = ("7net-0", "7net-l3i5")
DIEP_MODEL = "diep_fold1"


@lru_cache(maxsize=4)
def _cached_calculator(meta: str, kwargs: str) -> Any:
    # CHGNet announces its device on standard output at every construction.
    with contextlib.redirect_stdout(io.StringIO()):
        return ase_calculator(meta, **json.loads(kwargs))


class _SharedCalculator:
    """Gives a force-field Maker one calculator per process and its thread count."""

    def _get_calculator(self) -> Calculator:
        meta = self.calculator_meta  # type: ignore[attr-defined]
        kwargs = self.calculator_kwargs  # type: ignore[attr-defined]
        calculator = _cached_calculator(
            getattr(meta, "value", meta), json.dumps(kwargs, sort_keys=True)
        )
        set_threads(self.threads)  # type: ignore[attr-defined]
        return calculator


@dataclass
class CalculatorRelaxMaker(_SharedCalculator, TestsStress, ForceFieldRelaxMaker):
    """Relax with a calculator of this process; the document keeps the end alone."""

    name: str = "calculator relax"
    ionic_step_data: tuple[str, ...] | None = None
    threads: int | None = None


@dataclass
class CalculatorStaticMaker(_SharedCalculator, ForceFieldStaticMaker):
    """Energy, forces and stress with a calculator of this process."""

    name: str = "calculator static"
    ionic_step_data: tuple[str, ...] | None = None
    threads: int | None = None


def calculator_engine(
    settings: EngineSettings,
    *,
    method: str,
    force_field_name: str | dict[str, str],
    calculator_kwargs: dict[str, Any],
) -> AseEngine:
    """Build an engine on a calculator that atomate2 can construct.

    Parameters
    ----------
    force_field_name
        A name atomate2 knows, or a monty-style reference to a callable.
    """
    shared: dict[str, Any] = {
        "force_field_name": force_field_name,
        "threads": settings.threads,
    }
    return AseEngine(
        name=settings.name,
        method=method,
        static=CalculatorStaticMaker(
            name=f"{settings.name} static",
            **shared,
            **static_options(**calculator_kwargs),
        ),
        relax=CalculatorRelaxMaker(
            name=f"{settings.name} relax",
            **shared,
            **relax_options(settings, **calculator_kwargs),
        ),
        batched=True,
        max_stress=settings.stress_limit if settings.relax_cell else None,
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


def chgnet_engine(settings: EngineSettings) -> AseEngine:
    """CHGNet with the weights of its wheel: the fast engine of demo and tests."""
    release = installed_version("chgnet", engine=settings.name)
    _refuse_model(settings, (release,))
    return calculator_engine(
        settings,
        method=f"chgnet-{release}",
        force_field_name="CHGNet",
        # Its default only warns, and returns an energy without those atoms.
        calculator_kwargs={
            "on_isolated_atoms": "error",
            **_on_device(settings, "use_device"),
        },
    )


def sevennet_engine(settings: EngineSettings) -> AseEngine:
    """SevenNet with the weights of its wheel: 7net-0 (default) or 7net-l3i5."""
    installed_version("sevenn", engine=settings.name)
    _refuse_model(settings, SEVENNET_MODELS)
    model = settings.model or SEVENNET_MODELS[0]
    return calculator_engine(
        settings,
        method=f"sevennet-{model}",
        force_field_name="SevenNet",
        calculator_kwargs={"model": model, **_on_device(settings, "device")},
    )


def diep_engine(settings: EngineSettings) -> AseEngine:
    """DIEP with the weights of its wheel, trained on r2SCAN (MatPES)."""
    release = installed_version("diep", engine=settings.name)
    _refuse_model(settings, (DIEP_MODEL,))
    return calculator_engine(
        settings,
        method=f"diep-{release}-r2scan",
        force_field_name={"@module": __name__, "@callable": "diep_calculator"},
        calculator_kwargs=_on_device(settings, "device"),
    )


def diep_calculator(device: str = "cpu") -> Calculator:
    """Return DIEP with the weights of its wheel, whatever ``DIEP_MODEL_DIR`` says.

    The method tells the release alone, so that no other weights may stand behind it.
    """
    from diep import pretrained

    weights = Path(pretrained.__file__).parent / "pretrained_models" / DIEP_MODEL
    calculator: Calculator = pretrained.make_calculator(weights, device=device)
    return calculator


def _on_device(settings: EngineSettings, argument: str) -> dict[str, str]:
    return {} if settings.device == "auto" else {argument: settings.device}


def _refuse_model(settings: EngineSettings, known: tuple[str, ...]) -> None:
    if settings.model is not None and settings.model not in known:
        raise EngineError(
            f"{settings.name} has no model of this name",
            field="engine.model",
            value=settings.model,
            remedy=f"Choose one of {', '.join(known)}, or leave it out",
        )
