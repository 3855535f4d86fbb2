"""A job that replaces itself keeps its output's place and its name."""

from __future__ import annotations

from jobflow import Flow, JobStore, Response, job, run_locally
from maggma.stores import MemoryStore

from lps_flows.jobs.references import in_place


@job
def once_more(left: int) -> Response[int] | int:
    if not left:
        return 7
    return Response(replace=Flow([in_place(once_more(left - 1))]))


def test_a_name_that_was_appended_to_is_not_appended_to_again() -> None:
    running = once_more(2)
    flow = Flow([running], name="two")
    flow.append_name(" round 3")
    flow.append_name("second ", prepend=True)
    store = JobStore(MemoryStore())
    run_locally(flow, store=store, ensure_success=True, log=False)
    documents = list(store.query({}, ["uuid", "index", "name", "output"]))
    assert {document["uuid"] for document in documents} == {running.uuid}
    assert {document["name"] for document in documents} == {"second once_more round 3"}
    assert [d["output"] for d in sorted(documents, key=lambda d: d["index"])][-1] == 7
