"""Which kind of worker a job needs, and which jobs go first.

Everything here ends up in the specification of the fireworks, also of those that jobs
add later: ``_fworker`` (run only by workers of this name), ``_priority`` (the higher
the sooner) and ``tags`` (to search by). Nothing of it changes a result, so it is no
part of the campaign's settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobflow import Flow, Job, Maker
from pydantic import Field

from lps_flows.engines import Engine, get_engine
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.calculations import compute_part
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.orderings import OrderedRelaxMaker
from lps_flows.jobs.properties import PropertyMaker
from lps_flows.jobs.reference import (
    LabelMaker,
    ReferenceRelaxMaker,
    ReferenceStaticMaker,
    compute_structure,
)
from lps_flows.jobs.selection import SelectionMaker
from lps_flows.jobs.single_points import SinglePointRelaxMaker
from lps_flows.jobs.thermal_cell import ThermalCellMaker

DEFAULT_PRIORITIES: Mapping[str, int] = {
    "crystals": 60,
    "dataset": 50,
    "training": 40,
    "active learning": 40,
    "sampling": 30,
    "melt-quench": 30,
    "selection": 20,
    "conductivity": 20,
    "elasticity": 20,
    "phonons": 20,
    "build": 10,
}
_REFERENCE_FIRST = 100
_TAGGED = ("stage", "parent", "composition")
# Jobs that compute themselves with a reference engine that is batched.
_COMPUTING: frozenset[Callable[..., Any]] = frozenset(
    {
        compute_part,
        compute_structure,
        LabelMaker.make,
        OrderedRelaxMaker.choose,
        ReferenceRelaxMaker.document,  # what single points did not bring to its end
        ReferenceStaticMaker.compute,
        SinglePointRelaxMaker.make,
    }
)


class RoutingSettings(FrozenSettings):
    """Where jobs run and in which order."""

    reference_worker: str | None = Field(
        None,
        description="Name of the workers (my_fworker.yaml) that run the reference "
        "engine's calculations. None: any worker.",
    )
    worker: str | None = Field(
        None,
        description="Name of the workers that run everything else: ANN, GA, analysis. "
        "None: any worker.",
    )
    priorities: dict[str, int] = Field(
        dict(DEFAULT_PRIORITIES),
        description="Priority per stage, the higher the sooner; reference "
        f"calculations get {_REFERENCE_FIRST} more, since others wait for them.",
    )


def route(flow: Flow, settings: RoutingSettings, engine: Engine | None = None) -> Flow:
    """Say for every job, also for jobs made later, where and when to run it.

    Parameters
    ----------
    flow
        A campaign's flow, whose jobs carry their stage in the metadata. It is changed
        in place.
    engine
        The reference engine, whose jobs go to the reference workers.

    Returns
    -------
    Flow
        The same flow.
    """
    reference = reference_functions(engine)
    for job in jobs_of(flow):
        stage = job.metadata.get("stage", "other")
        functions = list(reference)
        if engine is not None and _moves_ions_by(engine, job, stage):
            functions += [MDChunkMaker.make, ThermalCellMaker.make]
        if engine is not None and engine.batched and _is_property_by(engine, job):
            functions.append(PropertyMaker.make)
        priority = settings.priorities.get(stage, 0)
        job.update_config(_config(settings.worker, priority), dynamic=True)
        for function in sorted(functions, key=lambda f: f.__qualname__):
            job.update_config(
                _config(settings.reference_worker, priority + _REFERENCE_FIRST),
                function_filter=function,
                dynamic=True,
            )
        tags = [str(job.metadata[key]) for key in _TAGGED if key in job.metadata]
        if tags:
            job.update_metadata({"tags": tags}, dynamic=True)
    return flow


def jobs_of(flow: Flow | Job) -> Iterator[Job]:
    """Iterate over the jobs of a flow and of the flows in it."""
    if isinstance(flow, Job):
        yield flow
        return
    for part in flow.jobs:
        yield from jobs_of(part)


def reference_functions(engine: Engine | None) -> set[Callable[..., Any]]:
    """Return the functions of the jobs in which a reference engine computes.

    They are those of its Makers, or ours where it is batched.
    """
    if engine is None:
        return set()
    if engine.batched:
        return set(_COMPUTING)
    functions: set[Callable[..., Any]] = set()
    for maker in engine.makers:
        for each in _makers_in(maker):
            function = type(each).make
            # a Maker without it makes flows, and flows are no fireworks
            if hasattr(function, "original"):
                functions.add(function)
    return functions


def _moves_ions_by(engine: Engine, job: Job, stage: str) -> bool:
    """Tell whether atoms are moved by this engine in a process of ours after a job."""
    if not engine.in_process:
        return False
    if stage == "dataset":
        return True
    maker = job.maker
    if not isinstance(maker, SelectionMaker) or maker.conductivity is None:
        return False
    moving = maker.conductivity.engine
    return not moving.needs_potential and get_engine(moving).method == engine.method


def _is_property_by(engine: Engine, job: Job) -> bool:
    """Tell whether a job computes a property by this engine, not by the potential."""
    maker = job.maker
    return isinstance(maker, PropertyMaker) and maker.engine.method == engine.method


def _makers_in(value: object) -> Iterator[Maker]:
    if isinstance(value, Maker):
        yield value
        if dataclasses.is_dataclass(value):
            for each in dataclasses.fields(value):
                yield from _makers_in(getattr(value, each.name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _makers_in(item)


def _config(worker: str | None, priority: int) -> dict[str, Any]:
    manager: dict[str, Any] = {"_priority": priority}
    if worker is not None:
        manager["_fworker"] = worker
    # jobflow passes a job's manager_config on to the jobs it makes, over the updates
    # that were meant for them
    return {"manager_config": manager, "pass_manager_config": False}
