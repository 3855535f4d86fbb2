"""A job store that holds the toy campaign."""

from __future__ import annotations

import pytest
from jobflow import JobStore

from tests.builders.toy_campaign import fill


@pytest.fixture
def filled(job_store: JobStore) -> tuple[JobStore, dict[str, str]]:
    return job_store, fill(job_store)
