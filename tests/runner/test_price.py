"""What a campaign cost so far, beside what its settings foretell."""

from pathlib import Path

import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.runner import prices
from lps_flows.settings import load_campaign

DEMO = load_campaign(Path(__file__).parents[2] / "workflows" / "demo.yaml")


def done(number, kind, stage, method, spent, index=1, campaign="demo"):
    output = {"@class": kind, "@module": "lps_flows.schemas", "method": method}
    return {
        "uuid": f"job-{number}",
        "index": index,
        "metadata": {"campaign": campaign, "stage": stage},
        "output": output if spent is None else {**output, "n_evaluations": spent},
    }


@pytest.fixture
def store():
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    store.docs_store.update(
        [
            done(1, "StructureDocument", "crystals", "chgnet", 31),
            done(2, "StructureDocument", "crystals", "chgnet", 5),
            done(2, "StructureDocument", "crystals", "chgnet", 7, index=2),
            done(3, "StructureSet", "dataset", "chgnet", 40),
            done(4, "MDChunkDocument", "dataset", "chgnet", 100),
            done(5, "MDChunkDocument", "conductivity", "ann-0123", 9000),
            done(6, "StructureDocument", "sampling", "chgnet", None),
            done(7, "EOSDocument", "elasticity", "chgnet", 12),
            done(8, "StructureSet", "dataset", "chgnet", 999, campaign="other"),
        ],
        key=["uuid", "index"],
    )
    return store


def test_every_evaluation_counts_once_at_its_stage(store):
    found = prices(store, "demo")
    counted = {stage: price.evaluations for stage, price in found.items()}
    assert counted == {
        "crystals": 38,
        "dataset": 140,
        "sampling": 0,
        "elasticity": 12,
        "total": 190,
    }
    assert found["total"].foretold_evaluations is None
    assert found["total"].core_hours is None


def test_what_was_foretold_and_the_time_stand_beside_it(store):
    found = prices(store, "demo", DEMO, {"crystals": 1800.0, "build": 360.0})
    assert found["crystals"].core_hours == 0.5
    assert found["total"].core_hours == pytest.approx(0.6)
    assert found["build"].foretold_evaluations == 0
    parts = [price for stage, price in found.items() if stage != "total"]
    for name in ("foretold_evaluations", "foretold_core_hours"):
        total = getattr(found["total"], name)
        assert total == pytest.approx(sum(getattr(part, name) or 0 for part in parts))
        assert total > 0
    assert found["conductivity"].foretold_evaluations == 0  # on the potential
    assert found["conductivity"].foretold_core_hours > 0
