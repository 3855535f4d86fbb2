"""Fingerprint of one structure."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.built import BuiltDocument

FINGERPRINT_INDEXES = ("fingerprint_id", "structure_id", "campaign", "method")


class FingerprintDocument(BuiltDocument):
    """Moments of the atomic Chebyshev vectors of one structure (Eq. 2)."""

    fingerprint_id: str = Field(description="'structure_id|element', or '|all'.")
    structure_id: str = Field(description="The structure.")
    element: str | None = Field(
        description="Element whose atoms count, none for all atoms."
    )
    formula: str = Field(description="Reduced formula.")
    x: float | None = Field(description="Position on the line.")
    source: str = Field(description="How the structure was made.")
    parent: str | None = Field(description="Crystal it descends from.")
    energy_per_atom: float = Field(description="Energy (eV/atom).")
    fingerprint: list[float] = Field(description="F, shape (moments n_features,).")
    settings: dict[str, Any] = Field(description="Descriptor and moments.")
