"""A Nosé-Hoover chain whose state can be saved and restored."""

from __future__ import annotations

import math

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import all_changes
from numpy.typing import NDArray

from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDState

# Suzuki and Yoshida's weights of the fourth order for the thermostat's sub-steps.
_OUTER = 1 / (2 - 2 ** (1 / 3))
_WEIGHTS = (_OUTER, 1 - 2 * _OUTER, _OUTER)


class RestartableNoseHoover:
    """Velocity Verlet under a chain of Nosé-Hoover thermostats, at zero momentum.

    The equations and their factorisation are those of Martyna, Tuckerman and Klein as
    in ASE's ``NoseHooverChainNVT``, with four differences. The chain counts the 3N - 3
    degrees of freedom that there are while the total momentum is at rest; with ASE's
    3N the atoms run N/(N-1) too hot. It stays at rest: a net force on the cell, which
    grids, single precision and dispersion terms leave, is taken away by mass, or it
    would set off the whole cell and the atoms in it would run too cold. The thermostat
    sees the momenta through their kinetic energy alone, so its sub-steps are done on
    numbers and the momenta scaled once; a step costs one force evaluation and little
    else. And its state can be saved and restored.

    Parameters
    ----------
    atoms
        Atoms with momenta and a calculator; moved in place.
    timestep
        Time step (ASE units).
    temperature_K
        Thermostat temperature (K).
    tdamp
        Characteristic time of the thermostat (ASE units).
    """

    def __init__(
        self,
        atoms: Atoms,
        timestep: float,
        *,
        temperature_K: float,
        tdamp: float,
        tchain: int = 3,
    ) -> None:
        self.atoms, self.dt = atoms, timestep
        self._kT = units.kB * temperature_K
        self._freedom = 3 * len(atoms) - 3
        self._inertia = [self._kT * tdamp**2] * tchain
        self._inertia[0] *= self._freedom
        self._eta, self._p_eta = [0.0] * tchain, [0.0] * tchain
        self._masses = atoms.get_masses()[:, None]
        self._shares = self._masses / self._masses.sum()
        self._p = atoms.get_momenta()
        self._forces: NDArray[np.float64] | None = None

    def step(self) -> None:
        """Advance by one time step."""
        if self._forces is None:
            self._forces = self._compute()
        half = self.dt / 2
        self._thermostat(half)
        self._p += half * self._forces
        self.atoms.positions += self.dt * self._p / self._masses
        self._forces = self._compute()
        self._p += half * self._forces
        self._thermostat(half)

    def synchronise(self) -> None:
        """Write the momenta on the atoms: done for every frame, not every step."""
        self.atoms.set_momenta(self._p)

    def conserved_energy(self) -> float:
        """Return the energy of atoms and thermostats (eV), which stays constant."""
        thermostats = self._freedom * self._kT * self._eta[0]
        thermostats += self._kT * sum(self._eta[1:])
        for momentum, inertia in zip(self._p_eta, self._inertia, strict=True):
            thermostats += 0.5 * momentum**2 / inertia
        kinetic = 0.5 * float((self._p**2 / self._masses).sum())
        return float(self.atoms.get_potential_energy()) + kinetic + thermostats

    def state(self) -> MDState:
        """Return what a continuation needs."""
        return MDState(
            positions=PackedArray.pack(self.atoms.positions),
            momenta=PackedArray.pack(self._p),
            thermostat_positions=PackedArray.pack(self._eta),
            thermostat_momenta=PackedArray.pack(self._p_eta),
        )

    def restore(self, state: MDState) -> None:
        """Continue from a saved state, bit for bit."""
        self.atoms.positions = state.positions.unpack()
        self._p = state.momenta.unpack()
        self._eta = state.thermostat_positions.unpack().tolist()
        self._p_eta = state.thermostat_momenta.unpack().tolist()
        self._forces = None
        self.synchronise()

    def _compute(self) -> NDArray[np.float64]:
        # Straight to the calculator: every atom has moved, so ASE's search for what
        # has changed would be wasted.
        calculator = self.atoms.calc
        calculator.calculate(self.atoms, ["energy", "forces"], all_changes)
        forces = np.array(calculator.results["forces"], dtype=float)
        return forces - self._shares * forces.sum(axis=0)

    def _thermostat(self, time: float) -> None:
        twice_kinetic = float((self._p**2 / self._masses).sum())
        total = 1.0
        for weight in _WEIGHTS:
            scale = self._chain(twice_kinetic, weight * time)
            twice_kinetic *= scale**2
            total *= scale
        self._p *= total

    def _chain(self, twice_kinetic: float, time: float) -> float:
        """Advance the chain and return the factor on the momenta of the atoms."""
        inertia, momenta = self._inertia, self._p_eta
        last = len(inertia) - 1

        def push(j: int, kinetic: float) -> None:
            drag = (
                1.0
                if j == last
                else math.exp(-time / 4 * momenta[j + 1] / inertia[j + 1])
            )
            force = (
                kinetic - self._freedom * self._kT
                if j == 0
                else momenta[j - 1] ** 2 / inertia[j - 1] - self._kT
            )
            momenta[j] = (momenta[j] * drag + time / 2 * force) * drag

        for j in range(last, -1, -1):
            push(j, twice_kinetic)
        for j, mass in enumerate(inertia):
            self._eta[j] += time * momenta[j] / mass
        scale = math.exp(-time * momenta[0] / inertia[0])
        for j in range(last + 1):
            push(j, twice_kinetic * scale**2)
        return scale


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
