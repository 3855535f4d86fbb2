"""Two users' collections in one database, told apart by a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fireworks import LaunchPad
from jobflow import JobStore

from lps_flows.builders import KEYS, build_all, read_results
from lps_flows.report.content import gather
from lps_flows.report.page import render_page
from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    archive,
    delete,
    restore,
    submit,
)
from lps_flows.runner.belongings import inventory
from lps_flows.runner.configuration import launchpad_settings, store_settings
from lps_flows.runner.workplace import prepare
from tests.builders.toy_campaign import CAMPAIGN, SETTINGS, fill
from tests.toy_jobs import toy_flow


def _workplace(
    mongod: PrivateMongod, home: Home, database: str, prefix: str
) -> Workplace:
    settings: dict[str, Any] = store_settings(mongod, database)
    settings["docs_store"]["collection_name"] = f"{prefix}docs"
    settings["additional_stores"]["data"]["collection_name"] = f"{prefix}data"
    store = JobStore.from_dict_spec(settings)
    store.connect()
    name = f"{database}_{prefix}launchpad"
    launchpad = LaunchPad.from_dict({**launchpad_settings(mongod), "name": name})
    place = Workplace(home, "configured", store, launchpad)
    prepare(place)
    return place


@pytest.fixture
def places(mongod: PrivateMongod, tmp_path: Path) -> Iterator[list[Workplace]]:
    database = f"test_{uuid4().hex}"
    made = [
        _workplace(mongod, Home(tmp_path / prefix), database, prefix)
        for prefix in ("mine_", "yours_")
    ]
    yield made
    with mongod.client() as client:
        client.drop_database(database)
        for place in made:
            client.drop_database(place.require_launchpad().name)
    for place in made:
        place.close()


def _collections(place: Workplace) -> set[str]:
    docs: Any = place.job_store.docs_store
    names = docs._collection.database.list_collection_names()
    return {name for name in names if not name.startswith("system.")}


def test_results_carry_the_prefix_of_the_jobs_to_the_end(
    places: list[Workplace], tmp_path: Path
) -> None:
    mine, yours = places
    fill(mine.job_store, glasses=1)
    written = build_all(mine.job_store, SETTINGS, campaign=CAMPAIGN)
    assert written["StructureBuilder"] > 0
    found = _collections(mine)
    assert {"mine_docs", "mine_structures", "mine_phase_diagrams"} <= found
    assert all(name.startswith(("mine_", "yours_")) for name in found), found
    page = render_page(gather(mine.job_store, mine.result_store, CAMPAIGN))
    assert "gamma-Li3PS4" in page
    submit(mine, toy_flow(tmp_path / "journal", 1), CAMPAIGN, "hash")
    kept = {name: mine.result_store(name).count() for name in KEYS}
    assert kept["candidates"] > 0
    assert inventory(mine, CAMPAIGN).n_results == sum(kept.values())
    file = archive(mine, CAMPAIGN, tmp_path / "toy.lps")
    # the other user's collections are empty until it is restored there
    assert all(yours.result_store(name).count() == 0 for name in KEYS)
    restore(yours, file)
    assert {name: yours.result_store(name).count() for name in KEYS} == kept
    assert read_results(
        yours.job_store, campaign=CAMPAIGN, store=yours.result_store
    ).candidates
    delete(mine, CAMPAIGN)
    assert not any(mine.result_store(name).count() for name in KEYS)
    assert {name: yours.result_store(name).count() for name in KEYS} == kept
