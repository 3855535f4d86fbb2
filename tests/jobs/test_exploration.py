"""Dynamics that explore with a potential, and what they hand on."""

from __future__ import annotations

import numpy as np
import pytest
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder
from pydantic import ValidationError

from lps_flows.chemistry import crystal, supercell_near
from lps_flows.evolution import EvolutionSettings
from lps_flows.flows.active_learning import ActiveLearningFlowMaker
from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.exploration import ExplorationSettings, ExploreDynamicsMaker
from lps_flows.jobs.reference import LabelMaker, ReferenceStaticMaker
from lps_flows.jobs.training import TrainingMaker
from lps_flows.jobs.uncertainty import (
    ActiveLearningSettings,
    UncertainStructuresMaker,
)
from lps_flows.potential import RelaxationSettings
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.reference import UnlabelledSet
from tests.engines.stub import stub_engine
from tests.jobs.test_training import TINY, document, lj_labels, rattled

SHORT = ExplorationSettings(
    temperatures=(1200.0, 1500.0), duration=60.0, n_frames=3, target_atoms=16
)


@pytest.fixture(scope="module")
def trained():
    labels = lj_labels(stub_engine(), rattled(24, 0.1))
    return TrainingMaker.make.original(TrainingMaker(settings=TINY), [labels])


def explore(
    start: StructureDocument, potential, settings=SHORT, seed: int = 0
) -> UnlabelledSet:
    maker = ExploreDynamicsMaker(settings=settings)
    return ExploreDynamicsMaker.make.original(
        maker, start, potential, label="gamma", seed=seed
    )


def shortest_distance(entries) -> float:
    return min(
        (d for e in entries for d in e.structure.get_neighbor_list(3.0)[3]),
        default=np.inf,
    )


def test_frames_are_spread_over_every_run(trained) -> None:
    found = explore(document(crystal("gamma-Li3PS4")), trained)
    assert found.n_structures == len(found.entries) == 6
    groups = [entry.provenance.group for entry in found.entries]
    assert groups == ["gamma explored 1200 K 0"] * 3 + ["gamma explored 1500 K 0"] * 3
    assert {entry.provenance.source for entry in found.entries} == {"md"}
    assert {e.provenance.parent for e in found.entries} == {"gamma-Li3PS4"}
    start = crystal("gamma-Li3PS4").cart_coords
    moves = [
        np.sqrt(np.mean((e.structure.cart_coords - start) ** 2)) for e in found.entries
    ]
    assert min(moves) > 0.01
    assert len({round(float(move), 6) for move in moves}) == 6
    assert shortest_distance(found.entries) >= SHORT.min_distance


def test_the_seed_decides(trained) -> None:
    start = document(crystal("gamma-Li3PS4"))
    first, again, other = (explore(start, trained, seed=s) for s in (1, 1, 2))
    for a, b in zip(first.entries, again.entries, strict=True):
        assert np.array_equal(a.structure.cart_coords, b.structure.cart_coords)
    a, b = first.entries[0].structure, other.entries[0].structure
    assert np.abs(a.cart_coords - b.cart_coords).max() > 0.01


def test_a_crystal_is_repeated(trained) -> None:
    start = document(crystal("gamma-Li3PS4"))
    settings = SHORT.model_copy(update={"target_atoms": 32, "temperatures": (1200.0,)})
    found = explore(start, trained, settings)
    cell = supercell_near(start.structure, 32)
    assert all(len(e.structure) == len(cell) == 32 for e in found.entries)


def test_a_run_that_explodes_leaves_the_frames_before(trained) -> None:
    start = document(crystal("gamma-Li3PS4"))
    hot = SHORT.model_copy(update={"temperatures": (20000.0,), "duration": 2000.0})
    found = explore(start, trained, hot)
    assert found.n_structures < hot.n_frames
    assert shortest_distance(found.entries) >= hot.min_distance


def test_temperatures_must_be_positive() -> None:
    with pytest.raises(ValidationError, match=r"temperatures[\s\S]*positive"):
        ExplorationSettings(temperatures=(300.0, -1.0))


def test_rounds_explore_by_search_and_by_dynamics() -> None:
    engine = stub_engine()
    training = TrainingMaker(settings=TINY)
    crystal_job = ReferenceStaticMaker(engine=engine).make(
        crystal("gamma-Li3PS4"), Provenance(source="crystal", parent="gamma-Li3PS4")
    )
    start = lj_labels(engine, rattled(12, 0.05))
    first = training.make([start])
    plan = CompositionPlan(
        parent="gamma-Li3PS4",
        remove="Li2S",
        n_units=1,
        formula="Li4P2S7",
        target_atoms=16,
    )
    learning = ActiveLearningFlowMaker(
        rounds=2,
        explore=EvolutionMaker(
            name="explore",
            settings=EvolutionSettings(
                population=4, generations=1, max_energy_std=None
            ),
            relaxation=RelaxationSettings(max_steps=3, relax_cell=False),
        ),
        explore_md=ExploreDynamicsMaker(settings=SHORT),
        retrain=RetrainFlowMaker(
            pick=UncertainStructuresMaker(
                settings=ActiveLearningSettings(n_structures=8, min_energy_std=0.0)
            ),
            label=LabelMaker(engine=engine),
            training=training,
        ),
    ).make(first.output, [start], [plan], {"gamma-Li3PS4": crystal_job.output})
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    flow = Flow([crystal_job, first, learning])
    run_locally(flow, store=store, log=False, ensure_success=True, create_folders=False)

    names = [job.name for job, _ in learning.iterflow()]
    assert len(set(names)) == len(names)
    # per round: one search, dynamics of the crystal and of the search's lowest
    assert sum(name.startswith("explore md") for name in names) == 4
    last = MontyDecoder().process_decoded(
        store.get_output(learning.output["potential"].uuid, load=True)
    )
    assert last.n_structures == 12 + 2 * 8
    formulas = set(last.parity["formula"])
    assert {"Li3PS4", "Li4P2S7"} <= formulas
    assert "md" in last.by_source
