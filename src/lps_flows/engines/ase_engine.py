"""Engines on ASE calculators: their forces are at hand inside the process."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ase.units import GPa

from lps_flows.engines.engine import Engine

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from jobflow import Maker

    from lps_flows.engines.settings import EngineSettings

# atomate2 leaves a file of the atoms behind unless told not to.
_QUIET = {"final_atoms_object_file": None}


@dataclass
class TestsStress:
    """Gives a relaxation Maker on an ASE calculator a threshold of the stress.

    ASE's optimisers know one threshold, for the forces on atoms and cell alike. The
    unit of the cell's coordinates is chosen so that it stands for both.

    Parameters
    ----------
    max_stress
        Largest norm of a row of the stress at the end (GPa); none: ASE's own unit.
    """

    max_stress: float | None = None

    def run_ase(self, mol_or_struct: Any, prev_dir: Any = None) -> Any:
        """Relax, the cell until its stress is below the threshold."""
        maker: Any = self
        if self.max_stress is not None and maker.relax_cell:
            fmax = maker.relax_kwargs["fmax"]
            factor = mol_or_struct.volume * self.max_stress * GPa / fmax
            unit = {"filter_kwargs": {"exp_cell_factor": factor}}
            maker = replace(
                maker, max_stress=None, relax_kwargs=maker.relax_kwargs | unit
            )
            return maker.run_ase(mol_or_struct, prev_dir)
        return super().run_ase(mol_or_struct, prev_dir)  # type: ignore[misc]


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

    @property
    def device(self) -> str | None:
        """Device of the calculator, as it was chosen."""
        return _device_of(self.calculator()) if self.batched else None

    def with_path(self, max_steps: int) -> AseEngine:
        """Return the same engine with relaxations that stop early, each step kept."""
        from emmet.core.types.enums import StoreTrajectoryOption

        return self._relaxing(
            steps=max_steps, store_trajectory=StoreTrajectoryOption.PARTIAL
        )

    def with_fixed_cell(self) -> AseEngine:
        """Return the same engine with relaxations that keep the cell."""
        return replace(self._relaxing(relax_cell=False), max_stress=None)

    def with_fixed_volume(self) -> AseEngine:
        """Return the same engine with relaxations of the shape of the cell alone."""
        shape = self._relaxing(relax_cell=False, relax_shape=True)
        return replace(shape, max_stress=None)

    def _relaxing(self, **changes: Any) -> AseEngine:
        relax: Any = self.relax
        return replace(self, relax=replace(relax, **changes))


def _device_of(calculator: Any) -> str | None:
    """Return the device that a calculator names, or that its networks lie on."""
    device = getattr(calculator, "device", None)
    torch = sys.modules.get("torch")
    if device is None and torch is not None:
        parts = vars(calculator).values()
        networks = (part for part in parts if isinstance(part, torch.nn.Module))
        weights = (tensor for network in networks for tensor in network.parameters())
        device = next((tensor.device for tensor in weights), None)
    return None if device is None else str(device)


def static_options(**kwargs: Any) -> dict[str, Any]:
    """Return arguments of a static Maker on an ASE calculator."""
    return {"calculator_kwargs": kwargs, "relax_kwargs": _QUIET}


def relax_options(settings: EngineSettings, **kwargs: Any) -> dict[str, Any]:
    """Return arguments of a relaxation Maker on an ASE calculator."""
    return {
        "calculator_kwargs": kwargs,
        "max_stress": settings.stress_limit,
        "ionic_step_data": ("energy",),
        "steps": settings.max_steps,
        "relax_cell": settings.relax_cell,
        "optimizer_kwargs": {"optimizer": settings.optimizer},
        "relax_kwargs": _QUIET | {"fmax": settings.fmax},
    }
