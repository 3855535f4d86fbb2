"""Documents of a small campaign in memory, built once."""

from __future__ import annotations

import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.builders import BuildSettings, build_all, read_results
from lps_flows.schemas.results import Results
from tests.builders.test_elastic_tensors import isotropic
from tests.builders.test_elasticity import _eos
from tests.builders.toy_campaign import fill, put


@pytest.fixture(scope="session")
def documents() -> Results:
    store = JobStore(
        MemoryStore("docs"), additional_stores={"data": MemoryStore("data")}
    )
    store.connect()
    fill(store, glasses=3)
    for key, modulus in (("Li2S", 42.0), ("LiPS3", 12.0)):
        put(store, f"eos-{key}", _eos(key, modulus))
        put(store, f"tensor-{key}", isotropic(key, modulus, 0.6 * modulus))
    settings = BuildSettings.model_validate({"clusters": {"n_clusters_range": [2, 5]}})
    build_all(store, settings)
    return read_results(store)
