"""Search the removals of one composition, a few generations per firework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from jobflow import CURRENT_JOB, Flow, JobConfig, Maker, Response, job
from pymatgen.core import Structure

from lps_flows.chemistry import (
    CompositionLine,
    UnknownCrystalError,
    crystal,
    supercell_multiples,
)
from lps_flows.engines.trained import load_potential
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.jobs.evolution_record import (
    record_generation,
    record_run,
    restore_generation,
)
from lps_flows.jobs.references import by_uuid, in_place, recall, value_of
from lps_flows.potential import ANNPotential, UnknownElementError
from lps_flows.potential.relaxation import (
    RelaxationResult,
    RelaxationSettings,
    relax_batch,
)
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.evolution import EvolutionDocument, GenerationDocument


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

    # Whose they are, too, so that the next job gets references and not the weights.
    @job(
        output_schema=EvolutionDocument,
        data=["generations", "lowest", "uncertain"],
        config=JobConfig(resolve_references="both", expose_store=True),
    )
    def make(
        self,
        parent: Any,
        potential: Any,
        *,
        parent_key: str,
        end_member: str,
        n_units: int,
        target_atoms: int = 128,
        unrelaxed: Structure | None = None,
        continues: bool = False,
        previous: Any = None,
        n_generations: int | None = None,
    ) -> Response:
        """Search, or go on with the search of the job this one replaces.

        Parameters
        ----------
        parent
            Relaxed parent crystal (`StructureDocument` or `Structure`), handed over by
            `both`, as it is, or by its job's uuid.
        potential
            As `load_potential` takes it: the `PotentialDocument`, likewise, the name of
            a published one, the path of a file, or an `ANNPotential`.
        parent_key
            Key of the parent in the crystal library (a name, when it has none).
        unrelaxed
            The parent before it was relaxed, whose edges choose the supercell; the
            library's crystal of that key by default.
        continues, previous, n_generations
            In jobs that replace an earlier one: True, what that one stored, and how
            many generations it had done; set by this Maker.

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
        crystal_cell = _structure(value_of(parent))
        problem = RemovalProblem(
            parent_supercell(crystal_cell, parent_key, target_atoms, unrelaxed),
            end_member,
            n_units,
            self.line,
        )
        model = load_potential(potential)
        _check_elements(problem, model)
        history = _before(previous, n_generations) if continues else []

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
            device=model.device,
            parent_key=parent_key,
            settings=self.settings,
            relaxation=self.relaxation,
        )
        if document.stopped is not None:
            return Response(output=document)
        recalling, given = recall(
            parent=parent, potential=potential, previous=by_uuid(CURRENT_JOB.job.uuid)
        )
        following: Any = self.make(
            **given,
            parent_key=parent_key,
            end_member=end_member,
            n_units=n_units,
            target_atoms=target_atoms,
            unrelaxed=unrelaxed,
            continues=True,
            n_generations=len(history),
        )
        return Response(
            output=document, replace=Flow([*recalling, in_place(following)])
        )


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


def _before(previous: Any, n_generations: int | None) -> list[GenerationDocument]:
    """Return the generations that the job this one replaces has stored.

    Where this job ran before, and was killed, they are more than that one's.
    """
    document: EvolutionDocument = value_of(
        CURRENT_JOB.job.uuid if previous is None else previous
    )
    return document.generations[:n_generations]
