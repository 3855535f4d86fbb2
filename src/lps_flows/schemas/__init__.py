"""Documents: what a job returns and what a builder writes."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.schemas.base import Document
    from lps_flows.schemas.layout import SCHEMA_VERSION
    from lps_flows.schemas.structure import Provenance, StructureDocument, StructureSet

__all__ = [
    "SCHEMA_VERSION",
    "Document",
    "Provenance",
    "StructureDocument",
    "StructureSet",
]

show(__name__)
