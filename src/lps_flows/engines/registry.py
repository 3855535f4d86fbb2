"""The list of engines: a name, and the function that builds it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from lps_flows.engines.engine import Engine
from lps_flows.engines.errors import EngineError
from lps_flows.engines.settings import POTENTIAL_ENGINE, EngineSettings, ForcesSettings
from lps_flows.potential.committee import has_cuda

# Modules are imported when asked for, so that one engine's dependencies never
# stand in the way of another's.
_BUILDERS = {
    POTENTIAL_ENGINE: "lps_flows.engines.ann:ann_engine",
    "calculator": "lps_flows.engines.named:imported_engine",
    "chgnet": "lps_flows.engines.forcefields:chgnet_engine",
    "diep": "lps_flows.engines.forcefields:diep_engine",
    "forcefield": "lps_flows.engines.named:forcefield_engine",
    "gpaw": "lps_flows.engines.gpaw:gpaw_engine",
    "sevennet": "lps_flows.engines.forcefields:sevennet_engine",
    "vasp": "lps_flows.engines.vasp:vasp_engine",
}


# Keys that an engine of ours reads beside those that all do; engines of other packages
# may read any.
_ITS_OWN = {
    POTENTIAL_ENGINE: ("potential",),
    "calculator": ("calculator", "arguments"),
    "chgnet": ("model",),
    "diep": ("model",),
    "forcefield": ("model", "arguments"),
    "gpaw": (),
    "sevennet": ("model",),
    "vasp": (),
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


GROUP = "lps_flows.engines"
"""Group of the entry points by which other packages bring engines.

Each is a function that takes `EngineSettings` and returns an `Engine`.
"""


@cache
def _added() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP)}


def _builders() -> dict[str, str]:
    return _added() | _BUILDERS


def engine_names() -> list[str]:
    """Return the names of all engines, whether installed or not."""
    return sorted(_builders())


def get_engine(settings: EngineSettings | None = None) -> Engine:
    """Build the engine that the settings name.

    Raises
    ------
    EngineError
        When the name is unknown, the model is, the code is not installed, or the
        device is not there.
    """
    settings = settings or EngineSettings()
    builders = _builders()
    if settings.name not in builders:
        raise EngineError(
            "there is no engine of this name",
            field="engine.name",
            value=settings.name,
            remedy=f"Choose one of {', '.join(engine_names())}",
        )
    _refuse_absent(settings)
    module, _, function = builders[settings.name].partition(":")
    try:
        build = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        if settings.name in _BUILDERS:
            raise
        raise EngineError(
            f"what brings this engine cannot be imported ({error})",
            field="engine.name",
            value=settings.name,
            remedy=f"Mend or remove the package with {builders[settings.name]}",
        ) from error
    engine = build(settings)
    if not isinstance(engine, Engine):
        raise EngineError(
            f"{builders[settings.name]} returned no Engine but a "
            f"{type(engine).__name__}",
            field="engine.name",
            value=settings.name,
            remedy="Return lps_flows.engines.Engine from the entry point's function",
        )
    return engine


def unread_keys(settings: ForcesSettings) -> Iterator[str]:
    """Yield the keys that are set and that the chosen engine does not read.

    Examples
    --------
    >>> from lps_flows.engines import EngineSettings
    >>> list(unread_keys(EngineSettings(name="chgnet", potential="Li-P-S")))
    ["potential = 'Li-P-S': chgnet does not read it, ann does. Leave it out"]
    """
    read = _ITS_OWN.get(settings.name)
    if read is None:
        return
    for key in ("model", "calculator", "arguments", "potential"):
        value = getattr(settings, key)
        if value and key not in read:
            readers = [name for name, keys in _ITS_OWN.items() if key in keys]
            others = f"{', '.join(readers)} {'do' if len(readers) > 1 else 'does'}"
            yield (
                f"{key} = {value!r}: {settings.name} does not read it, {others}. Leave "
                "it out"
            )


def _refuse_absent(settings: EngineSettings) -> None:
    if settings.device == "cuda" and not has_cuda():
        raise EngineError(
            "there is no CUDA device that torch can use",
            field="engine.device",
            value=settings.device,
            remedy="Choose cpu or auto, or install a CUDA build of torch where a GPU "
            "is",
        )
