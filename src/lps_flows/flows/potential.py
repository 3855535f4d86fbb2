"""Train a potential, and improve it where its committee is uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobflow import Flow, Maker, OnMissing, OutputReference

from lps_flows.jobs.reference import LabelMaker
from lps_flows.jobs.references import both
from lps_flows.jobs.refining import RefineMaker
from lps_flows.jobs.training import TrainingMaker
from lps_flows.jobs.uncertainty import UncertainStructuresMaker


@dataclass
class RetrainFlowMaker(Maker):
    """One round of active learning: pick, label, train again."""

    name: str = "retrain"
    pick: UncertainStructuresMaker = field(default_factory=UncertainStructuresMaker)
    label: LabelMaker = field(default_factory=LabelMaker)
    training: TrainingMaker = field(default_factory=TrainingMaker)

    def make(
        self,
        potential: OutputReference,
        labelled: Sequence[OutputReference],
        pools: Sequence[OutputReference],
    ) -> Flow:
        """Make the flow of one round.

        Parameters
        ----------
        potential
            Reference to the `PotentialDocument` whose committee judges.
        labelled
            References to the sets it was trained on; those that it names itself when
            there are none.
        pools
            References to sets of structures it met (`EvolutionDocument` or
            `StructureSet`).

        Returns
        -------
        Flow
            Its output has the keys ``potential`` (`PotentialDocument`) and
            ``labelled`` (the new `StructureSet`).
        """
        pick = self.pick.make(potential, list(pools))
        pick.config.on_missing_references = OnMissing.NONE
        label = self.label.make(pick.output)
        if labelled:
            sets = [*labelled, label.output]
            known = [part.uuid for part in sets if isinstance(part, OutputReference)]
            train = self.training.make(sets, potential, known)
        else:
            train = RefineMaker(name=self.training.name, training=self.training).make(
                both(potential), [label.output], [label.uuid]
            )
        train.config.on_missing_references = OnMissing.NONE
        return Flow(
            [pick, label, train],
            output={"potential": train.output, "labelled": label.output},
            name=self.name,
        )
