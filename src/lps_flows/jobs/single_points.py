"""Relax by single points of the reference engine, led by a trained potential."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import CURRENT_JOB, Flow, JobConfig, Maker, OnMissing, Response, job
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.chemistry import bare_structure, full_formula
from lps_flows.engines import (
    BAD_STRUCTURE,
    Calculation,
    Engine,
    get_engine,
    read_calculation,
)
from lps_flows.engines.engine import refuse_unphysical
from lps_flows.engines.trained import load_potential
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.calculations import finished
from lps_flows.jobs.md_task import field_of, order_of
from lps_flows.jobs.references import by_uuid, in_place, recall, value_of
from lps_flows.potential import (
    ANNPotential,
    RelaxationSettings,
    SinglePointRelaxation,
    relax_batch,
)
from lps_flows.potential.single_points import MAX_STRESS
from lps_flows.schemas import Provenance
from lps_flows.schemas.relaxation import RelaxationDocument


class SinglePointSettings(FrozenSettings):
    """Where a relaxation by single points ends."""

    fmax: float = Field(0.02, gt=0, description="Largest force on an atom (eV/Å).")
    max_stress: float = Field(
        MAX_STRESS, gt=0, description="Largest stress component (eV/Å^3)."
    )
    max_evaluations: int = Field(
        120, ge=1, description="Most single points of one relaxation."
    )


@dataclass
class SinglePointRelaxMaker(Maker):
    """Relax one structure by single points, each a step that the potential proposes.

    Engines whose calculations share this process do so in one job. Any other gets a
    job for each single point, which starts from the files of the one before; the job
    behind it decides on the next. A single point that fails costs that step alone, and
    a chain that is killed goes on at its last step.
    """

    name: str = "relax by single points"
    engine: Engine = field(default_factory=get_engine)
    settings: SinglePointSettings = field(default_factory=SinglePointSettings)

    # No output schema, as `LabelMaker`'s; a single point that failed comes as None.
    @job(
        data="trials",
        config=JobConfig(expose_store=True, on_missing_references=OnMissing.NONE),
    )
    def make(
        self,
        structure: Structure,
        provenance: Provenance,
        potential: Any,
        task: Any = None,
        *,
        before: Any = None,
        n_trials: int | None = None,
    ) -> RelaxationDocument | Response:
        """Take one step, or all of them.

        Parameters
        ----------
        structure
            Where to start; it is relaxed on the potential first.
        potential
            The potential that leads: handed over by `both`, or its job's uuid, or a
            path.
        task, before, n_trials
            The single point that the step before asked for, what that step stored, and
            how many single points that was; set by this Maker.
        """
        refuse_unphysical(structure)
        model, misfit = _loaded(potential)
        document = (
            _stored(before, n_trials)
            if _step() > 1
            else self._begun(structure, provenance, model)
        )
        steps = SinglePointRelaxation(
            document.start,
            model,
            **self.settings.model_dump(),
            trials=document.trials,
        )
        if _step() > 1:
            self._moved_on(document, field_of(task, "dir_name"))
            _answer(steps, lambda _: finished(task))
        while (candidate := steps.propose()) is not None:
            if not self.engine.batched:
                document.trials = steps.trials
                return self._next(document, candidate, structure, potential)
            _answer(steps, lambda cell: self.engine.compute(cell, relax=False))
        if document.directory is not None:
            self.engine.forget(document.directory)
        result = steps.result()
        document.trials = steps.trials
        if result.converged:
            answers = [None if t.failure else t.energy for t in steps.trials]
            document.end = answers.index(result.energy)
        document.reason = misfit or result.reason
        return document

    def _begun(
        self, structure: Structure, provenance: Provenance, model: ANNPotential | None
    ) -> RelaxationDocument:
        given = bare_structure(structure)
        return RelaxationDocument(
            **self.engine.written(),
            provenance=provenance,
            given=given,
            start=given if model is None else self._prepared(given, model),
        )

    def _prepared(self, structure: Structure, model: ANNPotential) -> Structure:
        settings = RelaxationSettings(
            max_force=0.5 * self.settings.fmax, max_stress=self.settings.max_stress
        )
        try:
            (relaxed,) = relax_batch([structure], model, settings)
        except LpsFlowsError:
            return structure
        return structure if relaxed.failure else bare_structure(relaxed.structure)

    def _moved_on(self, document: RelaxationDocument, directory: str | None) -> None:
        """Note where the next single point starts from; one that failed leaves it."""
        if directory not in (None, document.directory):
            if document.directory is not None:
                self.engine.forget(document.directory)
            document.directory = directory

    def _next(
        self,
        document: RelaxationDocument,
        candidate: Structure,
        structure: Structure,
        potential: Any,
    ) -> Response:
        number, formula = len(document.trials) + 1, full_formula(candidate)
        static: Any = self.engine.in_a_chain().static
        task = static.make(candidate, prev_dir=document.directory)
        task.name = f"{static.name} {formula} {number}"
        recalling, given = recall(
            potential=potential, before=by_uuid(CURRENT_JOB.job.uuid)
        )
        again: Any = self.make(
            structure,
            document.provenance,
            task=task.output,
            n_trials=len(document.trials),
            **given,
        )
        return Response(
            output=document, replace=Flow([task, *recalling, in_place(again)])
        )


def _step() -> int:
    """Return which job of a chain is running."""
    return 1 if CURRENT_JOB.job is None else int(CURRENT_JOB.job.index)


def _stored(before: Any, n_trials: int | None) -> RelaxationDocument:
    """Return where the step before left it.

    Where this step ran before, and was killed, the last that is stored is its own.
    """
    found = value_of(CURRENT_JOB.job.uuid if before is None else before)
    document: RelaxationDocument = found.model_copy()
    document.trials = document.trials[:n_trials]
    return document


def relaxation_uuids(flows: Sequence[Flow]) -> list[str]:
    """Return the jobs of flows whose output is a `RelaxationDocument`."""
    return [
        each.uuid
        for flow in flows
        for each, _ in flow.iterflow()
        if isinstance(each.maker, SinglePointRelaxMaker)
    ]


def _loaded(potential: Any) -> tuple[ANNPotential | None, str | None]:
    """Return the potential, or why there is none."""
    try:
        return load_potential(potential), None
    except (LpsFlowsError, ValueError, OSError) as error:
        return None, f"the potential cannot be read: {error}"


def _answer(steps: SinglePointRelaxation, compute: Callable[[Structure], Any]) -> None:
    """Answer what was asked, or say why there is no answer."""
    asked: Any = steps.propose()
    try:
        calculation = read_calculation(compute(asked))
        # a code may sort the atoms
        order = order_of(
            asked, calculation.structure, calculation.structure.frac_coords
        )
    except BAD_STRUCTURE as error:
        steps.fail(str(error) or type(error).__name__)
        return
    if calculation.stress is None:
        steps.fail("the engine gives no stress")
    elif not calculation.electrons_converged:
        steps.fail("the electronic cycle did not converge")
    else:
        steps.answer(calculation.energy, calculation.forces[order], calculation.stress)


def end_of(relaxation: RelaxationDocument) -> Calculation:
    """Return the calculation at which a relaxation got to the thresholds."""
    index = relaxation.end or 0
    trial, forces = relaxation.trials[index], relaxation.trials[index].forces
    return Calculation(
        structure=relaxation.places()[index],
        energy=trial.energy,
        forces=np.array(forces),
        stress=np.array(trial.stress),
        converged=True,
        electrons_converged=True,
        n_steps=relaxation.n_evaluations,
        max_force=float(np.linalg.norm(forces, axis=1).max()),
    )
