"""The tiny campaign, whoever runs it: the same documents everywhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from fireworks import LaunchPad
from jobflow import JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore

from lps_flows.builders import KEYS
from lps_flows.builders.build import result_store
from lps_flows.runner import PrivateMongod, Workplace
from lps_flows.settings import load_campaign
from tests.campaign.remote import (
    environment_with_jobflow_remote,
    run_remotely,
    write_project,
)
from tests.conftest import make_job_store
from tests.stock import rlaunch, stock

pytestmark = pytest.mark.slow

TINY = Path(__file__).with_name("tiny.yaml")
DIGITS = 4
"""Of energies (eV/atom) that runs on one machine agree in."""


class LeftBehind(NamedTuple):
    """What a campaign leaves behind.

    Attributes
    ----------
    counts
        Documents by class of job output and by collection.
    structures
        Source, formula and energy (eV/atom) of each structure.
    selected
        What each selection chose, and why.
    conductivities
        Structures with dynamics.
    """

    counts: Counter[str]
    structures: Counter[tuple[Any, ...]]
    selected: list[tuple[Any, ...]]
    conductivities: list[str]


def left_behind(store: JobStore) -> LeftBehind:
    """Return what the campaign has left in a store."""
    mine = {"metadata.campaign": "tiny", "output.@class": {"$exists": True}}
    jobs = list(store.docs_store.query(mine, properties=["output"]))
    outputs = [job["output"] for job in jobs]
    # a reference says where a replaced job's output is
    counts = Counter(f"job {output['@class']}" for output in outputs)
    results = {name: result_store(store, name) for name in KEYS}
    for name, result in results.items():
        result.connect()
        counts[name] = result.count({"campaign": "tiny"})
    structures = Counter(
        (
            found["provenance"]["source"],
            found["formula"],
            found["relaxed"],
            round(found["energy_per_atom"], DIGITS),
        )
        for found in results["structures"].query()
    )
    selected = [
        (chosen["label"], chosen["reason"])
        for output in outputs
        if output["@class"] == "SelectionDocument"
        for chosen in output["selected"]
    ]
    conductivities = [found["label"] for found in results["transport"].query()]
    return LeftBehind(counts, structures, sorted(selected), sorted(conductivities))


@pytest.fixture(scope="module")
def expected() -> LeftBehind:
    """What it leaves behind where jobflow runs it, in memory."""
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(load_campaign(TINY).flow(), store=store, ensure_success=True, log=False)
    found = left_behind(store)
    assert found.counts["job SelectionDocument"] == 1
    assert found.counts["candidates"] > 0
    assert len(found.conductivities) == 2
    return found


def test_jobflow_with_mongodb(expected: LeftBehind, job_store: JobStore) -> None:
    flow = load_campaign(TINY).flow()
    run_locally(flow, store=job_store, ensure_success=True, log=False)
    assert left_behind(job_store) == expected


def _own_stores(workplace: Workplace) -> dict[str, Any]:
    """Return a store as a user writes it down, with names of their own."""
    docs = workplace.job_store.docs_store
    where = {
        name: getattr(docs, name)
        for name in ("database", "host", "port", "username", "password", "auth_source")
    }
    blobs = {"type": "GridFSStore", "collection_name": "my_blobs", **where}
    return {
        "docs_store": {
            "type": "MongoStore",
            "collection_name": "my_outputs",
            "key": "uuid",
            **where,
        },
        "additional_stores": {"data": blobs},
    }


def _run_by_fireworks(
    launchpad: LaunchPad, variables: dict[str, str], folder: Path
) -> None:
    launchpad.add_wf(flow_to_workflow(load_campaign(TINY).flow()))
    worker = rlaunch(folder, variables)
    said, _ = worker.communicate(timeout=3600)
    assert launchpad.fireworks.distinct("state") == ["COMPLETED"], said[-3000:]


def test_stock_fireworks_twice_into_a_store_of_ones_own(
    expected: LeftBehind, workplace: Workplace, mongod: PrivateMongod, tmp_path: Path
) -> None:
    variables = {**stock(workplace, mongod), "OMP_NUM_THREADS": "1"}
    stores = _own_stores(workplace)
    jobflow = Path(variables["JOBFLOW_CONFIG_FILE"])
    jobflow.write_text(yaml.safe_dump({"JOB_STORE": stores}))
    launchpad = workplace.require_launchpad()
    store = JobStore.from_dict_spec(stores)
    store.connect()
    _run_by_fireworks(launchpad, variables, tmp_path / "first")
    first = left_behind(store)
    assert first == expected
    _run_by_fireworks(launchpad, variables, tmp_path / "second")
    second = left_behind(store)
    for kind, n in first.counts.items():
        if kind.startswith("job "):
            assert second.counts[kind] == 2 * n, kind
    assert set(second.structures) == set(first.structures)
    assert set(second.structures.values()) == {2 * n for n in first.structures.values()}
    # the same campaign again: one hull, one rule
    for name in ("phase_diagrams", "candidates"):
        assert second.counts[name] == first.counts[name]


def test_jobflow_remote_with_a_worker_on_this_machine(
    expected: LeftBehind, mongod: PrivateMongod, database: str, tmp_path: Path
) -> None:
    environment = environment_with_jobflow_remote(tmp_path / "environment")
    variables = write_project(tmp_path / "remote", environment, mongod, database)
    said = run_remotely(environment, variables, TINY)
    assert left_behind(make_job_store(mongod, database)) == expected, said
