"""Many calculations by one engine: one job for all, or several and a collector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, Response, job
from pymatgen.core import Structure

from lps_flows.chemistry import bare_structure, full_formula
from lps_flows.engines import BAD_STRUCTURE, Engine, EngineError, read_calculation
from lps_flows.engines.reading import Calculation
from lps_flows.jobs.references import own_name

SEES_STORE = JobConfig(expose_store=True)
"""Of jobs that may compute with a trained potential: they read it from the store."""


def calculate_all(
    engine: Engine,
    structures: Sequence[Structure],
    collect: Any,
    *,
    relax: bool,
    name: str,
    per_job: int | None = None,
    **facts: Any,
) -> Any:
    """Compute structures inside the running job, or replace it by several jobs.

    A structure that fails costs that structure alone: `collect` is handed its task
    document, the exception that stopped it, or None for a job that did not finish.

    Parameters
    ----------
    collect
        Job function ``collect(tasks, *, method, device=None, **facts)`` that makes the
        output.
    per_job
        Most structures that one job of this process computes (`Engine.batched`), so
        that several workers share a large set; none leaves all of them to the running
        one. Other engines have a job for each.
    **facts
        Further arguments of `collect`.

    Returns
    -------
    object
        What `collect` returns, or a `Response` that replaces the running job.
    """
    if engine.batched and (per_job is None or len(structures) <= per_job):
        tasks = (_attempt(engine, structure, relax) for structure in structures)
        return collect.original(tasks, **engine.written(), **facts)
    name = own_name(name)
    cells = [bare_structure(structure) for structure in structures]
    calculations: list[Flow | Job] = []
    outputs: list[Any] = []
    if per_job is not None and engine.batched:
        for first in range(0, len(cells), per_job):
            some = cells[first : first + per_job]
            part: Any = compute_part(some, engine=engine, relax=relax)
            part.name = f"{name} from {first}"
            calculations.append(part)
            outputs += [part.output["tasks"][index] for index in range(len(some))]
        facts |= {"device": calculations[0].output["device"]}
    else:
        maker = engine.relax if relax else engine.static
        for index, cell in enumerate(cells):
            calculation = maker.make(cell)
            calculation.name = f"{maker.name} {full_formula(cell)} {index}"
            calculations.append(calculation)
            outputs.append(calculation.output)
    collected = collect(outputs, method=engine.written_method(), **facts)
    collected.name = f"{name} collect"
    collected.config.on_missing_references = OnMissing.NONE
    return Response(replace=Flow([*calculations, collected], collected.output, name))


@job(data="tasks", config=SEES_STORE)
def compute_part(
    structures: list[Structure], *, engine: Engine, relax: bool
) -> dict[str, Any]:
    """Compute some structures of a set inside this job, with a batched engine.

    Returns
    -------
    dict
        ``tasks``, per structure its task document or ``{"failure": reason}``, and the
        ``device`` that was used.
    """
    tasks = [_attempt(engine, structure, relax) for structure in structures]
    return {
        "device": engine.device,
        "tasks": [
            {"failure": str(task) or type(task).__name__}
            if isinstance(task, Exception)
            else task
            for task in tasks
        ],
    }


def _attempt(engine: Engine, structure: Structure, relax: bool) -> Any:
    try:
        return engine.compute(structure, relax=relax)
    except BAD_STRUCTURE as error:
        return error


def no_calculation() -> EngineError:
    """Return the error for a calculation whose job did not finish."""
    return EngineError("the calculation did not finish")


def finished(task: Any) -> Any:
    """Return a task document, or raise what stopped its calculation.

    Raises
    ------
    EngineError
        When there is none: its job did not finish.
    """
    if task is None:
        raise no_calculation()
    if isinstance(task, Exception):
        raise task
    if isinstance(task, Mapping) and "failure" in task:
        raise EngineError(task["failure"])
    return task


def succeeded(
    tasks: Iterable[Any],
) -> tuple[list[tuple[int, Calculation]], list[Exception]]:
    """Return the calculations that ended, by their place, and what stopped the rest."""
    ended: list[tuple[int, Calculation]] = []
    failed: list[Exception] = []
    for place, task in enumerate(tasks):
        try:
            ended.append((place, read_calculation(finished(task))))
        except BAD_STRUCTURE as error:
            failed.append(error)
    return ended, failed


def failing_through(flow: Flow) -> Flow:
    """Let a failure reach the end of a flow, so that what compares it goes on.

    Otherwise the jobs behind the one that failed wait for ever, and so does everything
    that would have left it out.
    """
    for each, _ in flow.iterflow():
        each.config.on_missing_references = OnMissing.NONE
    return flow
