"""Energies by the reference engine: one structure, or a whole set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jobflow import Flow, Job, Maker, OutputReference, Response, job
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine, bare_structure, full_formula
from lps_flows.engines import Engine, get_engine, read_calculation
from lps_flows.engines.engine import refuse_disordered
from lps_flows.jobs.calculations import (
    SEES_STORE,
    calculate_all,
    no_calculation,
)
from lps_flows.jobs.labels import (
    collect_labels,
    document_calculation,
    structure_document,
)
from lps_flows.jobs.references import both, in_place, own_name
from lps_flows.jobs.single_points import (
    SinglePointRelaxMaker,
    SinglePointSettings,
    end_of,
)
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure
from lps_flows.schemas.relaxation import RelaxationDocument


@dataclass
class ReferenceStaticMaker(Maker):
    """Energy, forces and stress of one structure by the reference engine.

    Parameters
    ----------
    name
        Name of the flow; its jobs add the formula.
    """

    name: str = "reference static"
    engine: Engine = field(default_factory=get_engine)
    line: CompositionLine = field(default_factory=CompositionLine)
    remarks: list[str] = field(default_factory=list)

    relaxes: ClassVar[bool] = False

    def make(
        self,
        structure: Structure | OutputReference,
        provenance: Provenance | OutputReference | None = None,
    ) -> Flow:
        """Make the flow; its output is a `StructureDocument`.

        Parameters
        ----------
        structure
            Structure, or a reference to one; elements and places of it count alone.
        provenance
            Where it comes from; a user's own when none.

        Raises
        ------
        EngineError
            When the structure is disordered.
        """
        if provenance is None:
            provenance = Provenance(source="user")
        name = self.name
        if isinstance(structure, Structure):
            refuse_disordered(structure)
            name = f"{name} {full_formula(structure)}"
            structure = bare_structure(structure)
        if self.engine.batched:
            last: Any = self.compute(structure, provenance)
            jobs: list[Flow | Job] = [last]
        else:
            tasks = self._tasks(structure, name)
            last = _documented(
                tasks,
                provenance,
                method=self.engine.method,
                relaxed=self.relaxes,
                line=self.line,
                max_stress=self.engine.max_stress,
                remarks=self.remarks,
                start=structure,
            )
            jobs = [*tasks, last]
        last.name = name
        return Flow(jobs, output=last.output, name=name)

    @job(output_schema=StructureDocument, config=SEES_STORE)
    def compute(
        self, structure: Structure, provenance: Provenance
    ) -> StructureDocument:
        """Compute the structure inside this job, with an engine that can be batched."""
        return _computed(
            structure,
            provenance,
            engine=self.engine,
            relax=self.relaxes,
            line=self.line,
            remarks=self.remarks,
        )

    def _tasks(self, structure: Any, name: str) -> list[Flow | Job]:
        """Make the engine's own jobs, the one whose energy counts last."""
        engine = self.engine
        makers = {"": engine.relax if self.relaxes else engine.static}
        if self.relaxes and engine.restarts:
            makers |= {" restart": engine.relax, " static": engine.static}
        tasks: list[Flow | Job] = []
        for suffix, maker in makers.items():
            task = maker.make(structure)
            task.name = f"{name}{suffix} ({engine.name})"
            tasks.append(task)
            structure = task.output.structure
        return tasks


