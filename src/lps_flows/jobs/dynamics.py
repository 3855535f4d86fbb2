"""One chunk of NVT dynamics with an engine that runs in this process."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.chemistry import overlap
from lps_flows.engines import BAD_STRUCTURE, is_of_the_device
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.nose_hoover import (
    RestartableNoseHoover,
    kinetic_temperature,
    velocities_from_ase,
    velocities_to_ase,
)
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDFrames, MDState


class DynamicsError(LpsFlowsError):
    """A run cannot be set up as asked."""


class DynamicsSettings(FrozenSettings):
    """Integration, thermostat and storage of a molecular dynamics run."""

    time_step: float = Field(1.0, gt=0, description="Time step (fs).")
    damping_time: float = Field(
        100.0, gt=0, description="Characteristic time of the thermostat (fs)."
    )
    frame_interval: int = Field(
        20, ge=1, description="Time steps between stored frames."
    )
    chunk_length: float = Field(
        10000.0,
        gt=0,
        description="Longest part of a run that is one job (fs): what a kill can cost.",
    )
    seed: int = Field(0, ge=0, description="Seed of the initial velocities.")
    max_temperature_ratio: float = Field(
        4.0,
        gt=1,
        description="Kinetic temperature over the thermostat's (that of the job "
        "before, where a run is cooled) at which it counts as exploded.",
    )

    def dynamics(self) -> DynamicsSettings:
        """Return these keys alone, of settings that hold others beside them."""
        return DynamicsSettings.model_validate(
            self.model_dump(include=set(DynamicsSettings.model_fields))
        )

    def steps(self, duration: float) -> int:
        """Return the number of steps of a duration (fs), a multiple of the frames."""
        frames = round(duration / (self.time_step * self.frame_interval))
        return max(frames, 1) * self.frame_interval if duration > 0 else 0

    def chunks(self, duration: float) -> list[int]:
        """Cut a duration (fs) into steps per job, each a multiple of the frames.

        None is longer than a chunk, unless frames are further apart than that.
        """
        left = self.steps(duration)
        if duration <= self.chunk_length:
            return [left] if left else []
        frames = self.chunk_length / (self.time_step * self.frame_interval)
        size = max(int(frames + 1e-9), 1) * self.frame_interval
        cut = []
        while left > 0:
            cut.append(min(size, left))
            left -= cut[-1]
        return cut


@dataclass
class ChunkResult:
    """What a chunk of dynamics gives.

    Attributes
    ----------
    state
        State for the continuation, None after a failure.
    wall_time
        Time spent (s).
    """

    atoms: Atoms
    state: MDState | None
    frames: MDFrames
    n_frames: int
    wall_time: float
    failure: str | None = None


@dataclass
class _Recorder:
    """Keeps one frame every `interval` steps."""

    steps: list[int] = field(default_factory=list)
    positions: list[np.ndarray] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)
    potential: list[float] = field(default_factory=list)
    conserved: list[float] = field(default_factory=list)

    def add(self, step: int, integrator: RestartableNoseHoover) -> None:
        integrator.synchronise()
        atoms = integrator.atoms
        self.steps.append(step)
        self.positions.append(atoms.get_positions().astype("<f4"))
        self.temperatures.append(kinetic_temperature(atoms))
        self.potential.append(float(atoms.get_potential_energy()))
        self.conserved.append(integrator.conserved_energy())

    def frames(self, *, positions: bool) -> MDFrames:
        shape = (len(self.steps), -1, 3)
        return MDFrames(
            steps=PackedArray.pack(self.steps, "<i8"),
            positions=PackedArray.pack(np.array(self.positions).reshape(shape), "<f4")
            if positions and self.positions
            else None,
            temperatures=PackedArray.pack(self.temperatures),
            potential_energies=PackedArray.pack(self.potential),
            conserved_energies=PackedArray.pack(self.conserved),
        )


def run_chunk(
    structure: Structure,
    calculator: Calculator,
    *,
    temperature: float,
    n_steps: int,
    settings: DynamicsSettings,
    first_step: int = 0,
    state: MDState | None = None,
    keep_positions: bool = True,
    before: float = 0.0,
) -> ChunkResult:
    """Integrate `n_steps` steps, from velocities drawn or given, or from a state.

    Continuing from the state of an earlier chunk gives the same numbers, bit for
    bit, as never having stopped: positions, momenta and thermostat are in double
    precision, and neighbour lists are made anew at every stored frame, so that they
    depend on the atoms alone. The first frame of a continuation is the one after
    its start, which belongs to the chunk before.

    Parameters
    ----------
    structure
        Atoms and cell; a site property ``velocities`` (Å/fs) starts the run when
        there is no state.
    temperature
        Thermostat temperature (K).
    n_steps
        Number of steps, a multiple of the frame interval.
    keep_positions
        Keep the positions of the frames, not only their temperature and energy. Those
        of a chunk that fails are kept in any case.
    before
        Thermostat temperature of the chunk before (K): a melt that is cooled in steps
        comes to each of them as hot as it was.

    Raises
    ------
    DynamicsError
        When the steps are no whole number of frame intervals, or there is a single
        atom.
    """
    if n_steps % settings.frame_interval:
        raise DynamicsError(
            "a chunk must be a whole number of frame intervals",
            field="n_steps",
            value=n_steps,
            remedy=f"Use a multiple of {settings.frame_interval}",
        )
    started = time.perf_counter()
    atoms = initial_atoms(structure, temperature, settings.seed, draw=state is None)
    atoms.calc = calculator
    _forget_neighbours(calculator)
    integrator = RestartableNoseHoover(
        atoms,
        settings.time_step * units.fs,
        temperature_K=temperature,
        tdamp=settings.damping_time * units.fs,
    )
    if state is not None:
        integrator.restore(state)
    recorder = _Recorder()
    failure = None
    step = first_step
    try:
        if first_step == 0:
            recorder.add(0, integrator)
        for _ in range(n_steps // settings.frame_interval):
            for left in reversed(range(settings.frame_interval)):
                if left == 0:
                    # the forces at the frame come from lists made at the frame, as
                    # they will when a continuation starts there
                    _forget_neighbours(calculator)
                integrator.step()
            integrator.synchronise()
            step += settings.frame_interval
            failure = broken(atoms, temperature, settings, before)
            if failure:
                failure = f"broke before step {step}: {failure}"
                break
            recorder.add(step, integrator)
    except BAD_STRUCTURE as error:
        if is_of_the_device(error):
            raise
        # The remedies of these errors are for structures that a user gives.
        why = error.problem if isinstance(error, LpsFlowsError) else error
        failure = f"stopped between step {step} and the next frame: {why}"
    return ChunkResult(
        atoms=atoms,
        state=None if failure else integrator.state(),
        frames=recorder.frames(positions=keep_positions or failure is not None),
        n_frames=len(recorder.steps),
        wall_time=time.perf_counter() - started,
        failure=failure,
    )


def initial_atoms(
    structure: Structure, temperature: float, seed: int, *, draw: bool
) -> Atoms:
    """Return atoms with velocities: those of the structure, or drawn ones.

    Raises
    ------
    DynamicsError
        When there is a single atom.
    """
    if len(structure) < 2:
        raise DynamicsError(
            "a cell at rest that holds a single atom has nothing to move",
            field="structure",
            value=structure.formula,
            remedy="Repeat the cell",
        )
    from ase.md.velocitydistribution import Stationary, thermalize_momenta

    bare = structure.copy()
    velocities = bare.site_properties.get("velocities")
    for name in list(bare.site_properties):
        bare.remove_site_property(name)
    atoms = bare.to_ase_atoms(msonable=False)
    if velocities is not None and all(v is not None for v in velocities):
        atoms.set_velocities(velocities_to_ase(np.array(velocities, dtype=float)))
        Stationary(atoms, preserve_temperature=False)
    elif draw:
        rng = np.random.default_rng([seed, round(1000 * temperature)])
        thermalize_momenta(atoms, temperature_K=temperature, rng=rng)
        Stationary(atoms, preserve_temperature=False)
        atoms.set_momenta(
            atoms.get_momenta() * np.sqrt(temperature / kinetic_temperature(atoms))
        )
    return atoms


def final_structure(atoms: Atoms) -> Structure:
    """Return the structure of atoms with its velocities (Å/fs)."""
    structure = Structure(
        atoms.cell.array,
        atoms.get_chemical_symbols(),
        atoms.get_positions(),
        coords_are_cartesian=True,
    )
    velocities = velocities_from_ase(atoms.get_velocities())
    structure.add_site_property("velocities", velocities.tolist())
    return structure


def _forget_neighbours(calculator: Calculator) -> None:
    forget = getattr(calculator, "forget_neighbours", None)
    if forget is not None:
        forget()


def broken(
    atoms: Atoms, temperature: float, settings: DynamicsSettings, before: float = 0.0
) -> str | None:
    """Say why atoms are where no dynamics would bring them; None when they are not.

    They are when places are no numbers, the kinetic temperature is far over the
    thermostat's, or two atoms sit in one place: a potential may hold them there, at
    the right temperature and energy, for the rest of a run.

    Parameters
    ----------
    temperature
        Thermostat temperature (K).
    before
        Thermostat temperature that the atoms come from (K).
    """
    if not np.isfinite(atoms.get_positions()).all():
        return "positions are not finite"
    kinetic = kinetic_temperature(atoms)
    problem = overlap(atoms)
    if not kinetic < settings.max_temperature_ratio * max(temperature, before):
        problem = f"{kinetic:.0f} K at a thermostat of {temperature:g} K"
    return problem and f"{problem}; the potential does not know these configurations"
