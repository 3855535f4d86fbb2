"""Rounds of active learning: explore with the potential, label, train again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jobflow import Flow, Job, Maker, OutputReference
from pymatgen.core import Structure

from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.exploration import ExploreDynamicsMaker


@dataclass
class ActiveLearningFlowMaker(Maker):
    """Explore with the potential, label what it does not know, train again.

    Parameters
    ----------
    rounds
        Number of rounds.
    explore
        Maker of the short GA runs, one per composition and round.
    explore_md
        Maker of the short dynamics of the crystals and of each GA run's lowest
        structure; none leaves dynamics out.
    retrain
        Maker that picks, labels and trains.
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
        compositions
            What the GA explores.
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
        parts: list[Flow | Job] = []
        sets = list(labelled)
        for number in range(1, self.rounds + 1):
            explored = self._explore(
                potential, compositions, crystals, unrelaxed or {}, number
            )
            again = self.retrain.make(potential, sets, [job.output for job in explored])
            again.append_name(f" round {number}")
            parts += [*explored, again]
            # The flow's output is a dictionary; its parts stand for themselves.
            sets.append(again.output["labelled"])
            potential = again.output["potential"]
        return Flow(parts, output={"potential": potential}, name=self.name)

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
        for plan in compositions:
            run = self.explore.make(
                crystals[plan.parent],
                potential,
                parent_key=plan.parent,
                end_member=plan.remove,
                n_units=plan.n_units,
                target_atoms=plan.target_atoms,
                unrelaxed=unrelaxed.get(plan.parent),
            )
            run.name += f" {plan.formula} round {number}"
            jobs.append(run)
            starts[f"{plan.formula} from {plan.parent}"] = run.output
        if self.explore_md is not None:
            for label, start in starts.items():
                run = self.explore_md.make(start, potential, label=label, seed=number)
                run.name += f" {label} round {number}"
                jobs.append(run)
        return jobs
