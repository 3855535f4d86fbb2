"""The collections of results, and how documents of an older layout come up to date."""

from __future__ import annotations

from functools import partial
from typing import Any

from maggma.core import Store

from lps_flows.builders.increment import chunks
from lps_flows.builders.stores import KEYS
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.conductivity_map import ConductivityMapDocument
from lps_flows.schemas.damage import readable
from lps_flows.schemas.elasticity import ElasticityDocument, ElasticTensorDocument
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.fingerprints import FingerprintDocument
from lps_flows.schemas.jumps import JumpDocument
from lps_flows.schemas.layout import READABLE_VERSIONS, SCHEMA_VERSION
from lps_flows.schemas.motifs import MotifDocument, MotifTrendDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry
from lps_flows.schemas.phonons import FreeEnergyDocument
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.scattering import ScatteringDocument
from lps_flows.schemas.transport import TransportRecord

_DOCUMENTS: dict[str, type[Document]] = {
    "structures": StructureRecord,
    "phase_diagrams": PhaseDiagramDocument,
    "phase_diagram_entries": PhaseDiagramEntry,
    "windows": WindowDocument,
    "motifs": MotifDocument,
    "motif_trends": MotifTrendDocument,
    "rdfs": RDFDocument,
    "scattering": ScatteringDocument,
    "fingerprints": FingerprintDocument,
    "cluster_models": ClusterModelDocument,
    "clusters": ClusterAssignment,
    "candidates": CandidateDocument,
    "elasticity": ElasticityDocument,
    "elastic_tensors": ElasticTensorDocument,
    "transport": TransportRecord,
    "conductivity_maps": ConductivityMapDocument,
    "jumps": JumpDocument,
    "free_energies": FreeEnergyDocument,
}
COLLECTIONS = {name: (key, _DOCUMENTS[name]) for name, key in KEYS.items()}
"""Collections of results: the field that identifies a document, and its class."""

_BEFORE = list(READABLE_VERSIONS[:-1])


def migrate(store: Store, collection: str, campaign: str | None = None) -> int:
    """Write documents of an older layout anew in today's, and return how many.

    What they say stays, and so does the digest of what they were made from.

    Raises
    ------
    DamagedDocumentError
        When one is in no layout that was ever written.
    """
    key, kind = COLLECTIONS[collection]
    store.ensure_index("schema_version")
    older: dict[str, Any] = {"schema_version": {"$in": _BEFORE}}
    if campaign is not None:
        older["campaign"] = campaign
    done = 0
    for few in chunks(list(store.distinct(key, older)), 1000):
        documents = store.query({key: {"$in": few}, **older})
        renewed = list(readable(partial(_today, kind), documents))
        store.update(renewed, key=[key])
        done += len(renewed)
    return done


def _today(kind: type[Document], document: dict[str, Any]) -> dict[str, Any]:
    renewed = kind.from_store(document).model_dump(exclude={"structure"})
    if "structure" in kind.model_fields:  # whose atoms are not to be taken apart
        renewed["structure"] = document["structure"]
    return renewed | {"schema_version": SCHEMA_VERSION}
