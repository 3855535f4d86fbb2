"""Reference methods: the only room that knows VASP, CHGNet or any code by name."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.engines.engine import Engine
    from lps_flows.engines.errors import BAD_STRUCTURE, EngineError, is_of_the_device
    from lps_flows.engines.reading import (
        Calculation,
        TrajectoryFrames,
        read_calculation,
        read_path,
        read_trajectory,
    )
    from lps_flows.engines.registry import engine_names, get_engine
    from lps_flows.engines.settings import (
        POTENTIAL_ENGINE,
        EngineSettings,
        ForcesSettings,
        MDSettings,
    )

__all__ = [
    "BAD_STRUCTURE",
    "POTENTIAL_ENGINE",
    "Calculation",
    "Engine",
    "EngineError",
    "EngineSettings",
    "ForcesSettings",
    "MDSettings",
    "TrajectoryFrames",
    "engine_names",
    "get_engine",
    "is_of_the_device",
    "read_calculation",
    "read_path",
    "read_trajectory",
]

show(__name__)
