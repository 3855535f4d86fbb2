"""The keys of a campaign file, composed of the settings of the rooms."""

from __future__ import annotations

from pydantic import Field
from pymatgen.core import Structure

from lps_flows.builders import BuildSettings
from lps_flows.chemistry import CompositionLine, OwnCrystal, crystal
from lps_flows.engines import EngineSettings, ForcesSettings
from lps_flows.evolution import EvolutionSettings
from lps_flows.flows.conductivity import ConductivitySettings
from lps_flows.flows.properties import ElasticityStageSettings, PhononStageSettings
from lps_flows.flows.sampling import CompositionPlan, ScanSettings
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.dataset_settings import DatasetSettings
from lps_flows.jobs.glass import MeltQuenchSettings
from lps_flows.jobs.lowest import LowestSettings
from lps_flows.jobs.selection import SelectionSettings
from lps_flows.jobs.uncertainty import ActiveLearningSettings
from lps_flows.potential import RelaxationSettings, TrainingSettings


class SamplingSettings(FrozenSettings):
    """The GA stage: which compositions, and how they are searched."""

    scans: tuple[ScanSettings, ...] = Field(
        min_length=1, description="Parents, end members and numbers of units."
    )
    evolution: EvolutionSettings = Field(
        EvolutionSettings(), description="The genetic algorithm."
    )
    n_seeds: int = Field(
        1,
        ge=1,
        description="Searches of each composition, from different seeds: with two or "
        "more, the difference of their best energies is the error of the search.",
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


class CampaignKeys(FrozenSettings):
    """What a campaign file says, each key valid by itself."""

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
    melt_quench: MeltQuenchSettings | None = Field(
        None,
        description="Glasses of every composition by melting and cooling on the "
        "campaign's potential, beside the GA's; none leaves the stage out.",
    )
    selection: SelectionSettings = Field(
        SelectionSettings(), description="What goes into molecular dynamics."
    )
    conductivity: ConductivitySettings = Field(
        ConductivitySettings(), description="Molecular dynamics and transport."
    )
    conductivity_engine: ForcesSettings | None = Field(
        None,
        description="Engine of the molecular dynamics; none: the reference engine. "
        "'ann' without a potential means the one trained in the campaign.",
    )
    elasticity: ElasticityStageSettings | None = Field(
        None,
        description="Bulk moduli by the reference engine and elastic tensors on the "
        "campaign's potential; none leaves the stage out. Strains and fit are "
        "analysis.elasticity and analysis.elastic_tensor.",
    )
    phonons: PhononStageSettings | None = Field(
        None,
        description="Vibrations by the reference engine, for free energies above the "
        "hull; none leaves the stage out. Displacements are analysis.phonons.",
    )
    analysis: BuildSettings = Field(
        BuildSettings(),
        description="Hull, motifs, fingerprints, clusters, candidate rule.",
    )

    def crystal(self, key: str) -> Structure:
        """Return the cell of one of the campaign's crystals.

        Raises
        ------
        LpsFlowsError
            When neither the campaign nor the library has it.
        """
        own = self.own_crystals.get(key)
        return crystal(key) if own is None else own.structure()

    @property
    def reference_set(self) -> DatasetSettings:
        """Settings of the reference set, with the crystals units are removed from."""
        if self.dataset.removal_parents is not None or not self.own_crystals:
            return self.dataset
        crystals = self.training_crystals or self.crystals
        compositions = {key: self.crystal(key).composition for key in crystals}
        parents = [
            key
            for key, composition in compositions.items()
            if self.line.contains(composition) and 0 < self.line.x(composition) < 1
        ]
        return self.dataset.model_copy(update={"removal_parents": tuple(parents)})

    @property
    def md_references(self) -> tuple[str, ...]:
        """Keys of the crystals run beside the candidates."""
        return self.selection.on(self.line).references or ()

    @property
    def compared_crystals(self) -> tuple[str, ...]:
        """Keys of the crystals that structures are compared with."""
        return self.analysis.clusters.on(self.line).references or self.crystals

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
