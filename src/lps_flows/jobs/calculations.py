"""Many calculations by one engine: one job for all, or one each and a collector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, Response
from pymatgen.core import Structure

from lps_flows.chemistry import bare_structure, full_formula
from lps_flows.engines import BAD_STRUCTURE, Engine, EngineError, read_calculation
from lps_flows.engines.reading import Calculation

SEES_STORE = JobConfig(expose_store=True)
"""Of jobs that may compute with a trained potential: they read it from the store."""


def calculate_all(
    engine: Engine,
    structures: Sequence[Structure],
    collect: Any,
    *,
    relax: bool,
    name: str,
    **facts: Any,
) -> Any:
    """Compute structures inside the running job, or replace it by one job for each.

    A structure that fails costs that structure alone: `collect` is handed its task
    document, the exception that stopped it, or None for a job that did not finish.

    Parameters
    ----------
    collect
        Job function ``collect(tasks, *, method, device=None, **facts)`` that makes the
        output.
    **facts
        Further arguments of `collect`.

    Returns
    -------
    object
        What `collect` returns, or a `Response` that replaces the running job.
    """
    if engine.batched:
        tasks = (_attempt(engine, structure, relax) for structure in structures)
        return collect.original(tasks, **engine.written(), **facts)
    maker = engine.relax if relax else engine.static
    calculations: list[Flow | Job] = []
    for index, structure in enumerate(structures):
        calculation = maker.make(bare_structure(structure))
        calculation.name = f"{maker.name} {full_formula(structure)} {index}"
        calculations.append(calculation)
    collected = collect(
        [calculation.output for calculation in calculations],
        method=engine.method,
        **facts,
    )
    collected.name = f"{name} collect"
    collected.config.on_missing_references = OnMissing.NONE
    return Response(replace=Flow([*calculations, collected], collected.output, name))


def _attempt(engine: Engine, structure: Structure, relax: bool) -> Any:
    try:
        return engine.compute(structure, relax=relax)
    except BAD_STRUCTURE as error:
        return error


def finished(task: Any) -> Any:
    """Return a task document, or raise what stopped its calculation.

    Raises
    ------
    EngineError
        When there is none: its job did not finish.
    """
    if task is None:
        raise EngineError("the calculation did not finish")
    if isinstance(task, Exception):
        raise task
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
