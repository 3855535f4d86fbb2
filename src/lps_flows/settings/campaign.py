"""The settings of a whole campaign, composed of those of the rooms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field, model_validator
from pymatgen.core import Structure

from lps_flows.builders import BuildSettings
from lps_flows.chemistry import CompositionLine, OwnCrystal, crystal
from lps_flows.engines import Engine, EngineSettings, get_engine
from lps_flows.evolution import EvolutionSettings
from lps_flows.flows.active_learning import ActiveLearningFlowMaker
from lps_flows.flows.build import BuildMaker
from lps_flows.flows.campaign import CampaignMaker
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.flows.dataset import DatasetFlowMaker
from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.sampling import (
    CompositionPlan,
    SamplingFlowMaker,
    ScanSettings,
)
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.exploration import ExploreDynamicsMaker
from lps_flows.jobs.lowest import LowestSettings, RelaxLowestMaker
from lps_flows.jobs.perturbation import DatasetSettings
from lps_flows.jobs.reference import LabelMaker, ReferenceRelaxMaker
from lps_flows.jobs.selection import SelectionMaker, SelectionSettings
from lps_flows.jobs.training import TrainingMaker
from lps_flows.jobs.uncertainty import ActiveLearningSettings, UncertainStructuresMaker
from lps_flows.potential import RelaxationSettings, TrainingSettings
from lps_flows.settings.checks import mistakes
from lps_flows.settings.line import follow_line


class SamplingSettings(FrozenSettings):
    """The GA stage: which compositions, and how they are searched."""

    scans: tuple[ScanSettings, ...] = Field(
        min_length=1, description="Parents, end members and numbers of units."
    )
    evolution: EvolutionSettings = Field(
        EvolutionSettings(), description="The genetic algorithm."
    )
    relaxation: RelaxationSettings = Field(
        RelaxationSettings(), description="Relaxation of individuals on the ANN."
    )
    generations_per_job: int = Field(
        10, ge=1, description="Generations per firework: what a killed worker costs."
    )
    lowest: LowestSettings = Field(
        LowestSettings(), description="What the reference engine relaxes."
    )
    exploration_generations: int = Field(
        5, ge=1, description="Generations of the GA runs that feed active learning."
    )


class CampaignSettings(FrozenSettings):
    """Everything that determines the results of a campaign."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=60,
        description="Name of the campaign, unique on its LaunchPad.",
    )
    line: CompositionLine = Field(
        CompositionLine(), description="The composition line."
    )
    engine: EngineSettings = Field(description="The reference engine.")
    crystals: tuple[str, ...] = Field(
        min_length=2, description="Keys of the crystals of the phase diagrams."
    )
    own_crystals: dict[str, OwnCrystal] = Field(
        {}, description="Crystals that the library does not hold, by their keys."
    )
    training_crystals: tuple[str, ...] | None = Field(
        None,
        description="Keys of the crystals the reference set is made around; all "
        "of them by default.",
    )
    dataset: DatasetSettings = Field(
        DatasetSettings(), description="The reference set."
    )
    training: TrainingSettings = Field(
        TrainingSettings(), description="The ANN potential."
    )
    active_learning: ActiveLearningSettings = Field(
        ActiveLearningSettings(), description="Growing the set where it is thin."
    )
    sampling: SamplingSettings = Field(description="The GA stage.")
    selection: SelectionSettings = Field(
        SelectionSettings(), description="What goes into molecular dynamics."
    )
    conductivity: ConductivitySettings = Field(
        ConductivitySettings(), description="Molecular dynamics and transport."
    )
    conductivity_engine: EngineSettings | None = Field(
        None,
        description="Engine of the molecular dynamics; none: the reference engine. "
        "'ann' without a potential means the one trained in the campaign.",
    )
    analysis: BuildSettings = Field(
        BuildSettings(),
        description="Hull, motifs, fingerprints, clusters, candidate rule.",
    )

    @model_validator(mode="before")
    @classmethod
    def _follows_its_line(cls, content: Any) -> Any:
        return follow_line(content) if isinstance(content, Mapping) else content

    @model_validator(mode="after")
    def _fits_together(self) -> CampaignSettings:
        if found := list(mistakes(self)):
            raise ValueError("\n".join(found))
        return self

    @property
    def settings_hash(self) -> str:
        """SHA-256 over all settings: two files of equal hash give equal results."""
        plain = self.model_dump(mode="json")
        # a file counts with what is in it, wherever it lies
        plain["own_crystals"] = {
            key: own.structure().to(fmt="poscar")
            for key, own in self.own_crystals.items()
        }
        text = json.dumps(plain, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def crystal(self, key: str) -> Structure:
        """Return the cell of one of the campaign's crystals.

        Raises
        ------
        LpsFlowsError
            When neither the campaign nor the library has it.
        """
        own = self.own_crystals.get(key)
        return crystal(key) if own is None else own.structure()

    def compositions(self) -> list[CompositionPlan]:
        """List every composition that will be sampled, in order of the scans.

        Raises
        ------
        LpsFlowsError
            When a removal is impossible, before anything is computed.
        """
        return [
            CompositionPlan(
                parent=scan.parent,
                remove=scan.remove,
                n_units=n_units,
                formula=formula,
                target_atoms=scan.target_atoms,
            )
            for scan in self.sampling.scans
            for n_units, formula, _ in scan.compositions(
                self.line, self.crystal(scan.parent)
            )
        ]

    def maker(self) -> CampaignMaker:
        """Build the Maker of the whole campaign.

        Raises
        ------
        EngineError
            When an engine is unknown or not installed.
        """
        engine = get_engine(self.engine)
        if self.conductivity_engine and self.conductivity_engine.name != "ann":
            get_engine(self.conductivity_engine)  # now, not after a week
        relax = ReferenceRelaxMaker(engine=engine, line=self.line)
        training = TrainingMaker(settings=self.training)
        sampling = self.sampling
        # A search hands on at least what the reference engine is to relax.
        search = sampling.evolution.model_copy(
            update={
                "n_lowest": max(sampling.evolution.n_lowest, sampling.lowest.n_lowest)
            }
        )
        evolution = EvolutionMaker(
            settings=search,
            relaxation=sampling.relaxation,
            generations_per_job=sampling.generations_per_job,
            line=self.line,
        )
        return CampaignMaker(
            name=self.name,
            relax=relax,
            dataset=DatasetFlowMaker.from_settings(engine, self._dataset(), self.line),
            training=training,
            learning=self._learning(engine, evolution, training),
            sampling=SamplingFlowMaker(
                evolution=evolution,
                lowest=RelaxLowestMaker(relax=relax, settings=sampling.lowest),
            ),
            selection=SelectionMaker(
                conductivity=ConductivityFlowMaker(
                    engine=self.conductivity_engine or self.engine,
                    settings=self.conductivity,
                    line=self.line,
                ),
                settings=self.selection,
                rule=self.analysis.candidates,
                hull=self.analysis.hull,
                fingerprints=self.analysis.fingerprints,
                clusters=self.analysis.clusters,
            ),
            build=BuildMaker(settings=self.analysis),
        )

    def flow(self) -> Any:
        """Build the flow of the whole campaign."""
        return self.maker().make(
            self.crystals,
            self.compositions(),
            self.training_crystals,
            {key: self.crystal(key) for key in self.own_crystals},
        )

    def _learning(
        self, engine: Engine, evolution: EvolutionMaker, training: TrainingMaker
    ) -> ActiveLearningFlowMaker | None:
        learning = self.active_learning
        if not learning.rounds:
            return None
        shorter = {"generations": self.sampling.exploration_generations}
        return ActiveLearningFlowMaker(
            rounds=learning.rounds,
            explore=replace(
                evolution,
                name="explore",
                settings=evolution.settings.model_copy(update=shorter),
            ),
            explore_md=None
            if learning.dynamics is None
            else ExploreDynamicsMaker(settings=learning.dynamics),
            retrain=RetrainFlowMaker(
                pick=UncertainStructuresMaker(settings=learning),
                label=LabelMaker(engine=engine, line=self.line),
                training=training,
            ),
        )

    def _dataset(self) -> DatasetSettings:
        """Name the crystals that units are removed from, where the file does not."""
        if self.dataset.removal_parents is not None or not self.own_crystals:
            return self.dataset
        keys = self.training_crystals or self.crystals
        compositions = {key: self.crystal(key).composition for key in keys}
        parents = [
            key
            for key, composition in compositions.items()
            if self.line.contains(composition) and 0 < self.line.x(composition) < 1
        ]
        return self.dataset.model_copy(update={"removal_parents": tuple(parents)})
