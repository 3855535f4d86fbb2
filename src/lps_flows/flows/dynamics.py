"""Move atoms through a programme of temperatures: one way for every purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from jobflow import Flow, Maker, OutputReference
from pymatgen.core import Structure

from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.md_task import document_md_task
from lps_flows.jobs.references import both


class Hold(NamedTuple):
    """A time at one temperature.

    Attributes
    ----------
    equilibration
        Positions are not kept.
    """

    temperature: float
    duration: float
    equilibration: bool = False


@dataclass
class DynamicsFlowMaker(Maker):
    """Run molecular dynamics in chunks, each a firework that goes on from the last.

    An engine inside the process moves atoms by the restartable Nosé-Hoover chain, and
    a run in chunks equals an unbroken one. Any other engine runs each chunk as a job
    of its own, and a small job turns its task document into the same kind of chunk.

    Parameters
    ----------
    name
        Name of the flow; its jobs add structure, temperature and number.
    chunk
        Maker of one chunk: engine, integration, thermostat, storage and length.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
    >>> programme = [Hold(700.0, 5000.0, equilibration=True), Hold(700.0, 15_000.0)]
    >>> flow = DynamicsFlowMaker().make(crystal("beta-Li3PS4"), programme, "beta")
    >>> [job.name for job in flow.jobs]
    ['beta 700 K md 1/3', 'beta 700 K md 2/3', 'beta 700 K md 3/3']
    """

    name: str = "md"
    chunk: MDChunkMaker = field(default_factory=MDChunkMaker)

    def make(
        self,
        structure: Structure | OutputReference,
        programme: Sequence[Hold],
        label: str,
        seed: int | None = None,
        potential: Any = None,
    ) -> Flow:
        """Make the flow of `chunks`.

        Returns
        -------
        Flow
            Its output has the keys ``last``, the last `MDChunkDocument`,
            ``chunk_uuids``, the jobs of all of them, and ``chunks``, all of them
            handed over by `both`.
        """
        jobs, output = self.chunks(structure, programme, label, seed, potential)
        return Flow(jobs, output=output, name=f"{label} {self.name}")

    def chunks(
        self,
        structure: Structure | OutputReference,
        programme: Sequence[Hold],
        label: str,
        seed: int | None = None,
        potential: Any = None,
        *,
        failure: Any = None,
    ) -> tuple[list[Any], dict[str, Any]]:
        """Make the jobs, for a flow that holds more than these.

        Parameters
        ----------
        structure
            Start, or a reference to it; a site property ``velocities`` (Å/fs) is used.
        programme
            Temperatures and times, one after the other.
        seed
            Seed of the velocities; that of the settings by default.
        potential, failure
            As `MDChunkMaker.make` takes them.

        Returns
        -------
        tuple of list of Job and dict
            The jobs, and their output as `make` gives it.
        """
        settings = self.chunk.settings
        if seed is not None:
            settings = settings.model_copy(update={"seed": seed})
        maker = replace(self.chunk, settings=settings)
        chunks = [
            (hold, n_steps)
            for hold in programme
            for n_steps in settings.chunks(hold.duration)
        ]
        jobs: list[Any] = []
        outputs: list[OutputReference] = []
        previous: Any = None
        first_step = 0
        for number, (hold, n_steps) in enumerate(chunks, start=1):
            name = f"{label} {hold.temperature:g} K {self.name} {number}/{len(chunks)}"
            if maker.engine.in_process:
                chunk: Any = maker.make(
                    structure if previous is None else None,
                    temperature=hold.temperature,
                    n_steps=n_steps,
                    label=label,
                    previous=previous,
                    first_step=first_step,
                    equilibration=hold.equilibration,
                    potential=potential,
                    failure=failure if previous is None else None,
                )
            else:
                task, chunk = self._task(structure, hold, n_steps, label, previous)
                task.name = f"{name} ({maker.engine.name})"
                jobs.append(task)
            chunk.name = name
            jobs.append(chunk)
            outputs.append(chunk.output)
            previous = chunk.output
            first_step += n_steps
        return jobs, {
            "last": previous,
            "chunk_uuids": [output.uuid for output in outputs],
            "chunks": [both(output) for output in outputs],
        }

    def _task(
        self,
        structure: Structure | OutputReference,
        hold: Hold,
        n_steps: int,
        label: str,
        previous: Any,
    ) -> tuple[Any, Any]:
        """Make the engine's own job of one chunk, and the job that documents it."""
        settings = self.chunk.settings
        engine = self.chunk.engine.with_md(
            temperature=hold.temperature, n_steps=n_steps, time_step=settings.time_step
        )
        md: Any = engine.md
        start = structure if previous is None else previous.structure
        task = md.make(start, prev_dir=None if previous is None else previous.dir_name)
        chunk = document_md_task(
            task.output,
            start,
            method=engine.method,
            label=label,
            temperature=hold.temperature,
            settings=settings,
            equilibration=hold.equilibration,
            first_step=0 if previous is None else previous.last_step,
            last_stored=None if previous is None else previous.last_stored,
        )
        return task, chunk
