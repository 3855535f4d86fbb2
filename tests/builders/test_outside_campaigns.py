"""Jobs outside any campaign are a group like others, named 'none'."""

from __future__ import annotations

import pytest
from jobflow import JobStore
from monty.json import jsanitize

from lps_flows.builders import build_all, read_results
from lps_flows.builders.transport import read_transport
from lps_flows.jobs.outputs import finished_jobs, holds, newest_heads, outputs
from lps_flows.jobs.structures import searched_errors
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.layout import NO_CAMPAIGN
from tests.builders.test_agreement import _sampling
from tests.builders.toy_campaign import METHOD, _outputs, put, read
from tests.isolated import empty_store


@pytest.fixture
def store() -> JobStore:
    """Jobs outside any campaign, and one that is in a campaign."""
    store = empty_store()
    for name, output in _outputs(1).items():
        uuid = put(store, name, output, campaign=None)
        if "Li3PS4-1-" in name:
            sampled = _sampling(uuid, StructureDocument.from_store(output))
            written = jsanitize(sampled, strict=True, enum_values=True)
            put(store, f"sampled {name}", written, campaign=None)
    put(store, "other", _outputs(1)["Li2S"], campaign="other")
    return store


def test_jobs_outside_any_are_found_by_that_name(store: JobStore) -> None:
    assert holds(store, NO_CAMPAIGN)
    n_jobs = len(_outputs(1)) + 2
    assert len(list(finished_jobs(store, NO_CAMPAIGN))) == n_jobs
    kinds = ["StructureDocument", "StructureSet", "SamplingDocument"]
    assert len(newest_heads(store, kinds, NO_CAMPAIGN)) == n_jobs
    assert len(newest_heads(store, kinds, None)) == n_jobs + 1
    found = outputs(store, NO_CAMPAIGN, "SamplingDocument")
    assert len(found) == 2


def test_what_searches_tell_of_errors_counts(store: JobStore) -> None:
    errors = searched_errors(store, NO_CAMPAIGN, METHOD)
    assert errors.search
    build_all(store, campaign=NO_CAMPAIGN)
    (diagram,) = read(store, "phase_diagrams")
    assert diagram["campaign"] == NO_CAMPAIGN
    assert diagram["errors"] == errors.model_dump()
    assert {s["campaign"] for s in read(store, "structures")} == {NO_CAMPAIGN}


def test_conductivities_outside_any_are_read(store: JobStore) -> None:
    from tests.report import synthetic

    synthetic.put_transport(store)
    store.docs_store.update(
        [
            job | {"metadata": {}}
            for job in store.query({"metadata.campaign": synthetic.CAMPAIGN})
        ],
        key=["uuid", "index"],
    )
    (read_one,) = read_transport(store, NO_CAMPAIGN)
    assert read_one.campaign == NO_CAMPAIGN
    (shown,) = read_results(store, campaign=NO_CAMPAIGN).transport
    assert shown.transport_id == read_one.transport_id
