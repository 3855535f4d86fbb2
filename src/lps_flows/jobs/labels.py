"""From an engine's calculations to structure documents and labelled sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jobflow import job
from pymatgen.core import Structure

from lps_flows.analysis import analyse_motifs
from lps_flows.chemistry import CompositionLine
from lps_flows.engines import (
    BAD_STRUCTURE,
    Calculation,
    EngineError,
    read_calculation,
    read_path,
)
from lps_flows.jobs.calculations import finished
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.structure import CalculationFailure

_LARGE_GROWTH = 0.1
"""Change of the volume in a relaxation, as a fraction, that is remarked upon."""


def structure_document(
    calculation: Calculation,
    provenance: Provenance,
    *,
    method: str,
    device: str | None = None,
    relaxed: bool,
    line: CompositionLine,
    max_stress: float | None = None,
    start: Structure | None = None,
    spent: int = 0,
    remarks: Sequence[str] = (),
) -> StructureDocument:
    """Write a calculation as the document that the whole campaign understands.

    Parameters
    ----------
    max_stress
        Largest component of the stress (GPa) of a converged relaxation of the cell.
    start
        Structure before the relaxation: a large change of its volume and other anions
        are remarked upon.
    """
    left, remarks = None, list(remarks)
    if relaxed and start is not None:
        left = left_basin(start, calculation.structure, line)
        growth = calculation.structure.volume / start.volume - 1
        if abs(growth) > _LARGE_GROWTH:
            remarks.append(
                f"relaxing changed the volume by {100 * growth:+.0f} %: the method may "
                "lack what holds it together (dispersion)"
            )
    if left:
        remarks.append("its anions are not those it had before the relaxation")
    stress, change = calculation.stress, calculation.energy_change
    loaded = relaxed and (calculation.max_stress or 0.0) > (max_stress or np.inf)
    return StructureDocument.of(
        calculation.structure,
        calculation.energy,
        provenance,
        method=method,
        device=device,
        line=line,
        relaxed=relaxed and calculation.electrons_converged,
        converged=calculation.converged and not loaded,
        forces=calculation.forces.tolist(),
        stress=None if stress is None else stress.tolist(),
        energy_change=None if change is None else change / len(calculation.structure),
        n_evaluations=spent + calculation.n_steps,
        left_basin=left,
        remarks=remarks,
    )


def left_basin(before: Structure, after: Structure, line: CompositionLine) -> bool:
    """Tell whether the anions of a structure are others than before."""
    fractions = (
        analyse_motifs(each, line=line).fractions() for each in (before, after)
    )
    return next(fractions) != next(fractions)


def label_documents(
    task: Any, provenance: Provenance, *, relaxed: bool, n_frames: int = 1, **facts: Any
) -> list[StructureDocument]:
    """Turn one task document into one or more labelled structures.

    Each of `n_frames` kept of a relaxation is a label of its own (``converged`` speaks
    of the electrons), and the last counts as relaxed only when it is. `facts` are
    method, device and line.
    """
    if n_frames == 1 or not relaxed:
        label = read_calculation(task)
        done = relaxed and label.converged
        if relaxed:
            label = replace(label, converged=label.electrons_converged)
        return [structure_document(label, provenance, relaxed=done, **facts)]
    path = read_path(task)
    last = len(path) - 1
    documents: list[StructureDocument] = []
    counted = 0
    for index in frames_on_the_way(len(path), n_frames):
        step = path[index]
        where = {"relaxation_step": index, "relaxation_steps": len(path)}
        documents.append(
            structure_document(
                replace(
                    step,
                    converged=step.electrons_converged,
                    # the way from one label to the next, so that they add up
                    n_steps=index + 1 - counted,
                ),
                provenance.model_copy(update={"details": provenance.details | where}),
                relaxed=index == last and step.converged,
                **facts,
            )
        )
        counted = index + 1
    return documents


def frames_on_the_way(n_steps: int, n_frames: int) -> list[int]:
    """Return steps of a relaxation to keep: dense where the energy falls fastest.

    Geometric spacing from the first step to the last; both are kept.
    """
    spaced = np.geomspace(1, n_steps, min(n_frames, n_steps)).round().astype(int) - 1
    return sorted({0, *spaced.tolist(), n_steps - 1})


@job(output_schema=StructureDocument)
def document_calculation(
    task: Any, provenance: Provenance, relaxation: Any = None, **facts: Any
) -> StructureDocument:
    """Turn an engine's task document into a structure document.

    Parameters
    ----------
    task
        Task document of a calculation, or of the single point after a relaxation.
    relaxation
        Task documents of the relaxations before it, in order: what the last of them
        says of convergence holds, and their steps and changes of energy add up. In
        jobs of before, that of the last one.
    """
    calculation = read_calculation(finished(task))
    if relaxation is not None:
        before = relaxation if isinstance(relaxation, list) else [relaxation]
        ends = [read_calculation(each) for each in before]
        changes = [end.energy_change for end in ends]
        calculation = replace(
            calculation,
            n_steps=calculation.n_steps + sum(end.n_steps for end in ends),
            converged=calculation.converged and ends[-1].converged,
            energy_change=None
            if None in changes
            else sum(change for change in changes if change is not None),
        )
    return structure_document(calculation, provenance, **facts)


@job(output_schema=StructureSet, data="entries")
def collect_labels(
    tasks: Iterable[Any],
    *,
    provenances: list[Provenance],
    formulas: list[str],
    method: str,
    **facts: Any,
) -> StructureSet:
    """Gather single calculations into a set; those that failed are listed in it.

    Parameters
    ----------
    tasks
        Task documents, or what stopped them, in the order of the structures.

    Raises
    ------
    EngineError
        When not a single structure could be labelled: then the engine is at fault.
    """
    documents: list[StructureDocument] = []
    failures: list[CalculationFailure] = []
    for index, (task, provenance) in enumerate(zip(tasks, provenances, strict=True)):
        try:
            documents += label_documents(
                finished(task), provenance, method=method, **facts
            )
        except BAD_STRUCTURE as error:
            failures.append(
                CalculationFailure(
                    index=index,
                    formula=formulas[index],
                    provenance=provenance,
                    reason=str(error) or type(error).__name__,
                )
            )
    if failures and not documents:
        raise EngineError(
            f"none of {len(failures)} structures could be labelled; the first: "
            f"{failures[0].reason}",
            field="engine",
            value=method,
            remedy="Check that the engine runs on this machine, and the structures",
        )
    return StructureSet(
        method=method,
        n_structures=len(documents),
        entries=documents,
        failures=failures,
        n_evaluations=sum(entry.n_evaluations or 0 for entry in documents),
    )