@dataclass
class ReferenceRelaxMaker(ReferenceStaticMaker):
    """Relax one structure with the reference engine.

    An engine with `Engine.restarts` (VASP) relaxes twice, the second time on the basis
    of the first's cell, and the energy is that of a single point at the end.

    An unconverged relaxation is recorded (``converged`` is False); one that gives no
    finite energy fails with a typed error.

    Parameters
    ----------
    name
        Name of the flow; its jobs add the formula.
    single_points
        Where a relaxation by single points ends; none leaves every relaxation to the
        engine.
    """

    name: str = "reference relax"
    single_points: SinglePointSettings | None = field(
        default_factory=SinglePointSettings
    )

    relaxes: ClassVar[bool] = True

    def make(
        self,
        structure: Structure | OutputReference,
        provenance: Provenance | OutputReference | None = None,
        potential: Any = None,
    ) -> Flow:
        """Make the flow; its output is a `StructureDocument`.

        Parameters
        ----------
        structure, provenance
            See `ReferenceStaticMaker`.
        potential
            A trained potential that leads the relaxation: a reference to its
            `PotentialDocument`, its job's uuid, or a path.

        Raises
        ------
        EngineError
            When the structure is disordered.
        """
        if potential is None or self.single_points is None:
            return super().make(structure, provenance)
        if provenance is None:
            provenance = Provenance(source="user")
        name = self.name
        if isinstance(structure, Structure):
            refuse_disordered(structure)
            name = f"{name} {full_formula(structure)}"
        steps: Any = SinglePointRelaxMaker(
            name=f"{name} steps", engine=self.engine, settings=self.single_points
        ).make(structure, provenance, both(potential))
        last: Any = self.document(steps.output)
        last.name = name
        return Flow([steps, last], output=last.output, name=name)

    # No output schema, as `LabelMaker.make`.
    @job(config=SEES_STORE)
    def document(
        self, relaxation: RelaxationDocument | None
    ) -> StructureDocument | Response:
        """Turn a relaxation by single points into a structure document.

        One that did not get there goes on as the engine's own relaxation, and says so.

        Raises
        ------
        EngineError
            When there is none: its job did not finish.
        """
        if relaxation is None:
            raise no_calculation()
        engine, remarks = self.engine, list(self.remarks)
        facts: dict[str, Any] = {
            "method": relaxation.method,
            "device": relaxation.device,
            "line": self.line,
            "relaxed": True,
            "start": relaxation.given,
        }
        if relaxation.end is not None:
            remarks += [relaxation.reason] if relaxation.reason else []
            facts |= {"remarks": remarks}
            return structure_document(
                end_of(relaxation), relaxation.provenance, **facts
            )
        facts |= {
            "remarks": [*remarks, f"relaxed by the engine itself: {relaxation.reason}"],
            "spent": relaxation.n_evaluations,
            "max_stress": engine.max_stress,
        }
        start = relaxation.lowest()
        if engine.batched:
            calculation = read_calculation(engine.compute(start, relax=True))
            return structure_document(calculation, relaxation.provenance, **facts)
        tasks = self._tasks(start, f"{own_name(self.name)} {full_formula(start)}")
        written = _documented(tasks, relaxation.provenance, **facts)
        return Response(replace=Flow([*tasks, in_place(written)]))


@dataclass
class LabelMaker(Maker):
    """Label a set of structures with the reference engine.

    Engines inside the Python process label some structures in each job; any other gets
    one job per structure. A structure that fails is recorded in the set's ``failures``.

    Parameters
    ----------
    n_frames
        Frames kept of each relaxation; more than one makes labels of the way down
        and needs an engine made with `Engine.with_path`.
    per_job
        Most structures labelled in one job, so that workers share a large set.
    """

    name: str = "label structures"
    engine: Engine = field(default_factory=get_engine)
    relax: bool = False
    n_frames: int = 1
    line: CompositionLine = field(default_factory=CompositionLine)
    per_job: int = 20

    # No output schema: when jobflow replaces this job by a flow, the last job of that
    # uuid holds a reference to the set, which no schema would accept.
    @job(data="entries", config=SEES_STORE)
    def make(
        self,
        structures: UnlabelledSet
        | StructureSet
        | Sequence[UnlabelledStructure | StructureDocument | Structure],
    ) -> StructureSet | Response:
        """Label the structures.

        Parameters
        ----------
        structures
            Reference to a set (rather than the list itself: inputs stay small); a
            labelled set is labelled anew. A plain structure is a user's own.

        Returns
        -------
        StructureSet
            One document per structure that has an energy, and the failures.

        Raises
        ------
        EngineError
            When not a single structure could be labelled.
        """
        given = (
            structures.entries
            if isinstance(structures, UnlabelledSet | StructureSet)
            else structures
        )
        entries = [
            UnlabelledStructure(structure=one, provenance=Provenance(source="user"))
            if isinstance(one, Structure)
            else one
            for one in given
        ]
        cells = [entry.structure for entry in entries]
        labelled: StructureSet | Response = calculate_all(
            self.engine,
            cells,
            collect_labels,
            relax=self.relax,
            name=self.name,
            per_job=self.per_job,
            provenances=[entry.provenance for entry in entries],
            formulas=[full_formula(cell) for cell in cells],
            relaxed=self.relax,
            line=self.line,
            n_frames=self.n_frames,
        )
        return labelled


def _documented(
    tasks: Sequence[Any], provenance: Provenance | OutputReference, **facts: Any
) -> Job:
    """Make the job that documents the last of an engine's own jobs."""
    *before, last = (task.output for task in tasks)
    documented: Job = document_calculation(last, provenance, before or None, **facts)
    return documented


def _computed(
    structure: Structure,
    provenance: Provenance,
    *,
    engine: Engine,
    relax: bool,
    line: CompositionLine,
    remarks: Sequence[str] = (),
) -> StructureDocument:
    return structure_document(
        read_calculation(engine.compute(structure, relax=relax)),
        provenance,
        **engine.written(),
        relaxed=relax,
        line=line,
        max_stress=engine.max_stress,
        remarks=remarks,
        start=structure,
    )


# The job of `ReferenceStaticMaker.compute` in campaigns that were stored before it.
compute_structure = job(_computed, output_schema=StructureDocument, config=SEES_STORE)
