"""Results that versions before stored come up to date with the next build."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from emmet.core.base import EmmetMeta
from emmet.core.structure import StructureMetadata
from jobflow import JobStore
from pydantic import TypeAdapter
from pymatgen.core import Composition

from lps_flows.builders.build import result_store
from lps_flows.builders.migration import COLLECTIONS, migrate
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry
from lps_flows.schemas.reference import UnlabelledSet

FILE = Path(__file__).parents[1] / "schemas" / "old_documents.json"
STORED = json.loads(FILE.read_text("utf-8"))
OLD, OF_1_1 = STORED["results"], STORED["results of 1.1"]


@pytest.mark.parametrize(
    ("layout", "name"),
    [*(("1.0", name) for name in OLD), *(("1.1", name) for name in OF_1_1)],
)
def test_every_collection_is_written_anew_once(
    job_store: JobStore, layout: str, name: str
) -> None:
    old = (OLD if layout == "1.0" else OF_1_1)[name]
    key, kind = COLLECTIONS[name]
    store = result_store(job_store, name)
    store.connect()
    store.update([old, {**old, key: "other", "campaign": "of others"}], key=[key])
    assert migrate(store, name, old["campaign"]) == 1
    assert migrate(store, name, old["campaign"]) == 0
    new = store.query_one({key: old[key]})
    assert new["schema_version"] == "1.2"
    assert "last_updated" in new
    assert not {"created_at", "versions"} & new.keys()
    assert new["builder_meta"]["pymatgen_version"] == old["versions"]["pymatgen"]
    assert kind.from_store(new).model_dump(exclude={"structure"}) == (
        kind.from_store(old).model_dump(exclude={"structure"})
    )
    assert store.query_one({key: "other"})["schema_version"] == layout
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


@pytest.mark.parametrize("name", OF_1_1)
def test_a_composition_is_said_in_the_words_of_emmet(
    job_store: JobStore, name: str
) -> None:
    key, _ = COLLECTIONS[name]
    store = result_store(job_store, name)
    store.connect()
    store.update([OF_1_1[name]], key=[key])
    assert migrate(store, name) == 1
    new = store.query_one({})
    words = StructureMetadata.from_composition(
        Composition(OF_1_1[name].get("formula") or OF_1_1[name]["formula_pretty"]),
        fields=["composition_reduced", "formula_pretty", "chemsys"],
    )
    for word, meaning in words.model_dump(exclude_none=True).items():
        assert new[word] == meaning
    if "structure" in new:
        assert new["structure"] == OF_1_1[name]["structure"]
    store.close()


def test_schemas_speak_of_what_others_know() -> None:
    schema = TypeAdapter(PhaseDiagramEntry).json_schema()["properties"]
    wanted = {"energy_above_hull", "formation_energy_per_atom", "formula_pretty"}
    wanted |= {"builder_meta", "chemsys", "composition_reduced", "last_updated"}
    assert wanted <= schema.keys()


def test_versions_are_named_as_emmet_names_them() -> None:
    ours = UnlabelledSet(n_structures=0, entries=[]).builder_meta
    assert ours["pymatgen_version"] == version("pymatgen")
    assert "pymatgen_version" in EmmetMeta.model_fields
    assert ours["lps_flows_version"] == version("lps-flows")
    assert all(name.endswith("_version") for name in ours)
