"""Molecular dynamics in chunks: one job, and so one firework, per chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import JobConfig, Maker, job
from pymatgen.core import Structure

from lps_flows.engines import EngineSettings, MDSettings, get_engine, read_trajectory
from lps_flows.engines.engine import Engine
from lps_flows.jobs.dynamics import DynamicsSettings, final_structure, run_chunk
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDChunkDocument, MDFrames

# A trained potential is read from the store of the running job.
SEES_STORE = JobConfig(expose_store=True)
# Two frames closer than this (Å) are the same: VASP writes coordinates with 8 digits.
_SAME_FRAME = 1e-4


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


@job(output_schema=MDChunkDocument, data=["frames"])
def document_md_task(
    task: Any,
    *,
    method: str,
    label: str,
    temperature: float,
    settings: DynamicsSettings,
    equilibration: bool,
    previous: MDChunkDocument | None = None,
) -> MDChunkDocument:
    """Turn the task document of an engine with jobs of its own into a chunk.

    Such an engine (VASP) continues from the structure, velocities and files of the
    chunk before; its first frame is left out when it repeats the last one there.
    Positions are unwrapped by the smallest move from frame to frame, also over the
    joint.

    Parameters
    ----------
    task
        Task document with its trajectory.
    method
        Method of the engine.
    label, temperature, settings, equilibration
        As in `MDChunkMaker`.
    previous
        Chunk before.
    """
    before = None if previous is None else _as_document(previous)
    frames = read_trajectory(task)
    fractional = np.array([frame.frac_coords for frame in frames.structures])
    temperatures = frames.temperatures
    last = None if before is None else before.structure.frac_coords
    first_step = 0 if before is None else before.last_step
    lattice = frames.structures[-1].lattice
    if last is not None:
        move = fractional[0] - last
        move -= np.round(move)
        if np.abs(lattice.get_cartesian_coords(move)).max() < _SAME_FRAME:
            fractional, temperatures = fractional[1:], temperatures[1:]
        joined = np.concatenate([last[None], fractional])
    else:
        joined = fractional
    steps = np.diff(joined, axis=0)
    steps -= np.round(steps)
    unwrapped = np.concatenate([joined[:1], joined[:1] + np.cumsum(steps, axis=0)])
    if last is not None:
        unwrapped = unwrapped[1:]
    offset = 0 if last is None else 1
    numbers = first_step + offset + np.arange(len(unwrapped))
    kept = numbers % settings.frame_interval == 0
    end = _with_velocities(task, frames.structures[-1], unwrapped[-1])
    unknown = np.full(int(kept.sum()), np.nan)
    return MDChunkDocument(
        method=method,
        label=label,
        temperature=temperature,
        time_step=settings.time_step,
        first_step=first_step,
        last_step=int(numbers[-1]),
        n_frames=int(kept.sum()),
        equilibration=equilibration,
        structure=end,
        dir_name=str(_field(task, "dir_name") or "") or None,
        frames=MDFrames(
            steps=PackedArray.pack(numbers[kept], "<i8"),
            positions=None
            if equilibration
            else PackedArray.pack(unwrapped[kept] @ lattice.matrix, "<f4"),
            temperatures=PackedArray.pack(temperatures[kept]),
            potential_energies=PackedArray.pack(unknown),
            conserved_energies=PackedArray.pack(unknown),
        ),
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
        if _in_process(engine):
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
            task = configured.md.make(
                structure if previous is None else previous.structure,
                prev_dir=None if previous is None else previous.dir_name,
            )
            task.name = f"{name} ({engine.name})"
            jobs.append(task)
            made = document_md_task(
                task.output,
                method=configured.method,
                label=label,
                temperature=temperature,
                settings=chunk.settings,
                equilibration=equilibration,
                previous=previous,
            )
        made.name = name
        jobs.append(made)
        uuids.append(made.uuid)
        previous = made.output
        first_step += n_steps
    return jobs, uuids, previous


def _in_process(settings: EngineSettings) -> bool:
    # A trained potential may not exist yet when the flow is made.
    return settings.name == "ann" or get_engine(settings).batched


def _external_engine(
    settings: EngineSettings,
    temperature: float,
    n_steps: int,
    dynamics: DynamicsSettings,
) -> Engine:
    md = MDSettings(
        temperature=temperature,
        n_steps=n_steps,
        time_step=dynamics.time_step,
        damping_time=dynamics.damping_time,
        sampling_interval=dynamics.frame_interval,
        seed=dynamics.seed,
    )
    return get_engine(settings.model_copy(update={"md": md}))


def _as_document(chunk: Any) -> MDChunkDocument:
    if isinstance(chunk, MDChunkDocument):
        return chunk
    plain = {key: value for key, value in chunk.items() if not key.startswith("@")}
    return MDChunkDocument.model_validate(plain)


def _field(task: Any, name: str) -> Any:
    return task.get(name) if isinstance(task, dict) else getattr(task, name, None)


def _with_velocities(task: Any, frame: Structure, fractional: np.ndarray) -> Structure:
    """Return the unwrapped last frame with the velocities of the task's structure."""
    end = Structure(frame.lattice, frame.species, fractional)
    structure = _field(task, "structure")
    if isinstance(structure, dict):
        structure = Structure.from_dict(structure)
    velocities = (
        None if structure is None else structure.site_properties.get("velocities")
    )
    if velocities is not None:
        end.add_site_property("velocities", [list(v) for v in velocities])
    return end
