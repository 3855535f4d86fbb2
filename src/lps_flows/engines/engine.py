"""What an engine is: a method's name and the Makers that compute with it."""

from __future__ import annotations

import functools
import os
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from monty.json import MSONable

from lps_flows.chemistry import bare_structure, full_formula
from lps_flows.engines.errors import EngineError

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from jobflow import Maker
    from pymatgen.core import Structure

# No bond of any element is shorter (Å).
SHORTEST_DISTANCE = 0.5


@dataclass(frozen=True)
class Engine(MSONable, ABC):
    """A reference method and the Makers that compute with it.

    `AseEngine` and `VaspEngine` say how their Makers are changed for one purpose.

    Parameters
    ----------
    name
        Name under which the engine is chosen in a campaign file.
    method
        String written on every document, exact enough never to mix energies: the
        code, its model or functional, and its version or cutoff.
    static, relax
        Makers with ``make(structure, prev_dir=None)``: energy and forces, relaxation
        to the ground state.
    md
        The same for molecular dynamics that are jobs of the engine's own; none when
        atoms are moved in this process, by the forces of `calculator`.
    batched
        True when many structures can share one job of this process; False when each
        calculation is a job of its own.
    max_stress
        Largest component of the stress (GPa) with which a relaxation of the cell
        counts as converged; none where the cell, or its volume, is held.
    restarts
        True when a relaxation is begun once more from its end, for the basis of the
        new cell, and its energy is that of a single point after it.

    Examples
    --------
    >>> from lps_flows.engines import EngineSettings, get_engine
    >>> engine = get_engine(EngineSettings(name="vasp"))
    >>> engine.method, engine.in_process, engine.batched
    ('vasp-pbe-520', False, False)
    """

    name: str
    method: str
    static: Maker
    relax: Maker
    md: Maker | None = None
    batched: bool = False
    max_stress: float | None = None
    restarts: bool = False

    @property
    def in_process(self) -> bool:
        """True when atoms are moved in this process, exactly restartable."""
        return self.md is None

    @property
    def makers(self) -> tuple[Maker, ...]:
        """The Makers whose jobs run the engine's code."""
        return tuple(m for m in (self.static, self.relax, self.md) if m is not None)

    @property
    def potential(self) -> str | None:
        """Trained potential that the engine stands on: its job's uuid, or a path."""
        return None

    def given(self, potential: Any) -> Engine:
        """Return the same engine on a potential that was handed to the running job.

        Parameters
        ----------
        potential
            As `load_potential` takes it; none leaves the engine as it is, and so does
            an engine that stands on no potential.
        """
        del potential
        return self

    def written_method(self) -> str:
        """Return the method to write on documents, inside the job that computes.

        Equal to `method`, except for a trained potential named by a job's uuid, whose
        identifier is only known once it is trained.
        """
        return self.method

    @property
    def device(self) -> str | None:
        """Device that calculations inside the process use, 'cpu' or 'cuda'.

        None for an engine that knows no other, or whose code runs in jobs of its own.
        """
        return None

    def written(self) -> dict[str, Any]:
        """Return what documents say of what computed them, inside the job that does."""
        return {"method": self.written_method(), "device": self.device}

    def calculator(self) -> Calculator:
        """Return the ASE calculator that moves atoms in this process."""
        raise self._cannot("move atoms inside another job")

    def with_md(self, *, temperature: float, n_steps: int, time_step: float) -> Engine:
        """Return the same engine with its MD Maker set for one run.

        Parameters
        ----------
        temperature
            Thermostat temperature (K).
        time_step
            Time step (fs).
        """
        raise self._cannot(
            f"run {n_steps} steps of {time_step:g} fs at {temperature:g} K as a job of "
            "its own"
        )

    @abstractmethod
    def with_path(self, max_steps: int) -> Engine:
        """Return the same engine with relaxations that stop early, each step kept."""

    @abstractmethod
    def with_fixed_cell(self) -> Engine:
        """Return the same engine with relaxations that keep the cell."""

    def with_fixed_volume(self) -> Engine:
        """Return the same engine with relaxations of the shape of the cell alone."""
        raise self._cannot("relax the shape of a cell at fixed volume")

    def in_a_chain(self) -> Engine:
        """Return the same engine, each single point of which starts from another's.

        Where its code keeps files to start from, `static` leaves them behind and takes
        those of its `prev_dir`.
        """
        return self

    def forget(self, directory: str) -> None:
        """Remove the files of a calculation that the next of a chain started from."""

    def compute(self, structure: Structure, *, relax: bool) -> Any:
        """Run one calculation in this process and return its task document.

        Elements and places count alone: atoms that selective dynamics hold still
        would be said to be relaxed.

        Raises
        ------
        EngineError
            When the engine is not `batched`, or the structure is unphysical.
        """
        refuse_unphysical(structure)
        if not self.batched:
            raise self._cannot("run inside another job")
        maker = self.relax if relax else self.static
        # The function under jobflow's @job decorator.
        run = getattr(type(maker).make, "original")  # noqa: B009
        return run(maker, bare_structure(structure))

    def _cannot(self, what: str) -> EngineError:
        return EngineError(
            f"this engine cannot {what}",
            field="engine.name",
            value=self.name,
            remedy="Use another engine, or its static and relax Makers as jobs",
        )


def refuse_unphysical(structure: Structure | None) -> None:
    """Stop a structure that would crash an engine, not just fail in it.

    CHGNet's graph code takes the whole process down on coordinates that are not
    numbers, and with it every other structure of the job.

    Parameters
    ----------
    structure
        Structure about to be computed; none when the job that makes it failed.

    Raises
    ------
    EngineError
        When there is none, it is disordered, coordinates or cell are not finite, the
        cell is flat, or two atoms are closer than 0.5 Å.
    """
    if structure is None:
        raise EngineError(
            "there is no structure to compute",
            field="structure",
            value=None,
            remedy="Look at the job that was to make it",
        )
    refuse_disordered(structure)
    formula = full_formula(structure)
    matrix = structure.lattice.matrix
    if not (np.isfinite(matrix).all() and np.isfinite(structure.frac_coords).all()):
        problem = "coordinates or cell are not finite numbers"
    elif structure.volume < len(structure):
        problem = "the cell holds less than 1 Å^3 per atom"
    elif _closest(structure) < SHORTEST_DISTANCE:
        problem = f"two atoms are closer than {SHORTEST_DISTANCE} Å"
    else:
        return
    raise EngineError(
        problem,
        field="structure",
        value=formula,
        remedy="Look at the step that made it; the structure is left out",
    )


def refuse_disordered(structure: Structure) -> None:
    """Stop a structure whose sites are partly occupied: no engine computes it.

    Raises
    ------
    EngineError
        When it is disordered.
    """
    if not structure.is_ordered:
        raise EngineError(
            "sites of the structure are partly occupied",
            field="structure",
            value=structure.formula,
            remedy="Order it first: `OrderedRelaxMaker` relaxes several orderings of a "
            "crystal and goes on with the lowest",
        )


def _closest(structure: Structure) -> float:
    distances = structure.get_neighbor_list(SHORTEST_DISTANCE)[3]
    return float(distances.min()) if len(distances) else np.inf


def set_threads(threads: int | None) -> None:
    """Give torch a fixed number of threads, where an engine has loaded it.

    Several workers share a machine, and two threads on a busy core are slower than
    one by an order of magnitude; so the default is ``OMP_NUM_THREADS`` when it is
    set and one thread when it is not.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return
    wanted = threads or _environment_threads()
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)


@functools.cache
def _environment_threads() -> int:
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdigit() and int(value) > 0 else 1
