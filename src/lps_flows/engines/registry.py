"""The list of engines: a name, and the function that builds it."""

from __future__ import annotations

from importlib import import_module

from lps_flows.engines.engine import Engine
from lps_flows.engines.errors import EngineError
from lps_flows.engines.settings import POTENTIAL_ENGINE, EngineSettings

# Modules are imported when asked for, so that one engine's dependencies never
# stand in the way of another's.
_BUILDERS = {
    POTENTIAL_ENGINE: "lps_flows.engines.ann:ann_engine",
    "chgnet": "lps_flows.engines.forcefields:chgnet_engine",
    "gpaw": "lps_flows.engines.gpaw:gpaw_engine",
    "sevennet": "lps_flows.engines.forcefields:sevennet_engine",
    "vasp": "lps_flows.engines.vasp:vasp_engine",
}


_FIRST_PRINCIPLES = ("vasp-", "gpaw-")
"""Beginnings of the method strings of the engines that solve for electrons."""


def is_surrogate(method: str) -> bool:
    """Return True for energies that a potential gave in place of first principles.

    Examples
    --------
    >>> is_surrogate("chgnet-0.3.0"), is_surrogate("vasp-pbe-520")
    (True, False)
    """
    return not method.startswith(_FIRST_PRINCIPLES)


def engine_names() -> list[str]:
    """Return the names of all engines, whether installed or not."""
    return sorted(_BUILDERS)


def get_engine(settings: EngineSettings | None = None) -> Engine:
    """Build the engine that the settings name.

    Raises
    ------
    EngineError
        When the name is unknown, the model is, or the code is not installed.
    """
    settings = settings or EngineSettings()
    if settings.name not in _BUILDERS:
        raise EngineError(
            "there is no engine of this name",
            field="engine.name",
            value=settings.name,
            remedy=f"Choose one of {', '.join(engine_names())}",
        )
    module, function = _BUILDERS[settings.name].split(":")
    engine: Engine = getattr(import_module(module), function)(settings)
    return engine
