"""Run a flow as jobflow-remote does: no job sees the store of its campaign."""

from __future__ import annotations

from typing import Any

from jobflow import Flow, Job, JobStore
from jobflow.core.flow import get_flow
from jobflow.core.reference import find_and_resolve_references
from maggma.stores import MemoryStore
from monty.json import MontyDecoder, jsanitize


def empty_store() -> JobStore:
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    return store


def run_isolated(flow: Flow | Job, store: JobStore) -> None:
    """Run the jobs of a flow, each on an empty store and with its references resolved.

    What a job leaves there is copied to `store`, from which references are resolved
    before a job is written out and read again, as for another machine.
    """
    for job, _ in get_flow(flow).iterflow():
        sent = jsanitize(job.as_dict(), strict=True, enum_values=True, allow_bson=True)
        if sent["config"]["resolve_references"]:
            for name in ("function_args", "function_kwargs"):
                sent[name] = find_and_resolve_references(
                    sent[name], store, on_missing=job.config.on_missing_references
                )
        plain = jsanitize(sent, strict=True, enum_values=True, allow_bson=True)
        there: Any = MontyDecoder().process_decoded(plain)
        worker = empty_store()
        response = there.run(worker)
        for name, data in worker.additional_stores.items():
            store.additional_stores[name].update(list(data.query()))
        store.docs_store.update(list(worker.docs_store.query()), key=["uuid", "index"])
        for more in (response.replace, response.detour, response.addition):
            if more is not None:
                run_isolated(more, store)
