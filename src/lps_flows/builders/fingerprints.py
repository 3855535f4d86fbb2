"""Fingerprints of every structure."""

from __future__ import annotations

from typing import Any

from lps_flows.analysis import FingerprintSettings
from lps_flows.analysis.classes import (
    fingerprint_document,
    fingerprint_id,
    has_fingerprint,
)
from lps_flows.builders.increment import PerStructureBuilder
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.fingerprints import FINGERPRINT_INDEXES, FingerprintDocument


class FingerprintBuilder(PerStructureBuilder):
    """One fingerprint per relaxed structure, by one element's atoms or by all.

    Structures without the element, or with elements the descriptor does not know,
    have none. Parameters as `IncrementalBuilder`, with `FingerprintSettings`.
    """

    key = "fingerprint_id"
    indexes = FINGERPRINT_INDEXES
    settings_type = FingerprintSettings

    def on_line(self, settings: Any) -> Any:
        """Return the settings with the line's elements."""
        return settings.on(self.line)

    def scope(self) -> dict[str, Any]:
        """Return the filter of the fingerprints by this element."""
        return {**super().scope(), "element": self.settings.element}

    def applies(self, formula: str) -> bool:
        """Return True when the descriptor knows all elements and finds its own."""
        return has_fingerprint(formula, self.settings)

    def identifier(self, structure_id: str) -> str:
        """Return the id of a structure's fingerprint."""
        return fingerprint_id(structure_id, self.settings.element)

    def document(self, record: StructureRecord, source: str) -> FingerprintDocument:
        """Return the fingerprint document of one structure."""
        return fingerprint_document(record, self.settings, source=source)
