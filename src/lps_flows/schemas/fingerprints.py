"""Fingerprint of one structure."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.built import StructureResult

FINGERPRINT_INDEXES = ("fingerprint_id", "structure_id", "campaign", "method")


class FingerprintDocument(StructureResult):
    """Moments of the atomic Chebyshev vectors of one structure (Eq. 2)."""

    fingerprint_id: str = Field(description="'structure_id|element', or '|all'.")
    element: str | None = Field(
        description="Element whose atoms count, none for all atoms."
    )
    fingerprint: list[float] = Field(description="F, shape (moments n_features,).")
    settings: dict[str, Any] = Field(description="Descriptor and moments.")
