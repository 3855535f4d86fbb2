"""Engines on ASE calculators: their forces are at hand inside the process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emmet.core.types.enums import StoreTrajectoryOption

from lps_flows.engines.engine import Engine

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from jobflow import Maker

    from lps_flows.engines.settings import EngineSettings

# atomate2 leaves a file of the atoms behind unless told not to.
_QUIET = {"final_atoms_object_file": None}


@dataclass(frozen=True)
class AseEngine(Engine):
    """An engine whose Makers are derived from atomate2's ASE Makers.

    Parameters
    ----------
    moving
        Maker whose calculator moves the atoms in dynamics, where it differs from that
        of `static`: other k-points, no symmetry.
    """

    moving: Maker | None = None

    def calculator(self) -> Calculator:
        """Return the ASE calculator that moves atoms in this process."""
        maker: Any = self.moving or self.static
        calculator: Calculator = maker.calculator
        return calculator

    def with_path(self, max_steps: int) -> AseEngine:
        """Return the same engine with relaxations that stop early, each step kept."""
        return self._relaxing(
            steps=max_steps, store_trajectory=StoreTrajectoryOption.PARTIAL
        )

    def with_fixed_cell(self) -> AseEngine:
        """Return the same engine with relaxations that keep the cell."""
        return self._relaxing(relax_cell=False)

    def _relaxing(self, **changes: Any) -> AseEngine:
        relax: Any = self.relax
        return replace(self, relax=replace(relax, **changes))


def static_options(**kwargs: Any) -> dict[str, Any]:
    """Return arguments of a static Maker on an ASE calculator."""
    return {"calculator_kwargs": kwargs, "relax_kwargs": _QUIET}


def relax_options(settings: EngineSettings, **kwargs: Any) -> dict[str, Any]:
    """Return arguments of a relaxation Maker on an ASE calculator."""
    return {
        "calculator_kwargs": kwargs,
        "steps": settings.max_steps,
        "relax_cell": settings.relax_cell,
        "optimizer_kwargs": {"optimizer": settings.optimizer},
        "relax_kwargs": _QUIET | {"fmax": settings.fmax},
    }
