"""Builders on a store without the campaign's jobs say so, and call nothing a result."""

from __future__ import annotations

import pytest
from jobflow import SETTINGS, Job, JobStore

from lps_flows.builders import build_all
from lps_flows.builders.build import all_builders
from lps_flows.builders.increment import ForeignStoreError
from lps_flows.flows.build import BuildMaker
from tests.builders.toy_campaign import CAMPAIGN, fill, read
from tests.builders.toy_campaign import SETTINGS as ANALYSES
from tests.isolated import empty_store, run_isolated


@pytest.fixture
def filled() -> JobStore:
    store = empty_store()
    fill(store, glasses=1)
    return store


def _build() -> Job:
    building: Job = BuildMaker(settings=ANALYSES).make()
    building.update_metadata({"campaign": CAMPAIGN})
    return building


def test_all_builders_refuse_it() -> None:
    with pytest.raises(ForeignStoreError, match="no job of the campaign") as caught:
        build_all(empty_store(), ANALYSES, campaign=CAMPAIGN)
    assert caught.value.remedy


def test_each_builder_on_jobs_refuses_it_as_mrun_runs_it() -> None:
    store = empty_store()
    builders = all_builders(store, ANALYSES, campaign=CAMPAIGN)
    on_jobs = [builder for builder in builders if isinstance(builder.source, JobStore)]
    assert len(on_jobs) >= 4
    for builder in on_jobs:
        with pytest.raises(ForeignStoreError):
            builder.connect()


def test_another_campaigns_jobs_do_not_count(filled: JobStore) -> None:
    with pytest.raises(ForeignStoreError):
        build_all(filled, ANALYSES, campaign="another")


def test_the_job_refuses_where_nothing_names_the_campaigns_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SETTINGS, "JOB_STORE", empty_store())
    with pytest.raises(ForeignStoreError):
        run_isolated(_build(), empty_store())


def test_the_job_takes_the_store_that_jobflows_settings_name(
    filled: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "JOB_STORE", filled)
    left, building = empty_store(), _build()
    run_isolated(building, left)
    written = left.get_output(building.uuid)
    assert written["StructureBuilder"] == len(read(filled, "structures")) > 0
