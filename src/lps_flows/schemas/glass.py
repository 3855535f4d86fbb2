"""Glasses made by melting and quenching."""

from __future__ import annotations

from pydantic import Field

from lps_flows.schemas.base import Document, StoredStructure


class MeltQuenchDocument(Document):
    """A structure that was molten and cooled, before it is relaxed."""

    method: str = Field(description="Method that gave the forces.")
    label: str = Field(description="Name of the starting structure.")
    structure: StoredStructure = Field(description="Glass at the end of the cooling.")
    start: StoredStructure = Field(description="Structure that was molten.")
    temperatures: list[float] = Field(
        description="Thermostat temperature of each step of the cooling (K)."
    )
    cooling_rate: float = Field(description="Rate of the cooling (K/ps).")
    melt_temperature: float = Field(description="Temperature of the melt (K).")
    melt_time: float = Field(description="Time in the melt (fs).")
    motifs: dict[str, float] = Field(
        default_factory=dict, description="Fraction of P in each motif in the glass."
    )
    start_motifs: dict[str, float] = Field(
        default_factory=dict, description="The same in the starting structure."
    )
    chunk_uuids: list[str] = Field(description="Jobs of the dynamics.")
    failure: str | None = Field(None, description="Why the dynamics stopped early.")
