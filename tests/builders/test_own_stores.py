"""Results in stores that a caller gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import JSONStore, MemoryStore

from lps_flows.builders import KEYS, build_all, read_results
from tests.builders.toy_campaign import CAMPAIGN, fill
from tests.isolated import empty_store


def test_a_factory_is_asked_once_for_each_and_need_not_connect() -> None:
    store, made = empty_store(), {}
    fill(store, glasses=0)
    asked: Counter[str] = Counter()

    def own(name: str) -> Store:
        asked[name] += 1
        return made.setdefault(name, MemoryStore(name, key=KEYS[name]))

    written = build_all(store, store=own)
    assert set(asked) == set(KEYS)
    assert set(asked.values()) == {1}
    assert made["structures"].count() == written["StructureBuilder"] > 0
    assert read_results(store, store=own).campaign == CAMPAIGN


def test_jobs_and_results_in_files_are_read_without_connecting(tmp_path: Path) -> None:
    def in_files() -> JobStore:
        docs, data = (
            JSONStore(str(tmp_path / f"{name}.json"), read_only=False, key=key)
            for name, key in (("docs", "uuid"), ("data", "blob_uuid"))
        )
        return JobStore(docs, additional_stores={"data": data})

    store = in_files()
    store.connect()
    fill(store, glasses=0)
    store.close()
    build_all(in_files())
    results = read_results(in_files())
    assert results.campaign == CAMPAIGN
    assert results.entries
