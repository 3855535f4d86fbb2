"""Rounds of active learning: explore with the potential, label, train again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import (
    Flow,
    Job,
    JobConfig,
    Maker,
    OnMissing,
    OutputReference,
    Response,
    job,
)
from pymatgen.core import Structure

from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.exploration import ExploreDynamicsMaker
from lps_flows.jobs.references import both, in_place, recalled
from lps_flows.jobs.training import TrainingSetError
from lps_flows.jobs.uncertainty import EnoughSettings, judge_round
from lps_flows.schemas import StructureSet
from lps_flows.schemas.potential import LearningRound, PotentialDocument

_SEEDS_APART = 1000
"""Between seeds of the searches of two rounds, and of the first and the sampling.

With one seed for all, each would begin at structures that the one before was trained
on: the potential would be judged, and searched on, by what it knows.
"""


@dataclass
class ActiveLearningFlowMaker(Maker):
    """Explore with the potential, label what it does not know, train again.

    Parameters
    ----------
    rounds
        Number of rounds; the most of them where ``retrain.pick.settings.enough`` says
        when to stop.
    explore_md
        Maker of the short dynamics of the crystals and of each GA run's lowest
        structure; none leaves dynamics out.
    """

    name: str = "active learning"
    rounds: int = 1
    explore: EvolutionMaker = field(
        default_factory=lambda: EvolutionMaker(name="explore")
    )
    explore_md: ExploreDynamicsMaker | None = field(
        default_factory=ExploreDynamicsMaker
    )
    retrain: RetrainFlowMaker = field(default_factory=RetrainFlowMaker)

    def make(
        self,
        potential: OutputReference,
        labelled: Sequence[OutputReference],
        compositions: Sequence[CompositionPlan],
        crystals: Mapping[str, OutputReference],
        unrelaxed: Mapping[str, Structure] | None = None,
    ) -> Flow:
        """Make the flow of all rounds.

        Parameters
        ----------
        potential
            Reference to the `PotentialDocument` of the first training.
        labelled
            References to the sets it was trained on.
        crystals
            References to relaxed crystals (`StructureDocument`), by key: the parents
            of the compositions, and whatever else the dynamics shall know.
        unrelaxed
            Crystals that are not of the library, by key, before they were relaxed:
            their edges choose the supercells, as in the search itself.

        Returns
        -------
        Flow
            Its output has the key ``potential``, the last `PotentialDocument`.
        """
        plans, own = list(compositions), dict(unrelaxed or {})
        sets = list(labelled)
        parts: list[Flow | Job] = []
        for number in range(1, self.rounds + 1):
            explored, again = self._round(
                potential, sets, number, plans=plans, crystals=crystals, unrelaxed=own
            )
            parts += [*explored, again]
            # The flow's output is a dictionary; its parts stand for themselves.
            sets.append(again.output["labelled"])
            potential = again.output["potential"]
            if self.retrain.pick.settings.enough is not None:
                judged = self.go_on(
                    potential,
                    sets[-1],
                    number,
                    potential_uuid=potential.uuid,
                    plans=plans,
                    crystal_uuids={
                        key: relaxed.uuid for key, relaxed in crystals.items()
                    },
                    unrelaxed=own,
                )
                judged.name = f"judge {self.name}"
                parts.append(judged)
                potential = judged.output
                break
        return Flow(parts, output={"potential": potential}, name=self.name)

    def _round(
        self,
        potential: OutputReference,
        labelled: Sequence[OutputReference],
        number: int,
        *,
        plans: Sequence[CompositionPlan],
        crystals: Mapping[str, OutputReference],
        unrelaxed: Mapping[str, Structure],
    ) -> tuple[list[Job], Flow]:
        explored = self._explore(potential, plans, crystals, unrelaxed, number)
        again = self.retrain.make(potential, labelled, [job.output for job in explored])
        again.append_name(f" round {number}")
        return explored, again

    # No output schema: a job that is replaced holds none of its own.
    @job(
        data=["potential", "parity", "restarts"],
        config=JobConfig(on_missing_references=OnMissing.NONE),
    )
    def go_on(
        self,
        potential: PotentialDocument,
        labelled: StructureSet | None,
        number: int,
        *,
        potential_uuid: str,
        plans: list[CompositionPlan],
        crystal_uuids: dict[str, str],
        unrelaxed: dict[str, Structure],
        rounds: Sequence[LearningRound] = (),
    ) -> PotentialDocument | Response:
        """Judge a round, and start the next one where it is needed.

        Parameters
        ----------
        labelled
            What was labelled in it, of which the lowest structures of the searches
            tell how far the potential before was from the reference.
        plans, crystal_uuids, unrelaxed
            What is explored, and from where; see `make`.

        Raises
        ------
        TrainingSetError
            When nothing was trained.
        """
        if potential is None:
            raise TrainingSetError(
                "the round trained no potential",
                field="active_learning",
                value=number,
                remedy="Look at its training with `lps-flows status`, then rerun it",
            )
        verdict = judge_round(
            labelled, number, self.retrain.pick.settings.enough or EnoughSettings()
        )
        potential.rounds = [*rounds, verdict]
        if verdict.enough or number >= self.rounds:
            return potential
        known: Any = recalled(crystal_uuids)
        before: Any = recalled({"potential": potential_uuid})
        explored, again = self._round(
            before.output["potential"],
            [],
            number + 1,
            plans=plans,
            crystals={key: known.output[key] for key in crystal_uuids},
            unrelaxed=unrelaxed,
        )
        trained = again.output["potential"]
        judged: Any = self.go_on(
            trained,
            again.output["labelled"],
            number + 1,
            potential_uuid=trained.uuid,
            plans=plans,
            crystal_uuids=crystal_uuids,
            unrelaxed=unrelaxed,
            rounds=potential.rounds,
        )
        return Response(
            replace=Flow([known, before, *explored, again, in_place(judged)])
        )

    def _explore(
        self,
        potential: OutputReference,
        compositions: Sequence[CompositionPlan],
        crystals: Mapping[str, OutputReference],
        unrelaxed: Mapping[str, Structure],
        number: int,
    ) -> list[Job]:
        starts = dict(crystals)
        jobs: list[Job] = []
        settings = self.explore.settings
        seed = settings.seed + _SEEDS_APART * number
        explore = replace(
            self.explore, settings=settings.model_copy(update={"seed": seed})
        )
        for plan in compositions:
            run = explore.make(
                both(crystals[plan.parent]),
                both(potential),
                **plan.removal(),
                target_atoms=plan.target_atoms,
                unrelaxed=unrelaxed.get(plan.parent),
            )
            run.name += f" {plan.name} round {number}"
            jobs.append(run)
            starts[plan.name] = run.output
        if self.explore_md is not None:
            for label, start in starts.items():
                run = self.explore_md.make(start, potential, label=label, seed=number)
                run.name += f" {label} round {number}"
                jobs.append(run)
        return jobs
