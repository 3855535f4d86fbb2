"""The whole campaign: the only place that knows the order of the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Maker, OnMissing
from pymatgen.core import Structure

from lps_flows.chemistry import OrderSettings, crystal
from lps_flows.flows.active_learning import ActiveLearningFlowMaker
from lps_flows.flows.build import BuildMaker
from lps_flows.flows.dataset import DatasetFlowMaker
from lps_flows.flows.melt_quench import MeltQuenchFlowMaker
from lps_flows.flows.properties import PropertyFlowMaker
from lps_flows.flows.sampling import CompositionPlan, SamplingFlowMaker
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.calculations import failing_through
from lps_flows.jobs.orderings import OrderedRelaxMaker
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.jobs.references import both
from lps_flows.jobs.refining import RefineMaker
from lps_flows.jobs.selection import SelectionMaker
from lps_flows.jobs.single_points import relaxation_uuids
from lps_flows.jobs.training import TrainingMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.layout import SCHEMA_VERSION

HELD_CELL = (
    "the cell is held at that of the crystal's source, for without dispersion it would "
    "expand; only the atoms are relaxed (engine.held_cells)"
)
"""Remark on a crystal whose cell is held."""


class CampaignError(LpsFlowsError):
    """A campaign asks for what it does not relax."""


@dataclass
class CampaignMaker(Maker):
    """Crystals, reference set, potential, sampling, selection, MD and builders.

    Parameters
    ----------
    relax
        Maker that relaxes a crystal with the reference engine.
    learning
        Maker of the rounds of active learning; none leaves them out.
    refine
        Maker that trains once more before the dynamics; none leaves it out.
    melt_quench
        Maker of glasses by melting and cooling; none leaves them out.
    selection
        Maker that chooses candidates and starts their MD.
    elasticity
        Maker of equations of state and elastic tensors; none leaves them out.
    phonons
        Maker of phonons; none leaves them out.
    """

    name: str = "campaign"
    relax: ReferenceRelaxMaker = field(default_factory=ReferenceRelaxMaker)
    dataset: DatasetFlowMaker = field(default_factory=DatasetFlowMaker)
    training: TrainingMaker = field(default_factory=TrainingMaker)
    learning: ActiveLearningFlowMaker | None = None
    sampling: SamplingFlowMaker = field(default_factory=SamplingFlowMaker)
    refine: RefineMaker | None = None
    melt_quench: MeltQuenchFlowMaker | None = None
    selection: SelectionMaker = field(default_factory=SelectionMaker)
    elasticity: PropertyFlowMaker | None = None
    phonons: PropertyFlowMaker | None = None
    build: BuildMaker = field(default_factory=BuildMaker)

    def make(
        self,
        crystals: Sequence[str],
        compositions: Sequence[CompositionPlan],
        *,
        training_crystals: Sequence[str] | None = None,
        structures: Mapping[str, Structure] | None = None,
        disordered: Mapping[str, tuple[Structure, OrderSettings]] | None = None,
        held_cells: Sequence[str] = (),
    ) -> Flow:
        """Make the flow of the whole campaign.

        Parameters
        ----------
        crystals
            Keys of the crystals relaxed for the phase diagrams.
        compositions
            What is sampled; every parent is among `crystals`.
        training_crystals
            Keys of the crystals the reference set is made around; all by default.
        structures
            Cells of crystals that the library does not hold, by key.
        disordered
            Which of them are the lowest of several orderings: cell with sites that
            are partly occupied, and how they are filled.
        held_cells
            Keys of the crystals whose cell is held while their atoms relax.

        Returns
        -------
        Flow
            Its output is the `SelectionDocument`.

        Raises
        ------
        CampaignError
            When a crystal is asked for that is not among `crystals`.
        """
        self._check(crystals, compositions, training_crystals, held_cells)
        own, orders = structures or {}, disordered or {}
        relaxed = {
            key: self._relaxed(
                key,
                own[key] if key in own else crystal(key),
                orders.get(key),
                held=key in held_cells,
            )
            for key in crystals
        }
        documents = {key: flow.output for key, flow in relaxed.items()}
        dataset = self.dataset.make(
            {key: documents[key] for key in (training_crystals or crystals)}
        )
        labelled = [*documents.values(), *dataset.output]
        training = self.training.make(
            labelled, trained_on=[part.uuid for part in labelled]
        )
        # What failed upstream is left out of the set; the rest goes on.
        training.config.on_missing_references = OnMissing.NONE
        potential, learning = training.output, []
        if self.learning is not None:
            moved = [plan.parent for plan in compositions]
            moved += self.selection.references
            rounds = self.learning.make(
                potential,
                labelled,
                compositions,
                {key: documents[key] for key in moved},
                own,
            )
            potential, learning = rounds.output["potential"], [rounds]
        sampled = [
            self.sampling.make(
                documents[plan.parent],
                potential,
                plan,
                own.get(plan.parent),
            )
            for plan in compositions
        ]
        quenched: list[Flow] = []
        if self.melt_quench is not None:
            quenched = [
                flow
                for plan in compositions
                for flow in self.melt_quench.glasses(
                    documents[plan.parent],
                    plan,
                    potential=potential,
                    unrelaxed=own.get(plan.parent),
                )
            ]
        moving, refined = potential, []
        if self.refine is not None:
            last = self.refine.make(
                both(potential),
                after=[flow.output for flow in (*sampled, *quenched)],
                relaxation_uuids=relaxation_uuids(quenched),
            )
            moving, refined = last.output, [last]
        select = self.selection.make(
            documents,
            {key: reference.uuid for key, reference in documents.items()},
            [flow.output for flow in sampled],
            potential=both(moving),
            quenched={flow.output.uuid: flow.output for flow in quenched},
            labelled={part.uuid: part for part in dataset.output},
        )
        select.config.on_missing_references = OnMissing.NONE
        names = [plan.name for plan in compositions]
        samples = dict(zip(names, (flow.output for flow in sampled), strict=True))
        elasticity, phonons = (
            [] if stage is None else [stage.make(documents, samples, moving)]
            for stage in (self.elasticity, self.phonons)
        )
        build = self.build.make(
            after=[
                select.output,
                *(flow.output for flow in (*elasticity, *phonons)),
            ]
        )
        build.config.on_missing_references = OnMissing.NONE
        staged: dict[str, list[Any]] = {
            "crystals": list(relaxed.values()),
            "dataset": [dataset],
            "training": [training, *refined],
            "active learning": learning,
            "sampling": sampled,
            "melt-quench": quenched,
            "selection": [select],
            "elasticity": elasticity,
            "phonons": phonons,
            "build": [build],
        }
        for stage, parts in staged.items():
            for part in parts:
                # What the selection adds is the next stage, and says so itself.
                part.update_metadata({"stage": stage}, dynamic=stage != "selection")
        parts = [part for found in staged.values() for part in found]
        flow = Flow(parts, output=select.output, name=self.name)
        # whoever runs it: builders find a campaign's jobs by its name
        marks = {"campaign": self.name, "schema_version": SCHEMA_VERSION}
        flow.update_metadata(marks, dynamic=True)
        return flow

    def _check(
        self,
        crystals: Sequence[str],
        compositions: Sequence[CompositionPlan],
        training_crystals: Sequence[str] | None,
        held_cells: Sequence[str],
    ) -> None:
        moving = (self.selection.conductivity, self.learning) != (None, None)
        asked: dict[str, Sequence[str]] = {
            "parent of compositions": [plan.parent for plan in compositions],
            "training_crystals": training_crystals or (),
            "held_cells": held_cells,
            "selection.references": self.selection.references if moving else (),
        }
        for field_, keys in asked.items():
            if missing := [key for key in dict.fromkeys(keys) if key not in crystals]:
                raise CampaignError(
                    "these are not among the crystals that the campaign relaxes",
                    field=field_,
                    value=missing,
                    remedy="Add them to crystals, or choose among "
                    f"{', '.join(crystals)}",
                )

    def _relaxed(
        self,
        key: str,
        structure: Structure,
        order: tuple[Structure, OrderSettings] | None,
        *,
        held: bool,
    ) -> Flow:
        origin = Provenance(source="crystal", parent=key)
        relax = self.relax
        if held:
            relax = replace(
                relax, engine=relax.engine.with_fixed_cell(), remarks=[HELD_CELL]
            )
        if order is None:
            flow = relax.make(structure, origin)
        else:
            cell, settings = order
            flow = OrderedRelaxMaker(relax=relax, settings=settings).make(cell, origin)
        failing_through(flow)
        flow.append_name(f" {key}")
        return flow
