"""Molecular dynamics in chunks: one job, and so one firework, per chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import JobConfig, Maker, job
from pymatgen.core import Structure

from lps_flows.engines import EngineSettings, MDSettings, get_engine
from lps_flows.engines.engine import Engine
from lps_flows.jobs.dynamics import DynamicsSettings, final_structure, run_chunk
from lps_flows.jobs.md_task import document_md_task
from lps_flows.schemas.md import MDChunkDocument

# A trained potential is read from the store of the running job.
SEES_STORE = JobConfig(expose_store=True)


@dataclass
class MDChunkMaker(Maker):
    """One chunk of a run, by an engine inside the Python process.

    Parameters
    ----------
    name
        Name of the job.
    engine
        Settings of the engine.
    settings
        Integration, thermostat and storage.
    """

    name: str = "md chunk"
    engine: EngineSettings = field(default_factory=EngineSettings)
    settings: DynamicsSettings = field(default_factory=DynamicsSettings)

    @job(output_schema=MDChunkDocument, data=["frames"], config=SEES_STORE)
    def make(
        self,
        structure: Structure | None,
        *,
        temperature: float,
        n_steps: int,
        label: str,
        previous: MDChunkDocument | None = None,
        first_step: int = 0,
        equilibration: bool = False,
    ) -> MDChunkDocument:
        """Run one chunk.

        Parameters
        ----------
        structure
            Start of the run; not needed when there is a chunk before.
        temperature
            Thermostat temperature (K).
        n_steps
            Number of steps.
        label
            Name of the structure.
        previous
            Chunk before: its reference, resolved when the job runs.
        first_step
            Steps of the run done before.
        equilibration
            Leave the positions of the frames out.
        """
        if previous is not None:
            previous = _as_document(previous)
            if previous.failure is not None:
                return previous.model_copy(
                    update={
                        "first_step": previous.last_step,
                        "n_frames": 0,
                        "frames": None,
                        "wall_time": 0.0,
                        "equilibration": equilibration,
                    }
                )
            structure = previous.structure
        assert structure is not None  # noqa: S101 - for the type checker
        engine = get_engine(self.engine)
        result = run_chunk(
            structure,
            engine.md.calculator,  # type: ignore[attr-defined]
            temperature=temperature,
            n_steps=n_steps,
            settings=self.settings,
            first_step=first_step,
            state=None if previous is None else previous.state,
            keep_positions=not equilibration,
        )
        end = final_structure(result.atoms) if result.failure is None else structure
        steps = result.frames.steps.unpack()
        return MDChunkDocument(
            method=engine.written_method(),
            label=label,
            temperature=temperature,
            time_step=self.settings.time_step,
            first_step=first_step,
            last_step=first_step + n_steps
            if result.failure is None
            else int(steps[-1])
            if len(steps)
            else first_step,
            n_frames=result.n_frames,
            equilibration=equilibration,
            structure=end,
            state=result.state,
            frames=result.frames if result.n_frames else None,
            wall_time=result.wall_time,
            failure=result.failure,
        )


def chunked_run(
    structure: Structure,
    *,
    label: str,
    temperature: float,
    plan: list[tuple[int, bool]],
    engine: EngineSettings,
    chunk: MDChunkMaker,
) -> tuple[list[Any], list[str], Any]:
    """Chain the jobs of one run.

    Parameters
    ----------
    structure
        Start, or a reference to it.
    label
        Name of the structure.
    temperature
        Thermostat temperature (K).
    plan
        Steps of each chunk, and whether it is equilibration.
    engine
        Settings of the engine.
    chunk
        Maker of a chunk for engines inside the process.

    Returns
    -------
    jobs, chunk_uuids, output
        All jobs; the uuids of those that hold chunks; the last chunk's reference.
    """
    jobs: list[Any] = []
    uuids: list[str] = []
    previous: Any = None
    first_step = 0
    for number, (n_steps, equilibration) in enumerate(plan, start=1):
        name = f"{label} {temperature:g} K {chunk.name} {number}/{len(plan)}"
        if runs_in_process(engine):
            made = chunk.make(
                structure if previous is None else None,
                temperature=temperature,
                n_steps=n_steps,
                label=label,
                previous=previous,
                first_step=first_step,
                equilibration=equilibration,
            )
        else:
            configured = _external_engine(engine, temperature, n_steps, chunk.settings)
            start = structure if previous is None else previous.structure
            task = configured.md.make(
                start, prev_dir=None if previous is None else previous.dir_name
            )
            task.name = f"{name} ({engine.name})"
            jobs.append(task)
            made = document_md_task(
                task.output,
                start,
                method=configured.method,
                label=label,
                temperature=temperature,
                settings=chunk.settings,
                equilibration=equilibration,
                first_step=0 if previous is None else previous.last_step,
                last_stored=None if previous is None else previous.last_stored,
            )
        made.name = name
        jobs.append(made)
        uuids.append(made.uuid)
        previous = made.output
        first_step += n_steps
    return jobs, uuids, previous


def runs_in_process(settings: EngineSettings) -> bool:
    """Tell whether an engine's dynamics run inside the Python process.

    Those engines have an ASE calculator, so their chunks keep momenta and thermostat
    exactly.
    """
    # A trained potential may not exist yet when the flow is made.
    return settings.name == "ann" or hasattr(
        type(get_engine(settings).md), "calculator"
    )


def _external_engine(
    settings: EngineSettings,
    temperature: float,
    n_steps: int,
    dynamics: DynamicsSettings,
) -> Engine:
    md = MDSettings(time_step=dynamics.time_step, damping_time=dynamics.damping_time)
    return get_engine(settings.model_copy(update={"md": md})).with_md(
        temperature=temperature, n_steps=n_steps, seed=dynamics.seed
    )


def _as_document(chunk: Any) -> MDChunkDocument:
    if isinstance(chunk, MDChunkDocument):
        return chunk
    plain = {key: value for key, value in chunk.items() if not key.startswith("@")}
    return MDChunkDocument.model_validate(plain)
