"""Search the removals of one composition, a few generations per firework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from jobflow import CURRENT_JOB, JobConfig, Maker, OutputReference, Response, job
from pymatgen.core import Structure

from lps_flows.chemistry import (
    CompositionLine,
    UnknownCrystalError,
    crystal,
    supercell_multiples,
)
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.evolution.errors import EvolutionError
from lps_flows.jobs.evolution_record import (
    record_generation,
    record_run,
    restore_generation,
)
from lps_flows.potential import ANNPotential, UnknownElementError
from lps_flows.potential.relaxation import (
    RelaxationResult,
    RelaxationSettings,
    relax_batch,
)
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.potential import PotentialDocument


@dataclass
class EvolutionMaker(Maker):
    """Search the lowest structures of one composition on an ANN potential.

    Each firework does a few generations, stores the whole run so far, and replaces
    itself by the next one: killing a worker costs at most those generations.
    """

    name: str = "evolve"
    settings: EvolutionSettings = field(default_factory=EvolutionSettings)
    relaxation: RelaxationSettings = field(default_factory=RelaxationSettings)
    generations_per_job: int = 10
    line: CompositionLine = field(default_factory=CompositionLine)

    # References stay references, so that the next job gets them and not the weights.
    @job(
        output_schema=EvolutionDocument,
        data=["generations", "lowest", "uncertain"],
        config=JobConfig(resolve_references=False, expose_store=True),
    )
    def make(
        self,
        parent: StructureDocument | Structure | OutputReference | str,
        potential: PotentialDocument | OutputReference | str,
        *,
        parent_key: str,
        end_member: str,
        n_units: int,
        target_atoms: int = 128,
        unrelaxed: Structure | None = None,
        continues: bool = False,
    ) -> Response:
        """Search, or go on with the search of the job this one replaces.

        Parameters
        ----------
        parent
            Relaxed parent crystal, a reference to it, or the uuid of its job.
        potential
            The potential, a reference to it, or the uuid of the job that trained it.
        parent_key
            Key of the parent in the crystal library (a name, when it has none).
        unrelaxed
            The parent before it was relaxed, whose edges choose the supercell; the
            library's crystal of that key by default.
        continues
            True in jobs that replace an earlier one; set by this Maker.

        Returns
        -------
        Response
            `EvolutionDocument` of the run so far and, until it stops, the next job.

        Raises
        ------
        RemovalError, OffLineError, ParentError
            When the removal is impossible.
        UnknownElementError
            When the potential lacks an element of the parent.
        NothingSurvivedError
            When no structure of the first generation survives.
        """
        crystal_cell = _structure(_resolved(parent))
        trained: PotentialDocument = _resolved(potential)
        problem = RemovalProblem(
            parent_supercell(crystal_cell, parent_key, target_atoms, unrelaxed),
            end_member,
            n_units,
            self.line,
        )
        model = ANNPotential.from_dict(trained.potential)
        _check_elements(problem, model)
        history = _previous().generations if continues else []

        def relax(structures: Sequence[Structure]) -> list[RelaxationResult]:
            return relax_batch(structures, model, self.relaxation)

        start = restore_generation(history, problem) if history else None
        search = evolve(problem, relax, self.settings, start)
        # The first job also draws the random generation.
        n_steps = self.generations_per_job + (not history)
        history = [*history, *map(record_generation, islice(search, n_steps))]
        document = record_run(
            history,
            problem,
            method=f"ann-{model.identifier}",
            parent_key=parent_key,
            settings=self.settings,
            relaxation=self.relaxation,
        )
        if document.stopped is not None:
            return Response(output=document)
        following = self.make(
            _by_uuid(parent),
            _by_uuid(potential),
            parent_key=parent_key,
            end_member=end_member,
            n_units=n_units,
            target_atoms=target_atoms,
            unrelaxed=unrelaxed,
            continues=True,
        )
        following.name = CURRENT_JOB.job.name
        return Response(output=document, replace=following)


def _resolved(value: Any) -> Any:
    if isinstance(value, str):
        value = OutputReference(value)
    if isinstance(value, OutputReference):
        return value.resolve(CURRENT_JOB.store)
    return value


def _by_uuid(value: Any) -> Any:
    """Name a job instead of referring to it.

    FireWorks refuses references from a replacing job to jobs outside the replacement.
    """
    if not isinstance(value, OutputReference):
        return value
    return value.resolve(CURRENT_JOB.store) if value.attributes else value.uuid


def _structure(parent: StructureDocument | Structure) -> Structure:
    return parent if isinstance(parent, Structure) else parent.structure


def parent_supercell(
    cell: Structure, parent_key: str, target_atoms: int, unrelaxed: Structure | None
) -> Structure:
    """Repeat the relaxed cell as the unrelaxed one, whatever relaxing did to it."""
    try:
        known = unrelaxed or crystal(parent_key)
    except UnknownCrystalError:
        known = cell
    repeats = supercell_multiples(
        known if len(known) == len(cell) else cell, target_atoms
    )
    supercell = cell.copy(site_properties={}, properties={})
    supercell.make_supercell(repeats)
    return supercell


def _check_elements(problem: RemovalProblem, model: ANNPotential) -> None:
    missing = sorted(set(problem.symbols.tolist()) - set(model.species))
    if missing:
        raise UnknownElementError(
            "the potential does not know elements of the parent",
            field="potential",
            value=", ".join(missing),
            remedy=f"It knows {', '.join(model.species)}; train one with the others",
        )


def _previous() -> EvolutionDocument:
    """Return what the job that this one replaces has stored."""
    running = CURRENT_JOB.job
    document = CURRENT_JOB.store.get_output(
        running.uuid, which=running.index - 1, load=True
    )
    if document is None:
        raise EvolutionError(
            "the generations to go on from are not in the store",
            field="continues",
            value=f"{running.uuid}, index {running.index - 1}",
            remedy="Start the composition again",
        )
    return EvolutionDocument.from_store(document)
