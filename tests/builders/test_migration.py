"""Results that version 1.0 of the layout stored come up to date with the next build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jobflow import JobStore
from pydantic import TypeAdapter

from lps_flows.builders.build import result_store
from lps_flows.builders.migration import COLLECTIONS, migrate
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry

FILE = Path(__file__).parents[1] / "schemas" / "old_documents.json"
OLD = json.loads(FILE.read_text("utf-8"))["results"]


@pytest.mark.parametrize("name", OLD)
def test_every_collection_is_written_anew_once(job_store: JobStore, name: str) -> None:
    old = OLD[name]
    key, kind = COLLECTIONS[name]
    store = result_store(job_store, name)
    store.connect()
    store.update([old, {**old, key: "other", "campaign": "of others"}], key=[key])
    assert migrate(store, name, old["campaign"]) == 1
    assert migrate(store, name, old["campaign"]) == 0
    new = store.query_one({key: old[key]})
    assert new["schema_version"] == "1.1"
    assert "last_updated" in new
    assert "created_at" not in new
    assert kind.from_store(new).model_dump(exclude={"structure"}) == (
        kind.from_store(old).model_dump(exclude={"structure"})
    )
    assert store.query_one({key: "other"})["schema_version"] == "1.0"
    store.close()


def test_what_is_inside_is_renamed_too(job_store: JobStore) -> None:
    name = "phase_diagram_entries"
    store = result_store(job_store, name)
    store.connect()
    store.update([OLD[name]], key=["structure_id"])
    assert migrate(store, name) == 1
    (entry,) = store.query({"energy_above_hull": {"$exists": True}})
    assert {"energy_above_hull", "decomposes_to"} <= entry["line"].keys()
    assert "formula_pretty" in entry["line"]["decomposes_to"][0]
    assert not {"e_above_hull", "formation_energy", "formula"} & entry.keys()
    assert entry["source_digest"] == OLD[name]["source_digest"]
    store.close()


def test_schemas_speak_of_what_others_know() -> None:
    schema = TypeAdapter(PhaseDiagramEntry).json_schema()["properties"]
    wanted = {"energy_above_hull", "formation_energy_per_atom", "formula_pretty"}
    assert wanted <= schema.keys()
