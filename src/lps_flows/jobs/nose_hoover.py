"""A Nosé-Hoover chain whose state can be saved and restored."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from lps_flows.engines.thermostat import NoseHooverNVT
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDState


class RestartableNoseHoover(NoseHooverNVT):
    """Nosé-Hoover chain at zero total momentum, with its state.

    ASE's chain counts 3N degrees of freedom; with the total momentum at rest only
    3N - 3 move, and the atoms would run N/(N-1) too hot. Here the chain counts the
    degrees of freedom that there are.

    Parameters
    ----------
    atoms, timestep, temperature_K, tdamp, **kwargs
        As in ASE's NoseHooverChainNVT (ASE units).
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
        n = len(atoms)
        # ASE derives everything from the number of atoms: 3 (N - 1) = 3N - 3.
        self._thermostat._num_atoms_global = n - 1  # noqa: SLF001
        self._thermostat._Q[0] *= (n - 1) / n  # noqa: SLF001

    def state(self) -> MDState:
        """Return what a continuation needs."""
        return MDState(
            positions=PackedArray.pack(self._q),
            momenta=PackedArray.pack(self._p),
            thermostat_positions=PackedArray.pack(self._thermostat._eta),  # noqa: SLF001
            thermostat_momenta=PackedArray.pack(self._thermostat._p_eta),  # noqa: SLF001
        )

    def restore(self, state: MDState) -> None:
        """Continue from a saved state, bit for bit."""
        self._q = state.positions.unpack()
        self._p = state.momenta.unpack()
        self._thermostat._eta = state.thermostat_positions.unpack()  # noqa: SLF001
        self._thermostat._p_eta = state.thermostat_momenta.unpack()  # noqa: SLF001
        self._update_atoms()


def kinetic_temperature(atoms: Atoms) -> float:
    """Return the temperature (K) of atoms whose total momentum is zero."""
    freedom = 3 * len(atoms) - 3
    return float(2 * atoms.get_kinetic_energy() / (freedom * units.kB))


def velocities_to_ase(velocities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert velocities from Å/fs (VASP, pymatgen) to ASE's unit."""
    return np.asarray(velocities, dtype=float) / units.fs


def velocities_from_ase(velocities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert velocities from ASE's unit to Å/fs."""
    return np.asarray(velocities, dtype=float) * units.fs
