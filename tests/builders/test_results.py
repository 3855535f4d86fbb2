"""The one reader of results."""

from __future__ import annotations

import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.builders import NoResultsError, build_all, read_results
from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.report import gather
from lps_flows.schemas import Provenance
from tests.report import synthetic
from tests.report.conftest import beside


@pytest.fixture(scope="module")
def store() -> JobStore:
    """Two campaigns, one of them by two methods."""
    store = JobStore(
        MemoryStore("docs"), additional_stores={"data": MemoryStore("data")}
    )
    store.connect()
    synthetic.put_crystals(store)
    synthetic.put_transport(store)
    for key in ("Li2S", "P2S5", "Li7P3S11"):
        document = synthetic.structure_document(
            crystal(key),
            0.0,
            Provenance(source="crystal", parent=key),
        ).model_copy(update={"method": "another-1"})
        synthetic.put(store, f"another {key}", "crystals", document)
    build_all(store, campaign=synthetic.CAMPAIGN)
    return store


def test_of_two_methods_the_larger_diagram_counts(store: JobStore) -> None:
    results = read_results(store, campaign=synthetic.CAMPAIGN)
    assert results.diagram.method == synthetic.METHOD
    assert {entry.method for entry in results.entries} == {synthetic.METHOD}
    content = gather(store, beside(store), synthetic.CAMPAIGN)
    assert content.results.diagram == results.diagram


def test_a_method_can_be_named(store: JobStore) -> None:
    results = read_results(store, method="another-1")
    assert results.campaign == synthetic.CAMPAIGN
    assert results.diagram.n_structures == len(results.entries) == 3
    with pytest.raises(NoResultsError, match="another-1, synthetic-1"):
        read_results(store, method="nothing-1")


def test_conductivities_need_no_builder(store: JobStore) -> None:
    (document,) = read_results(store, campaign=synthetic.CAMPAIGN).transport
    assert document.label == "beta-Li3PS4"


def test_what_has_not_run_is_empty(store: JobStore) -> None:
    results = read_results(store, campaign="nothing")
    assert results.diagram is None
    assert not results.entries
    assert not results.transport


def test_several_campaigns_must_be_told_apart(store: JobStore) -> None:
    for key in ("Li2S", "P2S5"):
        document = synthetic.structure_document(
            crystal(key),
            0.0,
            Provenance(source="crystal", parent=key),
        )
        synthetic.put(store, f"relax {key}", "crystals", document, campaign="second")
    build_all(store, campaign="second")
    with pytest.raises(NoResultsError, match="several campaigns: second, synthetic"):
        read_results(store)


def test_a_campaign_of_another_line_is_built_and_read_on_its_line() -> None:
    store = JobStore(
        MemoryStore("docs"), additional_stores={"data": MemoryStore("data")}
    )
    store.connect()
    line = CompositionLine(end_members=("Li2S", "LiPS3"))
    for key, energy in (("Li2S", -12.0), ("LiPS3", -24.5), ("gamma-Li3PS4", -37.0)):
        structure = crystal(key)
        n_units = len(structure) / structure.composition.reduced_composition.num_atoms
        document = synthetic.structure_document(
            structure, 0.0, Provenance(source="crystal", parent=key)
        ).model_copy(update={"energy": energy * n_units})
        synthetic.put(store, f"relax {key}", "crystals", document)
    build_all(store, line=line, campaign=synthetic.CAMPAIGN)
    results = read_results(store, campaign=synthetic.CAMPAIGN)
    assert results.line == line
    (middle,) = [e for e in results.on_line if e.formula_pretty == "Li3PS4"]
    assert middle.x == pytest.approx(0.5)
    assert middle.line.on_hull
