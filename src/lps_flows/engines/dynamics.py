"""Set the molecular dynamics of an engine's Maker, whatever the code behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atomate2.ase.md import AseMDMaker
from atomate2.vasp.jobs.base import BaseVaspMaker

from lps_flows.engines.engine import EngineError

if TYPE_CHECKING:
    from jobflow import Maker


def configure_md(
    maker: Maker,
    *,
    temperature: float,
    n_steps: int,
    sampling_interval: int,
    seed: int | None,
) -> Maker:
    """Return a copy of an MD Maker for one run.

    Parameters
    ----------
    maker
        MD Maker of an engine.
    temperature
        Thermostat temperature (K).
    n_steps
        Number of time steps.
    sampling_interval
        Steps between stored frames; VASP stores every step.
    seed
        Seed of the initial velocities; VASP draws its own.

    Raises
    ------
    EngineError
        When the Maker is of no code known here.
    """
    if isinstance(maker, AseMDMaker):
        return replace(
            maker,
            temperature=temperature,
            n_steps=n_steps,
            traj_interval=sampling_interval,
            mb_velocity_seed=maker.mb_velocity_seed if seed is None else seed,
        )
    if isinstance(maker, BaseVaspMaker):
        generator: Any = maker.input_set_generator
        generator = replace(
            generator,
            start_temp=temperature,
            end_temp=temperature,
            nsteps=n_steps,
        )
        return replace(maker, input_set_generator=generator)
    raise EngineError(
        "its dynamics cannot be set from here",
        field="engine.md",
        value=type(maker).__name__,
        remedy="Use an MD Maker derived from atomate2's AseMDMaker or BaseVaspMaker",
    )
