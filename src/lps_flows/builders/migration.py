"""The collections of results, and how documents of an older layout come up to date."""

from __future__ import annotations

from functools import partial
from typing import Any

from maggma.core import Store

from lps_flows.builders.increment import chunks
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

COLLECTIONS: dict[str, tuple[str, type[Document]]] = {
    "structures": ("structure_id", StructureRecord),
    "phase_diagrams": ("diagram_id", PhaseDiagramDocument),
    "phase_diagram_entries": ("structure_id", PhaseDiagramEntry),
    "windows": ("structure_id", WindowDocument),
    "motifs": ("structure_id", MotifDocument),
    "motif_trends": ("trend_id", MotifTrendDocument),
    "rdfs": ("rdf_id", RDFDocument),
    "scattering": ("scattering_id", ScatteringDocument),
    "fingerprints": ("fingerprint_id", FingerprintDocument),
    "cluster_models": ("model_id", ClusterModelDocument),
    "clusters": ("assignment_id", ClusterAssignment),
    "candidates": ("candidate_id", CandidateDocument),
    "elasticity": ("elasticity_id", ElasticityDocument),
    "elastic_tensors": ("tensor_id", ElasticTensorDocument),
    "transport": ("transport_id", TransportRecord),
    "conductivity_maps": ("map_id", ConductivityMapDocument),
    "jumps": ("jump_id", JumpDocument),
    "free_energies": ("phonon_id", FreeEnergyDocument),
}
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
