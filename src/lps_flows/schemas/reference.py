"""Structures on their way to the reference engine, and those that failed there."""

from __future__ import annotations

from pydantic import Field

from lps_flows.schemas.base import Document, Part, StoredStructure
from lps_flows.schemas.structure import Provenance


class UnlabelledStructure(Part):
    """A structure with its origin and without an energy."""

    structure: StoredStructure = Field(description="Atoms and cell (Å).")
    provenance: Provenance = Field(description="Where the structure comes from.")


class UnlabelledSet(Document):
    """Structures made in one job, to be labelled by a reference engine."""

    n_structures: int = Field(description="Number of entries.")
    entries: list[UnlabelledStructure] = Field(
        description="The structures (kept in the data store)."
    )
