"""One chunk of molecular dynamics by an engine inside the process: one job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Maker, job
from pymatgen.core import Structure

from lps_flows.engines import Engine, get_engine
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.dynamics import DynamicsSettings, final_structure, run_chunk
from lps_flows.schemas.md import MDChunkDocument


@dataclass
class MDChunkMaker(Maker):
    """One chunk of a run, by an engine inside the Python process."""

    name: str = "md chunk"
    engine: Engine = field(default_factory=get_engine)
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
        potential: Any = None,
        failure: str | None = None,
    ) -> MDChunkDocument:
        """Run one chunk.

        Parameters
        ----------
        structure
            Start of the run; not needed when there is a chunk before.
        temperature
            Thermostat temperature (K).
        previous
            Chunk before: its reference, resolved when the job runs.
        potential
            Potential that the engine stands on: handed over by `both`, for an engine
            that names it by its job's uuid.
        failure
            Why the structure is no start: then nothing runs, and this is the reason.
        """
        if previous is not None:
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
        engine = self.engine.given(potential)
        if failure is not None:
            return MDChunkDocument(
                **engine.written(),
                label=label,
                temperature=temperature,
                time_step=self.settings.time_step,
                first_step=first_step,
                last_step=first_step,
                n_frames=0,
                equilibration=equilibration,
                structure=structure,
                n_evaluations=0,
                failure=failure,
            )
        result = run_chunk(
            structure,
            engine.calculator(),
            temperature=temperature,
            n_steps=n_steps,
            settings=self.settings,
            first_step=first_step,
            state=None if previous is None else previous.state,
            keep_positions=not equilibration,
            before=0.0 if previous is None else previous.temperature,
        )
        steps = result.frames.steps.unpack()
        last_stored = int(steps[-1]) if len(steps) else first_step
        whole = result.failure is None
        return MDChunkDocument(
            **engine.written(),
            label=label,
            temperature=temperature,
            time_step=self.settings.time_step,
            first_step=first_step,
            last_step=first_step + n_steps if whole else last_stored,
            n_frames=result.n_frames,
            equilibration=equilibration,
            structure=final_structure(result.atoms) if whole else structure,
            state=result.state,
            frames=result.frames if result.n_frames else None,
            wall_time=result.wall_time,
            n_evaluations=(n_steps if whole else last_stored - first_step),
            failure=result.failure,
        )
