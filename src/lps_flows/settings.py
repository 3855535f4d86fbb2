"""One YAML file is one campaign."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from lps_flows.builders import BuildSettings
from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.evolution import EvolutionSettings
from lps_flows.flows.build import BuildMaker
from lps_flows.flows.campaign import CampaignMaker, CompositionPlan
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.flows.dataset import DatasetFlowMaker
from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.sampling import SamplingFlowMaker, ScanSettings
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.lowest import LowestSettings, RelaxLowestMaker
from lps_flows.jobs.perturbation import DatasetSettings
from lps_flows.jobs.reference import LabelMaker, ReferenceRelaxMaker
from lps_flows.jobs.selection import SelectionMaker, SelectionSettings
from lps_flows.jobs.training import TrainingMaker
from lps_flows.jobs.uncertainty import ActiveLearningSettings, UncertainStructuresMaker
from lps_flows.potential import RelaxationSettings, TrainingSettings


class CampaignFileError(LpsFlowsError):
    """A campaign file that cannot be read or does not make sense."""


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

    @field_validator("crystals", "training_crystals")
    @classmethod
    def _known(cls, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for key in keys or ():
            try:
                crystal(key)
            except LpsFlowsError as error:
                raise ValueError(str(error)) from error
        return keys

    @model_validator(mode="after")
    def _fits_together(self) -> CampaignSettings:
        for scan in self.sampling.scans:
            if scan.parent not in self.crystals:
                msg = (
                    f"sampling.scans: the parent {scan.parent!r} is not among the "
                    "campaign's crystals. Add it to crystals"
                )
                raise ValueError(msg)
        for field, wanted in (
            ("training_crystals", self.training_crystals or ()),
            ("selection.references", self.selection.references),
        ):
            missing = [key for key in wanted if key not in self.crystals]
            if missing:
                msg = (
                    f"{field} = {missing!r}: not among the campaign's crystals. Add "
                    "them to crystals"
                )
                raise ValueError(msg)
        formulas = {crystal(key).composition.reduced_formula for key in self.crystals}
        missing = [end for end in self.line.end_members if end not in formulas]
        if missing:
            msg = (
                f"crystals: the end members {missing!r} of the line have no crystal, "
                "so no formation energy can be computed. Add them"
            )
            raise ValueError(msg)
        try:
            self.compositions()
        except LpsFlowsError as error:
            msg = f"sampling.scans: {error}"
            raise ValueError(msg) from error
        return self

    @property
    def settings_hash(self) -> str:
        """SHA-256 over all settings: two files of equal hash give equal results."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

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
            for n_units, formula, _ in scan.compositions(self.line)
        ]

    def maker(self) -> CampaignMaker:
        """Build the Maker of the whole campaign.

        Raises
        ------
        EngineError
            When an engine is unknown or not installed.
        """
        engine = get_engine(self.engine)
        relax = ReferenceRelaxMaker(engine=engine, line=self.line)
        training = TrainingMaker(settings=self.training)
        sampling = self.sampling
        evolution = EvolutionMaker(
            settings=sampling.evolution,
            relaxation=sampling.relaxation,
            generations_per_job=sampling.generations_per_job,
            line=self.line,
        )
        learning = self.active_learning
        explore = EvolutionMaker(
            name="explore",
            settings=sampling.evolution.model_copy(
                update={"generations": sampling.exploration_generations}
            ),
            relaxation=sampling.relaxation,
            generations_per_job=sampling.generations_per_job,
            line=self.line,
        )
        return CampaignMaker(
            name=self.name,
            relax=relax,
            dataset=DatasetFlowMaker.from_settings(engine, self.dataset, self.line),
            training=training,
            retrain=RetrainFlowMaker(
                pick=UncertainStructuresMaker(settings=learning),
                label=LabelMaker(engine=engine, line=self.line),
                training=training,
            ),
            explore=explore if learning.rounds else None,
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
            self.crystals, self.compositions(), self.training_crystals
        )


def load_campaign(path: str | Path) -> CampaignSettings:
    """Read and validate a campaign file.

    Parameters
    ----------
    path
        YAML file; read with the safe loader.

    Raises
    ------
    CampaignFileError
        Naming every wrong key, its value and what is wrong with it.
    """
    file = Path(path)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CampaignFileError(
            f"the campaign file cannot be read: {error}",
            field="file",
            value=str(path),
            remedy="Give the path of a YAML file like workflows/demo.yaml",
        ) from error
    if not isinstance(content, Mapping):
        raise CampaignFileError(
            "a campaign file holds keys and values",
            field="file",
            value=str(path),
            remedy="Start from workflows/demo.yaml",
        )
    try:
        return CampaignSettings.model_validate(dict(content))
    except ValidationError as error:
        raise CampaignFileError(
            "the campaign file does not make sense:\n" + _explain(error),
            field="file",
            value=str(path),
            remedy="Correct the keys above; docs/settings.md lists every key",
        ) from error


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "file"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such key"
        value = problem["input"]
        shown = "" if isinstance(value, Mapping | list) else f" = {value!r}"
        lines.append(f"  {where}{shown}: {message}")
    return "\n".join(lines)
