"""A Nosé-Hoover thermostat that atomate2's MD Makers can drive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ase.units
from ase.md.nose_hoover_chain import NoseHooverChainNVT

if TYPE_CHECKING:
    from ase import Atoms


class NoseHooverNVT(NoseHooverChainNVT):
    """Nosé-Hoover chain of ASE, with the temperature setter that atomate2 calls.

    atomate2's own ``nose-hoover`` preset has no thermostat unless a time constant is
    given, and it turns the cell without turning the atoms when the cell is not upper
    triangular; this class takes its place.

    Parameters
    ----------
    atoms
        The atoms, moved in place.
    timestep
        Time step (ASE time units).
    temperature_K
        Thermostat temperature (K).
    tdamp
        Characteristic time of the thermostat (ASE time units).
    **kwargs
        Further arguments of ASE's class.
    """

    def __init__(
        self,
        atoms: Atoms,
        timestep: float,
        *,
        temperature_K: float,
        tdamp: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            atoms, timestep, temperature_K=temperature_K, tdamp=tdamp, **kwargs
        )
        self._target, self._tdamp = temperature_K, tdamp

    def set_temperature(self, temperature_K: float) -> None:
        """Change the target (K); the thermostat's masses follow (Q ~ kT tdamp²)."""
        if temperature_K == self._target:
            return
        thermostat, kT = self._thermostat, ase.units.kB * temperature_K
        thermostat._Q *= kT / thermostat._kT  # noqa: SLF001 - ASE has no setter
        thermostat._kT = kT  # noqa: SLF001
        self._target = temperature_K
