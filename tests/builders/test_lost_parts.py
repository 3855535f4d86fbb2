"""Large parts that are gone from the additional store cost their own job alone."""

from __future__ import annotations

from typing import Any

import pytest
from jobflow import JobStore

from lps_flows.builders import build_all, result_store
from lps_flows.jobs.large_parts import LostPartError, NoDataStoreError
from lps_flows.jobs.outputs import checked_parts, load_newest
from lps_flows.jobs.structures import relaxed_structures
from lps_flows.schemas import StructureSet
from lps_flows.schemas.damage import left_out
from lps_flows.schemas.jumps import JumpDocument
from tests.builders.test_jumps import stored_run
from tests.builders.toy_campaign import CAMPAIGN, METHOD, fill, read
from tests.isolated import empty_store


def lose(store: JobStore, uuid: str) -> list[dict[str, Any]]:
    """Remove the large parts of a job and return them."""
    data = store.additional_stores["data"]
    lost = list(data.query({"job_uuid": uuid}))
    data.remove_docs({"job_uuid": uuid})
    return lost


@pytest.fixture
def store() -> JobStore:
    return empty_store()


def test_one_set_whose_entries_are_gone_costs_no_other_job(store: JobStore) -> None:
    uuids = fill(store, glasses=1)
    assert lose(store, uuids["set"])
    with pytest.raises(LostPartError, match=uuids["set"]) as caught:
        build_all(store, campaign=CAMPAIGN)
    assert caught.value.remedy
    assert len(read(store, "structures")) == len(uuids) - 1
    assert read(store, "phase_diagrams")


def test_readers_name_the_job_or_leave_it_out(store: JobStore) -> None:
    uuids = fill(store, glasses=0)
    lose(store, uuids["set"])
    for look in (
        lambda: relaxed_structures(store, CAMPAIGN, METHOD),
        lambda: checked_parts(store, CAMPAIGN, StructureSet, load=True),
        lambda: list(load_newest(store, {"uuid": uuids["set"]})),
    ):
        with pytest.raises(LostPartError, match=uuids["set"]):
            look()
    with left_out() as errors:
        there = {"uuid": {"$in": [uuids["set"], uuids["Li2S"]]}}
        assert [job["uuid"] for job in load_newest(store, there)] == [uuids["Li2S"]]
    assert len(errors) == 1


def test_a_store_without_the_additional_one_is_one_clear_error(
    store: JobStore,
) -> None:
    fill(store, glasses=0)
    with pytest.raises(NoDataStoreError, match="additional store named data"):
        build_all(JobStore(store.docs_store), campaign=CAMPAIGN)


def jumps(store: JobStore) -> JumpDocument:
    build_all(store, campaign=CAMPAIGN)
    (document,) = read(store, "jumps")
    return JumpDocument.from_store(document)


@pytest.mark.parametrize("whole", [False, True], ids=["frames", "documents"])
def test_a_trajectory_that_is_gone_is_a_note_until_it_is_back(
    store: JobStore, whole: bool
) -> None:
    stored_run(store)
    (chunk,) = store.query({"output.@class": "MDChunkDocument"})
    frames = {"frames": {"blob_uuid": "f", "store": "data", "@class": "x"}}
    data = store.additional_stores["data"]
    data.update(
        {
            "blob_uuid": "f",
            "job_uuid": chunk["uuid"],
            "job_index": 1,
            "data": chunk["output"]["frames"],
        },
        key="blob_uuid",
    )
    chunk["output"] |= frames
    store.docs_store.update(chunk, key=["uuid", "index"])
    kept = lose(store, chunk["uuid"])
    if whole:
        store.docs_store.remove_docs({"uuid": chunk["uuid"]})
    gone = jumps(store)
    assert gone.analysis is None
    assert chunk["uuid"] in str(gone.note)
    assert build_all(store, campaign=CAMPAIGN)["JumpBuilder"] == 0
    data.update(kept, key="blob_uuid")
    store.docs_store.update(chunk, key=["uuid", "index"])
    back = jumps(store)
    assert back.analysis is not None
    assert back.note is None
    assert "gone" not in back.settings
    # what was analysed stays when the frames are deleted to save space
    lose(store, chunk["uuid"])
    assert jumps(store).analysis == back.analysis
    assert result_store(store, "jumps").count() == 1
