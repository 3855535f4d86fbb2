"""What every document written by a builder carries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from lps_flows.schemas.base import Document
from lps_flows.schemas.structure import StructureDocument

NO_CAMPAIGN = "none"


class Part(BaseModel):
    """Base of the parts documents are made of."""

    model_config = ConfigDict(extra="forbid")


class BuiltDocument(Document):
    """Base of builder documents: whose data, and from which state of it."""

    campaign: str = Field(description="Campaign the structures belong to.")
    method: str = Field(description="Reference method of the structures.")
    source_digest: str = Field(
        description="Fingerprint of sources and settings; equal means up to date."
    )


class StructureRecord(StructureDocument):
    """One document of the ``structures`` collection."""

    structure_id: str = Field(
        description="Job uuid; with '-i' for entry i of a set of structures."
    )
    campaign: str = Field(description="Campaign of the job, 'none' outside any.")
    stage: str | None = Field(None, description="Stage of the campaign.")
    job_uuid: str = Field(description="Job that computed it.")
    job_index: int = Field(description="Index of that job.")
    version: str = Field(
        description="State of the source: index, completion time and method of the "
        "job; a changed one is read again."
    )


STRUCTURE_INDEXES = ("structure_id", "campaign", "method", "job_uuid", "formula", "x")
