"""The collections of results, and where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import JSONStore, MemoryStore, MongoStore

from lps_flows.foundation import LpsFlowsError

KEYS = {
    "structures": "structure_id",
    "phase_diagrams": "diagram_id",
    "phase_diagram_entries": "structure_id",
    "windows": "structure_id",
    "motifs": "structure_id",
    "motif_trends": "trend_id",
    "rdfs": "rdf_id",
    "scattering": "scattering_id",
    "fingerprints": "fingerprint_id",
    "cluster_models": "model_id",
    "clusters": "assignment_id",
    "candidates": "candidate_id",
    "elasticity": "elasticity_id",
    "elastic_tensors": "tensor_id",
    "transport": "transport_id",
    "conductivity_maps": "map_id",
    "jumps": "jump_id",
    "free_energies": "phonon_id",
}
"""Collections of results, with the field that identifies a document."""


# what tells a MongoStore its server and database, by address or by URI
_WHERE = (
    "database",
    "uri",
    "host",
    "port",
    "username",
    "password",
    "auth_source",
    "ssh_tunnel",
    "mongoclient_kwargs",
)


class ResultStoreError(LpsFlowsError):
    """The job store has no place beside it for results."""


def result_store(job_store: JobStore, name: str) -> Store:
    """Return the store of a collection of results, beside the job documents.

    Where the collection of these is named ``mine_docs``, results go to collections
    with the prefix ``mine_``, too: a database may be shared.

    Parameters
    ----------
    job_store
        jobflow's store; MongoDB, JSON files or memory.

    Raises
    ------
    ResultStoreError
        When the docs store is of another kind.
    """
    docs = job_store.docs_store
    common: dict[str, Any] = {"key": KEYS[name], "last_updated_field": "last_updated"}
    if isinstance(docs, JSONStore):
        # a JSONStore is a MemoryStore too: this test comes first
        path = Path(docs.paths[0]).with_name(f"{name}.json")
        return JSONStore(str(path), read_only=False, **common)
    if isinstance(docs, MemoryStore):
        docs.connect()
        beside = MemoryStore(name, **common)
        # the only way into the same in-memory database
        beside._coll = docs._collection.database[name]  # noqa: SLF001
        return beside
    if isinstance(docs, MongoStore):
        where = {field: getattr(docs, field) for field in _WHERE}
        return MongoStore(
            collection_name=_prefix(docs) + name,
            last_updated_type="datetime",
            **where,
            **common,
        )
    raise ResultStoreError(
        "results can be kept beside MongoDB, JSON files or memory only",
        field="JOB_STORE.docs_store",
        value=type(docs).__name__,
        remedy="use a MongoStore for the docs of jobflow's store",
    )


def _prefix(docs: MongoStore) -> str:
    """Return what stands before 'docs' in the name of the job documents' collection."""
    name = docs.collection_name
    return name.removesuffix("docs") if name.endswith("_docs") else ""
