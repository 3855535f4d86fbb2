"""From the keys of a campaign file to the Makers of its stages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ase.units import GPa

from lps_flows.engines import (
    POTENTIAL_ENGINE,
    Engine,
    EngineSettings,
    get_engine,
)
from lps_flows.flows.active_learning import ActiveLearningFlowMaker
from lps_flows.flows.build import BuildMaker
from lps_flows.flows.campaign import CampaignMaker
from lps_flows.flows.conductivity import ConductivityFlowMaker
from lps_flows.flows.dataset import DatasetFlowMaker
from lps_flows.flows.melt_quench import MeltQuenchFlowMaker
from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.properties import PropertyFlowMaker
from lps_flows.flows.sampling import SamplingFlowMaker
from lps_flows.jobs.elastic_tensor import ElasticTensorMaker
from lps_flows.jobs.elasticity import EquationOfStateMaker
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.exploration import ExploreDynamicsMaker
from lps_flows.jobs.lowest import RelaxLowestMaker
from lps_flows.jobs.phonons import PhononMaker
from lps_flows.jobs.properties import PropertyMaker
from lps_flows.jobs.reference import LabelMaker, ReferenceRelaxMaker
from lps_flows.jobs.refining import RefineMaker
from lps_flows.jobs.selection import SelectionMaker
from lps_flows.jobs.single_points import SinglePointSettings
from lps_flows.jobs.thermal_cell import needs_process
from lps_flows.jobs.training import TrainingMaker
from lps_flows.jobs.uncertainty import UncertainStructuresMaker
from lps_flows.potential.committee import existing_device
from lps_flows.settings.keys import CampaignKeys


def campaign_maker(keys: CampaignKeys) -> CampaignMaker:
    """Build the Maker of a whole campaign.

    Raises
    ------
    EngineError
        When an engine is unknown or not installed.
    PotentialError
        When the device of the training is not there.
    """
    # now, not when the reference set is computed
    existing_device(keys.training.device, "training.device")
    engine = get_engine(keys.engine)
    # curvatures rest on small differences
    tight = get_engine(keys.engine.for_crystals())
    moving = keys.engine
    if keys.conductivity_engine is not None:
        moving = EngineSettings.model_validate(keys.conductivity_engine.model_dump())
    if not moving.needs_potential:
        moved_by = get_engine(moving)  # now, not after a week
        if keys.conductivity.npt:
            needs_process(moved_by, keys.conductivity.npt)
    relax = ReferenceRelaxMaker(
        engine=engine, line=keys.line, single_points=_single_points(keys.engine)
    )
    training = TrainingMaker(settings=keys.training)
    evolution = _evolution(keys)
    return CampaignMaker(
        name=keys.name,
        relax=replace(relax, engine=tight),
        dataset=DatasetFlowMaker.from_settings(
            engine, keys.reference_set, keys.line, keys.engine.md
        ),
        training=training,
        learning=_learning(keys, engine, evolution, training),
        sampling=SamplingFlowMaker(
            evolution=evolution,
            lowest=RelaxLowestMaker(relax=relax, settings=keys.sampling.lowest),
            n_seeds=keys.sampling.n_seeds,
        ),
        refine=RefineMaker(training=training) if keys.active_learning.refine else None,
        melt_quench=None
        if keys.melt_quench is None
        else MeltQuenchFlowMaker(
            engine=EngineSettings(name=POTENTIAL_ENGINE),
            settings=keys.melt_quench,
            relax=relax,
            line=keys.line,
        ),
        selection=SelectionMaker(
            conductivity=ConductivityFlowMaker(
                engine=moving,
                settings=keys.conductivity,
                line=keys.line,
                **_guard(keys, engine, training),
            ),
            settings=keys.selection,
            rule=keys.analysis.candidates,
            hull=keys.analysis.hull,
            fingerprints=keys.analysis.fingerprints,
            clusters=keys.analysis.clusters,
            line=keys.line,
        ),
        elasticity=_elasticity(keys, tight),
        phonons=None
        if keys.phonons is None
        else PropertyFlowMaker(
            name="phonon stage",
            makers=[
                PhononMaker(
                    engine=tight, settings=keys.analysis.phonons, line=keys.line
                )
            ],
            settings=keys.phonons,
        ),
        build=BuildMaker(settings=keys.analysis, line=keys.line),
    )


def _elasticity(keys: CampaignKeys, engine: Engine) -> PropertyFlowMaker | None:
    if keys.elasticity is None:
        return None
    volumes, tensor = keys.analysis.elasticity, keys.analysis.elastic_tensor
    on_potential: list[PropertyMaker] = []
    if keys.elasticity.tensor:
        # the engine is a place holder: that of `forces` takes it
        maker = ElasticTensorMaker(engine=engine, settings=tensor, line=keys.line)
        on_potential.append(maker)
    return PropertyFlowMaker(
        name="elasticity",
        makers=[EquationOfStateMaker(engine=engine, settings=volumes, line=keys.line)],
        on_potential=on_potential,
        forces=EngineSettings(name=POTENTIAL_ENGINE, fmax=tensor.fmax),
        settings=keys.elasticity,
    )


def _guard(
    keys: CampaignKeys, engine: Engine, training: TrainingMaker
) -> dict[str, Any]:
    """Return what teaches the potential in guarded dynamics."""
    if keys.conductivity.guard is None:
        return {}
    label = LabelMaker(engine=engine, line=keys.line)
    return {"label": label, "refine": RefineMaker(training=training)}


def _single_points(engine: EngineSettings) -> SinglePointSettings | None:
    if engine.relaxation == "native" or not engine.relax_cell:
        return None
    return SinglePointSettings(fmax=engine.fmax, max_stress=engine.stress_limit * GPa)


def _evolution(keys: CampaignKeys) -> EvolutionMaker:
    sampling = keys.sampling
    # A search hands on at least what the reference engine is to relax.
    n_lowest = max(sampling.evolution.n_lowest, sampling.lowest.n_lowest)
    return EvolutionMaker(
        settings=sampling.evolution.model_copy(update={"n_lowest": n_lowest}),
        relaxation=sampling.relaxation,
        generations_per_job=sampling.generations_per_job,
        line=keys.line,
    )


def _learning(
    keys: CampaignKeys,
    engine: Engine,
    evolution: EvolutionMaker,
    training: TrainingMaker,
) -> ActiveLearningFlowMaker | None:
    learning = keys.active_learning
    if not learning.rounds:
        return None
    shorter = {"generations": keys.sampling.exploration_generations}
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
            label=LabelMaker(engine=engine, line=keys.line),
            training=training,
        ),
    )
