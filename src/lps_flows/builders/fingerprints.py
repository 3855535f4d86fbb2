"""Fingerprints of every structure."""

from __future__ import annotations

from typing import Any

from pymatgen.core import Structure

from lps_flows.analysis import FingerprintSettings, structure_fingerprint
from lps_flows.builders.increment import (
    PerStructureBuilder,
    elements_of,
    head_facts,
    plain,
)
from lps_flows.schemas.fingerprints import FINGERPRINT_INDEXES, FingerprintDocument


def fingerprint_id(structure_id: str, element: str | None) -> str:
    """Return the id of a structure's fingerprint by one element's atoms."""
    return f"{structure_id}|{element or 'all'}"


def fingerprint_document(
    record: dict[str, Any], settings: FingerprintSettings, source: str
) -> FingerprintDocument:
    """Return the fingerprint document of one structure.

    Parameters
    ----------
    record
        A document of the ``structures`` collection.
    settings
        Element, moments and descriptor.
    source
        Digest to write on it.
    """
    structure = Structure.from_dict(record["structure"])
    vector = structure_fingerprint(structure, settings=settings)
    return FingerprintDocument(
        **head_facts(record),
        source_digest=source,
        fingerprint_id=fingerprint_id(record["structure_id"], settings.element),
        element=settings.element,
        formula=structure.composition.reduced_formula,
        fingerprint=[float(value) for value in vector],
        settings=plain(settings),
    )


class FingerprintBuilder(PerStructureBuilder):
    """One fingerprint per relaxed structure, by one element's atoms or by all.

    Structures without the element, or with elements the descriptor does not know,
    have none. Parameters as `PerStructureBuilder`, with `FingerprintSettings`.
    """

    key = "fingerprint_id"
    indexes = FINGERPRINT_INDEXES
    settings_type = FingerprintSettings
    settings: FingerprintSettings

    def scope(self) -> dict[str, Any]:
        """Return the filter of the fingerprints by this element."""
        return {**super().scope(), "element": self.settings.element}

    def applies(self, head: dict[str, Any]) -> bool:
        """Return True when the descriptor knows all elements and finds its own."""
        elements = elements_of(head["formula"])
        wanted = self.settings.element
        return elements <= set(self.settings.species) and (
            wanted is None or wanted in elements
        )

    def identifier(self, structure_id: str) -> str:
        """Return the id of a structure's fingerprint."""
        return fingerprint_id(structure_id, self.settings.element)

    def documents(self, record: dict[str, Any], source: str) -> list[dict[str, Any]]:
        """Return the fingerprint document of one structure.

        Parameters
        ----------
        record
            The structure's document.
        source
            Digest to write on it.
        """
        return [fingerprint_document(record, self.settings, source).model_dump()]
