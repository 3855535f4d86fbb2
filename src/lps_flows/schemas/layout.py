"""Versions of the layout of documents, and the names that fields had before."""

from __future__ import annotations

from collections.abc import Collection

SCHEMA_VERSION = "1.2"
READABLE_VERSIONS = ("1.0", "1.1", SCHEMA_VERSION)
"""Versions of the layout that are read: those before under their old names."""

NO_CAMPAIGN = "none"
"""What documents name as the campaign of a job outside any."""

RENAMED = {
    "chemical_system": "chemsys",
    "created_at": "last_updated",
    "decomposition": "decomposes_to",
    "e_above_hull": "energy_above_hull",
    "formation_energy": "formation_energy_per_atom",
    "formula": "formula_pretty",
    "glass_e_above_hull": "glass_energy_above_hull",
    "glass_formation_energy": "glass_formation_energy_per_atom",
    "n_atoms": "nsites",
    "reduced_formula": "formula_pretty",
    "versions": "builder_meta",
}
"""Names of versions before that gave way to emmet's, which mean the same."""


def stored_names(fields: Collection[str]) -> list[str]:
    """Return the names under which a store may hold fields."""
    return [*fields, *(old for old, new in RENAMED.items() if new in fields)]
