"""Disordered crystals on their way through an engine."""

from __future__ import annotations

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.chemistry import OrderSettings, crystal
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.jobs.orderings import OrderedRelaxMaker
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.schemas import Provenance, StructureDocument
from tests.chemistry.test_orderings import published_beta
from tests.engines.stub import stub_engine

ORIGIN = Provenance(source="crystal", parent="my beta")


def relaxed(maker, structure) -> StructureDocument:
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    flow = maker.make(structure, ORIGIN)
    run_locally(flow, store=store, create_folders=False, log=False, ensure_success=True)
    return StructureDocument.from_store(store.get_output(flow.output.uuid, load=True))


@pytest.mark.parametrize("batched", [True, False])
def test_the_lowest_ordering_is_the_crystal_and_says_what_was_tried(
    batched: bool,
) -> None:
    maker = OrderedRelaxMaker(
        relax=ReferenceRelaxMaker(engine=stub_engine(batched=batched)),
        settings=OrderSettings(n_lowest=3, target_atoms=32),
    )
    document = relaxed(maker, published_beta())
    assert document.formula == "Li12P4S16"
    assert document.relaxed
    assert document.provenance.parent == "my beta"
    tried = document.provenance.details["ordering"]
    assert (tried["n_tried"], tried["complete"], tried["n_relaxed"]) == (70, True, 3)
    assert tried["spread"] > 0
    assert tried["rank"] in {0, 1, 2}
    assert tried["method"] == "stub-lj"


@pytest.mark.slow
def test_the_ordered_beta_of_the_library_is_found_from_the_refinement() -> None:
    """Or a lower one: CHGNet, both relaxed."""
    relax = ReferenceRelaxMaker(engine=get_engine(EngineSettings(name="chgnet")))
    settings = OrderSettings(n_lowest=3, target_atoms=32)
    found = relaxed(OrderedRelaxMaker(relax=relax, settings=settings), published_beta())
    known = relaxed(relax, crystal("beta-Li3PS4"))
    assert found.energy_per_atom < known.energy_per_atom + 5e-4
