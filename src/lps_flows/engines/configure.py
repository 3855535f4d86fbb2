"""Set an engine's Makers for one purpose, whatever the code behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atomate2.ase.jobs import AseRelaxMaker
from atomate2.ase.md import AseMDMaker
from atomate2.vasp.jobs.base import BaseVaspMaker
from emmet.core.types.enums import StoreTrajectoryOption

from lps_flows.engines.errors import EngineError
from lps_flows.engines.vasp_handlers import short_run_handlers

if TYPE_CHECKING:
    from jobflow import Maker


def configure_md(
    maker: Maker,
    *,
    temperature: float,
    n_steps: int,
    sampling_interval: int,
    seed: int,
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
            mb_velocity_seed=seed,
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
    raise _foreign("engine.md", maker)


def configure_path(maker: Maker, *, max_steps: int) -> Maker:
    """Return a copy of a relaxation Maker that stops early and keeps every step.

    Parameters
    ----------
    maker
        Relaxation Maker of an engine.
    max_steps
        Most ionic steps; to stop there is no error.

    Raises
    ------
    EngineError
        When the Maker is of no code known here.
    """
    if isinstance(maker, AseRelaxMaker):
        return replace(
            maker, steps=max_steps, store_trajectory=StoreTrajectoryOption.PARTIAL
        )
    if isinstance(maker, BaseVaspMaker):
        generator: Any = maker.input_set_generator
        return replace(
            maker,
            input_set_generator=replace(generator, max_steps=max_steps),
            run_vasp_kwargs=maker.run_vasp_kwargs | {"handlers": short_run_handlers()},
        )
    raise _foreign("engine.relax", maker)


def _foreign(field: str, maker: Maker) -> EngineError:
    return EngineError(
        "a Maker of this kind cannot be set from here",
        field=field,
        value=type(maker).__name__,
        remedy="Use one derived from atomate2's ASE or VASP Makers",
    )
