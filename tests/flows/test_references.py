"""What jobs are given of others: waited for, and found without the campaign's store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from jobflow import Flow, Job, job
from monty.json import jsanitize

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.engines import EngineSettings
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.jobs.lowest import LowestSettings, compare_energies
from lps_flows.jobs.properties import _relaxed
from lps_flows.jobs.references import both
from lps_flows.jobs.refining import RefineMaker
from lps_flows.jobs.run_analysis import TransportSettings
from lps_flows.jobs.training import TrainingMaker
from lps_flows.potential import ErrorReport
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.settings import load_campaign
from lps_flows.settings.campaign import CampaignSettings
from tests.campaign.test_tiny import TINY
from tests.isolated import empty_store, run_isolated
from tests.jobs.test_training import TINY as QUICK
from tests.jobs.test_training import rattled
from tests.potential.toy import random_potential

PRESETS = Path(__file__).parents[2] / "workflows"


def _uuids_in(arguments: Any, known: set[str]) -> set[str]:
    if isinstance(arguments, dict):
        return _uuids_in([*arguments, *arguments.values()], known)
    if isinstance(arguments, list):
        return set().union(*(_uuids_in(each, known) for each in arguments))
    return {arguments} & known if isinstance(arguments, str) else set()


def _named(one: Job, known: set[str]) -> set[str]:
    given = [list(one.function_args), one.function_kwargs]
    return _uuids_in(jsanitize(given, strict=True, enum_values=True), known)


def _refining(settings: CampaignSettings) -> CampaignSettings:
    learning = settings.active_learning.model_copy(update={"refine": True})
    return settings.model_copy(update={"active_learning": learning})


@pytest.mark.parametrize("file", [TINY, PRESETS / "demo.yaml", PRESETS / "frugal.yaml"])
def test_a_job_waits_for_every_job_whose_uuid_it_is_given(file: Path) -> None:
    flow: Flow = _refining(load_campaign(file)).flow()
    graph, known = flow.graph, set(flow.job_uuids)
    jobs = {each.uuid: each for each, _ in flow.iterflow()}
    for each in jobs.values():
        late = _named(each, known) - nx.ancestors(graph, each.uuid) - {each.uuid}
        assert not late, (each.name, [jobs[uuid].name for uuid in late])
    (refine,) = (uuid for uuid, each in jobs.items() if each.name == "refine potential")
    (select,) = (e for e in jobs.values() if e.name == "select candidates")
    assert refine in select.input_uuids


def test_every_job_says_its_campaign_whoever_runs_it() -> None:
    flow = load_campaign(TINY).flow()
    for each, _ in flow.iterflow():
        assert each.metadata["campaign"] == "tiny"
        assert each.metadata["schema_version"]
        assert "stage" in each.metadata
        assert any(
            update["update"].get("campaign") == "tiny"
            for update in each.metadata_updates
        )


@job(data="potential")
def trained(document: PotentialDocument) -> PotentialDocument:
    return document


def test_dynamics_on_a_potential_need_no_store_of_the_campaign() -> None:
    model = random_potential(radial_cutoff=4.0, angular_cutoff=3.0)
    errors = ErrorReport(n_structures=1, rmse=0, mae=0, max=0)
    document = PotentialDocument(
        method=f"ann-{model.identifier}",
        reference_method="toy",
        potential=model.as_dict(),
        species=list(model.species),
        n_members=len(model.members),
        settings={},
        dataset_hash="0",
        n_structures=1,
        validation=errors,
        training=errors,
        by_source={},
        by_composition={},
        parity={},
        restarts=[],
    )
    training: Any = trained(document)
    settings = ConductivitySettings(
        temperatures=(600.0, 900.0),
        equilibration=0.0,
        production=40.0,
        chunk_length=20.0,
        frame_interval=2,
        target_atoms=16,
        analysis=TransportSettings(density_spacing=1.5, min_jumps=0.0),
    )
    moving = ConductivityFlowMaker(engine=EngineSettings(name="ann"), settings=settings)
    flow = moving.make(crystal("gamma-Li3PS4"), potential_uuid=training.uuid)
    store = empty_store()
    run_isolated(training, store)
    run_isolated(flow, store)
    found: Any = store.get_output(flow.output.uuid, load=True)
    assert found["method"] == f"ann-{model.identifier}"
    run: Any = store.get_output(found["runs"][0]["run_uuid"], load=True)
    assert run["n_frames"] == 1 + 40 / 2
    assert len(run["chunk_uuids"]) == 2


@job
def given(document: Any) -> Any:
    return document


@job
def lowest_of(sampling: Any) -> float:
    structure, _ = _relaxed(sampling, None)
    return float(structure.volume)


def test_the_lowest_structure_of_a_sampling_is_found_without_the_store() -> None:
    made: list[Any] = []
    for volume, energy in ((300.0, -1.0), (320.0, -2.0)):
        cell = crystal("gamma-Li3PS4")
        cell.scale_lattice(volume)
        origin = Provenance(source="ga", parent="gamma-Li3PS4")
        facts: dict[str, Any] = {"method": "toy", "line": CompositionLine()}
        made.append(
            given(StructureDocument.of(cell, energy, origin, relaxed=True, **facts))
        )
    sampling: Any = compare_energies(
        [each.output for each in made],
        structure_uuids=[each.uuid for each in made],
        method="toy",
        potential_method="ann",
        provenance=Provenance(source="ga", parent="gamma-Li3PS4", removed="Li2S"),
        formula="Li6P2S8",
        x=0.75,
        ann_energies=[-0.1, -0.2],
        ann_stds=[None, None],
        best_energies=[-0.2],
        still_falling=False,
        settings=LowestSettings(),
    )
    last: Any = lowest_of(sampling.output)
    store = empty_store()
    run_isolated(Flow([*made, sampling, last]), store)
    assert store.get_output(last.uuid) == pytest.approx(320.0)


def test_a_potential_is_refined_without_the_store_on_what_it_was_trained_on() -> None:
    # more than half is new, which a round of active learning would begin anew with
    first, second = rattled(6), rattled(8, seed=1)
    sets: list[Any] = [
        given(StructureSet(method="toy", n_structures=len(part), entries=part))
        for part in (first, second)
    ]
    training: Any = TrainingMaker(settings=QUICK).make(
        [sets[0].output], trained_on=[sets[0].uuid]
    )
    warm = QUICK.model_copy(update={"warm_iterations": 3})
    refined: Any = RefineMaker(training=TrainingMaker(settings=warm)).make(
        both(training.output), [sets[1].output], [sets[1].uuid]
    )
    store = empty_store()
    run_isolated(Flow([*sets, training, refined]), store)
    found: Any = store.get_output(refined.uuid, load=True)
    assert found["n_structures"] == len(first) + len(second)
    assert found["trained_on"] == [sets[0].uuid, sets[1].uuid]
    assert {len(run["training"]) for run in found["restarts"]} == {1 + 3}
    stored = store.query_one({"uuid": refined.uuid, "index": 2}, ["name", "output"])
    assert stored["name"] == "refine potential"
