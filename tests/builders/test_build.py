"""All builders on a real MongoDB: incremental, repeatable, safe against bad data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jobflow import JobStore
from monty.serialization import dumpfn, loadfn

from lps_flows.builders import (
    KEYS,
    BuildSettings,
    all_builders,
    build_all,
    result_store,
    run_builder,
)
from lps_flows.builders.increment import IncrementalBuilder
from lps_flows.schemas import Provenance
from tests.builders.toy_campaign import (
    CAMPAIGN,
    METHOD,
    SETTINGS,
    document,
    fill,
    glass,
    put,
    read,
)


def snapshot(store: JobStore) -> str:
    """Everything in the result collections, stamps included."""
    return json.dumps({name: read(store, name) for name in KEYS}, default=str)


def content(store: JobStore, without: tuple[str, ...] = ("last_updated",)) -> str:
    return json.dumps(
        {
            name: [
                {k: v for k, v in d.items() if k not in without}
                for d in read(store, name)
            ]
            for name in KEYS
        },
        default=str,
        sort_keys=True,
    )


@contextmanager
def builders_on(
    store: JobStore, settings: BuildSettings = SETTINGS, **more: str
) -> Iterator[list[IncrementalBuilder]]:
    """Give all builders; their collections are closed afterwards."""
    builders = all_builders(store, settings, **more)
    try:
        yield builders
    finally:
        shared = {id(target): target for b in builders for target in b.targets}
        for target in shared.values():
            target.close()


def test_second_build_writes_nothing(filled: tuple[JobStore, dict[str, str]]) -> None:
    store, _ = filled
    first = build_all(store, SETTINGS)
    assert first["StructureBuilder"] == 12 + 16 + 3
    assert all(
        n > 0
        for name, n in first.items()
        if name
        not in {
            "ElasticityBuilder",
            "ElasticTensorBuilder",
            "TransportBuilder",
            "ConductivityMapBuilder",
            "JumpBuilder",
            "FreeEnergyBuilder",
        }
    ), first
    before = snapshot(store)
    second = build_all(store, SETTINGS)
    assert set(second.values()) == {0}
    assert snapshot(store) == before


def test_dates_are_dates_and_older_texts_become_dates(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, _ = filled
    build_all(store, SETTINGS)
    for name in KEYS:
        with result_store(store, name) as collection:
            kinds = {type(made) for made in collection.distinct("last_updated")}
        assert kinds <= {datetime}, name
    with result_store(store, "structures") as structures:
        before = {d["structure_id"]: d for d in structures.query()}
        # as the first version wrote those that came in sets
        old = [
            {**d, "last_updated": d["last_updated"].replace(tzinfo=UTC).isoformat()}
            for d in list(before.values())[:20]
        ]
        structures.update(old, key=["structure_id"])
        assert structures.count({"last_updated": {"$type": "string"}}) == 20
        assert set(build_all(store, SETTINGS).values()) == {0}
        assert structures.count({"last_updated": {"$type": "string"}}) == 0
        after = {d["structure_id"]: d for d in structures.query()}
    assert after == before


def test_what_is_in_the_documents(filled: tuple[JobStore, dict[str, str]]) -> None:
    store, uuids = filled
    build_all(store, SETTINGS)
    (diagram,) = read(store, "phase_diagrams")
    assert diagram["method"] == METHOD
    assert diagram["n_structures"] == 28
    assert diagram["n_left_out"] == 3
    entries = {e["structure_id"]: e for e in read(store, "phase_diagram_entries")}
    gamma = entries[uuids["gamma-Li3PS4"]]
    assert gamma["line"]["on_hull"]
    beta = entries[uuids["beta-Li3PS4"]]
    assert beta["energy_above_hull"] == pytest.approx(0.0032)
    off = entries[uuids["Li2PS3"]]
    assert off["x"] is None
    assert off["ternary"] is not None
    assert len(entries) == 28
    motif = {m["structure_id"]: m for m in read(store, "motifs")}
    assert motif[uuids["Li7P3S11"]]["fractions"]["P2S7"] == pytest.approx(2 / 3)
    assert uuids["Li2S"] not in motif
    (model,) = read(store, "cluster_models")
    assert uuids["Li"] not in {p["structure_id"] for p in read(store, "clusters")}
    assert model["reference_sources"]["Li2S"] == uuids["Li2S"]
    places = {p["structure_id"]: p for p in read(store, "clusters")}
    for key in ("LiPS3", "Li7P3S11", "beta-Li3PS4", "LT-Li7PS6", "Li2S"):
        place = places[uuids[key]]
        assert place["nearest"] == key
        assert place["similarities"][key] == pytest.approx(1.0)
        assert place["label"] == model["reference_classes"][key]
    candidates = read(store, "candidates")
    assert len(candidates) == 3
    for candidate in candidates:
        names = [criterion["name"] for criterion in candidate["criteria"]]
        assert names[0].startswith("outside every miscibility gap")
        assert names[2:] == [
            "most similar to a superionic conductor",
            "class of a superionic conductor",
        ]
        assert len(names) == 4
        # the crystal that is most similar, and how similar it is
        place = places[candidate["structure_id"]]
        assert candidate["nearest"] == place["nearest"]
        assert candidate["similarity"] == max(place["similarities"].values())


def test_new_structure_is_added_and_nothing_else_computed(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, _ = filled
    build_all(store, SETTINGS)
    before = {m["structure_id"]: m["last_updated"] for m in read(store, "motifs")}
    structure, provenance = glass("LT-Li7PS6", 1, 99)
    uuid = put(store, "late", document(structure, -0.05, provenance))
    written = build_all(store, SETTINGS)
    assert written["StructureBuilder"] == 1
    assert written["MotifBuilder"] == 1
    assert written["FingerprintBuilder"] == 2
    assert written["RDFBuilder"] == 1
    after = {m["structure_id"]: m["last_updated"] for m in read(store, "motifs")}
    assert set(after) - set(before) == {uuid}
    assert all(after[k] == stamp for k, stamp in before.items())


def test_increments_give_what_one_full_build_gives(
    job_store: JobStore, module_job_store: JobStore
) -> None:
    fill(job_store, glasses=2)
    build_all(job_store, SETTINGS)
    fill(job_store, glasses=4)
    build_all(job_store, SETTINGS)
    fill(module_job_store, glasses=4)
    build_all(module_job_store, SETTINGS)
    # labels follow the history of the database: the classes are the same
    without = ("last_updated", "labels", "label", "reference_classes", "criteria")
    without += ("class_label", "centroids", "version", "builder_meta")
    assert content(job_store, without) == content(module_job_store, without)


def test_classes_and_candidates_of_a_vanished_group_go(job_store: JobStore) -> None:
    fill(job_store, glasses=2)
    build_all(job_store, SETTINGS)
    assert read(job_store, "candidates")
    with builders_on(job_store) as those:
        builders = {type(builder).__name__: builder for builder in those}
        fingerprints = builders["ClusterBuilder"].fingerprints
        fingerprints.remove_docs({"element": "Li"})
        run_builder(builders["ClusterBuilder"])
        run_builder(builders["CandidateBuilder"])
    assert not read(job_store, "cluster_models", element="Li")
    assert not read(job_store, "clusters", element="Li")
    assert not read(job_store, "candidates")


def test_every_builder_survives_its_json(job_store: JobStore, tmp_path: Path) -> None:
    settings = BuildSettings.model_validate(
        {"hull": {"gap_tolerance": 7.0}, "clusters": {"n_clusters": 3}}
    )
    with builders_on(job_store, settings, campaign="mine") as builders:
        for builder in builders:
            dumpfn(builder, tmp_path / "builder.json")
            again = loadfn(tmp_path / "builder.json")
            assert type(again) is type(builder)
            assert again.campaign == "mine"
            made_with = getattr(builder, "settings", None)
            assert getattr(again, "settings", None) == made_with


def test_methods_and_campaigns_stay_apart(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, _ = filled
    structure, provenance = glass("beta-Li3PS4", 1, 50)
    put(store, "ann", document(structure, -5.0, provenance, method="ann-0a1b"))
    fill(store, glasses=2, campaign="second")
    build_all(store, SETTINGS)
    diagrams = {d["diagram_id"] for d in read(store, "phase_diagrams")}
    assert diagrams == {f"{CAMPAIGN}|{METHOD}", f"second|{METHOD}"}
    assert len(read(store, "phase_diagram_entries", campaign="second")) == 20
    assert {m["method"] for m in read(store, "motifs")} == {METHOD, "ann-0a1b"}


def test_one_campaign_only(filled: tuple[JobStore, dict[str, str]]) -> None:
    store, _ = filled
    fill(store, glasses=2, campaign="second")
    build_all(store, SETTINGS, campaign="second")
    assert {s["campaign"] for s in read(store, "structures")} == {"second"}
    before = len(read(store, "structures"))
    build_all(store, SETTINGS, campaign=CAMPAIGN)
    assert len(read(store, "structures", campaign="second")) == before


def test_empty_outputs_and_references_are_skipped(job_store: JobStore) -> None:
    fill(job_store, glasses=1)
    common = {"completed_at": "2026-01-01T00:00:00", "metadata": {}, "hosts": []}
    structure, provenance = glass("beta-Li3PS4", 1, 3)
    uuid = put(job_store, "replaced", document(structure, -0.1, provenance), index=2)
    job_store.docs_store.update(
        [
            {"uuid": uuid, "index": 1, "output": None, **common},
            {
                "uuid": "store-inputs",
                "index": 2,
                "output": {"@class": "OutputReference", "uuid": uuid},
                **common,
            },
        ],
        key=["uuid", "index"],
    )
    build_all(job_store, SETTINGS)
    ids = [s["structure_id"] for s in read(job_store, "structures")]
    assert ids.count(uuid) == 1
    assert "store-inputs" not in ids


def test_new_index_replaces_the_structure(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = filled
    build_all(store, SETTINGS)
    structure, provenance = glass("beta-Li3PS4", 1, 0)
    name = f"{CAMPAIGN}-beta-Li3PS4-1-0"
    put(store, name, document(structure, -0.15, provenance), index=2, second=60)
    build_all(store, SETTINGS)
    (entry,) = read(
        store, "phase_diagram_entries", structure_id=uuids["beta-Li3PS4-1-0"]
    )
    assert entry["formation_energy_per_atom"] == pytest.approx(-0.15)


def test_vanished_structure_goes_from_every_collection(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = filled
    build_all(store, SETTINGS)
    gone = uuids["beta-Li3PS4-1-0"]
    store.docs_store.remove_docs({"uuid": gone})
    build_all(store, SETTINGS)
    for name in ("structures", "phase_diagram_entries", "motifs", "fingerprints"):
        assert not read(store, name, structure_id=gone), name
    assert not read(store, "clusters", structure_id=gone)


def test_changed_settings_are_applied(filled: tuple[JobStore, dict[str, str]]) -> None:
    store, _ = filled
    build_all(store, SETTINGS)
    wider = BuildSettings.model_validate(
        {**SETTINGS.model_dump(), "hull": {"gap_tolerance": 50.0}}
    )
    written = build_all(store, wider)
    assert written["PhaseDiagramBuilder"] > 0
    assert written["MotifBuilder"] == 0
    (diagram,) = read(store, "phase_diagrams")
    assert all(p["tolerance"] == 0.05 for p in diagram["metastable_hull"])


def test_indexes_are_declared(filled: tuple[JobStore, dict[str, str]]) -> None:
    store, _ = filled
    build_all(store, SETTINGS)
    for name in ("structures", "phase_diagram_entries", "motifs", "clusters"):
        with result_store(store, name) as results:
            found = results._collection.index_information()
        assert f"{KEYS[name]}_1" in found
        assert found[f"{KEYS[name]}_1"]["unique"]
        assert "campaign_1" in found


@pytest.mark.slow
def test_mrun_runs_every_builder_from_its_json(
    filled: tuple[JobStore, dict[str, str]],
    module_job_store: JobStore,
    tmp_path: Path,
) -> None:
    store, _ = filled
    fill(module_job_store)
    build_all(module_job_store, SETTINGS)
    with builders_on(store) as builders:
        paths = [tmp_path / f"{k}.json" for k in range(len(builders))]
        for builder, path in zip(builders, paths, strict=True):
            dumpfn(builder, path)
    for path in paths:
        subprocess.run(
            [str(Path(sys.executable).with_name("mrun")), "-n", "2", str(path)],
            check=True,
            capture_output=True,
            timeout=300,
        )
    without = ("last_updated", "last_updated")
    assert content(store, without) == content(module_job_store, without)


def test_progress_is_reported(filled: tuple[JobStore, dict[str, str]]) -> None:
    store, _ = filled
    seen: list[tuple[str, int, int | None]] = []

    def report(name: str, done: int, total: int | None) -> None:
        seen.append((name, done, total))

    with builders_on(store) as builders:
        run_builder(builders[0], report)
    assert seen[-1][:2] == ("StructureBuilder", 29)


def test_unfinished_relaxation_can_be_left_out(job_store: JobStore) -> None:
    fill(job_store, glasses=2)
    structure, provenance = glass("beta-Li3PS4", 1, 77)
    unfinished = document(structure, -0.3, provenance).model_copy(
        update={"converged": False}
    )
    put(job_store, "unfinished", unfinished)
    strict = BuildSettings.model_validate({"hull": {"require_converged": True}})
    build_all(job_store, strict)
    (diagram,) = read(job_store, "phase_diagrams")
    assert (diagram["n_unconverged"], diagram["n_left_out"]) == (0, 4)
    build_all(job_store, BuildSettings())
    (diagram,) = read(job_store, "phase_diagrams")
    assert (diagram["n_unconverged"], diagram["n_left_out"]) == (1, 3)


def test_provenance_of_a_user_structure_is_enough(job_store: JobStore) -> None:
    fill(job_store, glasses=1)
    structure, _ = glass("beta-Li3PS4", 1, 5)
    put(job_store, "mine", document(structure, 0.0, Provenance(source="user")))
    build_all(job_store, SETTINGS)
    assert len(read(job_store, "rdfs", parent=None)) == 1
