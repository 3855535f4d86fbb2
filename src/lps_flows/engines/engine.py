"""What an engine is: a method's name and the Makers that compute with it."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from monty.json import MSONable

from lps_flows.chemistry import bare_structure, full_formula
from lps_flows.engines.errors import EngineError

if TYPE_CHECKING:
    from jobflow import Maker
    from pymatgen.core import Structure

# No bond of any element is shorter (Å).
SHORTEST_DISTANCE = 0.5


@dataclass(frozen=True)
class Engine(MSONable):
    """A reference method and the Makers that compute with it.

    Parameters
    ----------
    name
        Name under which the engine is chosen in a campaign file.
    method
        String written on every document, exact enough never to mix energies: the
        code, its model or functional, and its version or cutoff.
    static, relax, md
        Makers with ``make(structure, prev_dir=None)``: energy and forces, relaxation
        to the ground state, molecular dynamics.
    batched
        True when the engine runs inside the Python process, so that many structures
        can share one job; False when each calculation is a job of its own.
    """

    name: str
    method: str
    static: Maker
    relax: Maker
    md: Maker
    batched: bool = False

    def with_md(
        self,
        *,
        temperature: float,
        n_steps: int,
        sampling_interval: int = 1,
        seed: int = 0,
    ) -> Engine:
        """Return the same engine with its dynamics set for one run.

        Parameters
        ----------
        temperature
            Thermostat temperature (K).
        n_steps
            Number of time steps.
        sampling_interval
            Steps between stored frames; engines that store every step ignore it.
        seed
            Seed of the initial velocities; engines without one ignore it.
        """
        # atomate2's VASP jobs take seconds to import, which verbs like status need not
        from lps_flows.engines.configure import configure_md  # noqa: PLC0415

        return replace(
            self,
            md=configure_md(
                self.md,
                temperature=temperature,
                n_steps=n_steps,
                sampling_interval=sampling_interval,
                seed=seed,
            ),
        )

    def with_path(self, max_steps: int) -> Engine:
        """Return the same engine with relaxations that keep every step.

        Parameters
        ----------
        max_steps
            Most ionic steps; to stop there is no error.
        """
        from lps_flows.engines.configure import configure_path  # noqa: PLC0415

        return replace(self, relax=configure_path(self.relax, max_steps=max_steps))

    def compute(self, structure: Structure, *, relax: bool) -> Any:
        """Run one calculation in this process and return its task document.

        Only for engines that are `batched`.

        Parameters
        ----------
        structure
            pymatgen structure. Elements and places count alone: atoms that selective
            dynamics hold still would be said to be relaxed.
        relax
            Relax it, or compute energy, forces and stress as it is.

        Raises
        ------
        EngineError
            When the engine needs jobs of its own, or the structure is unphysical.
        """
        refuse_unphysical(structure)
        if not self.batched:
            raise EngineError(
                "this engine cannot run inside another job",
                field="engine.name",
                value=self.name,
                remedy="Use its static and relax Makers as jobs",
            )
        maker = self.relax if relax else self.static
        # The function under jobflow's @job decorator.
        run = getattr(type(maker).make, "original")  # noqa: B009
        return run(maker, bare_structure(structure))

    def written_method(self) -> str:
        """Return the method to write on documents.

        Equal to `method`, except for a trained potential named by a job's uuid, whose
        identifier is only known once it is trained.
        """
        name = getattr(self.static, "written_method", None)
        return self.method if name is None else str(name())


def refuse_unphysical(structure: Structure) -> None:
    """Stop a structure that would crash an engine, not just fail in it.

    CHGNet's graph code takes the whole process down on coordinates that are not
    numbers, and with it every other structure of the job.

    Parameters
    ----------
    structure
        Structure about to be computed.

    Raises
    ------
    EngineError
        When coordinates or cell are not finite, the cell is flat, or two atoms are
        closer than 0.5 Å.
    """
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


def _closest(structure: Structure) -> float:
    distances = structure.get_neighbor_list(SHORTEST_DISTANCE)[3]
    return float(distances.min()) if len(distances) else np.inf


def set_threads(threads: int | None) -> None:
    """Give torch a fixed number of threads.

    Several workers share a machine, and two threads on a busy core are slower than
    one by an order of magnitude; so the default is ``OMP_NUM_THREADS`` when it is
    set and one thread when it is not.

    Parameters
    ----------
    threads
        Number of threads; None chooses the default above.
    """
    import torch  # noqa: PLC0415 - a slow import that VASP's workers never need

    wanted = threads or _environment_threads()
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)


@functools.cache
def _environment_threads() -> int:
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdigit() and int(value) > 0 else 1
