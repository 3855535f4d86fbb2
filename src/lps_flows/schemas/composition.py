"""What documents of a composition say of it, in emmet's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lps_flows.chemistry import composition_of, reduced_formula
from lps_flows.schemas.base import Stored


def _formula(text: str) -> str:
    if not composition_of(text):
        raise ValueError("no formula")
    return text


class CompositionFacts(Stored):
    """Base of documents of a structure or composition.

    All of it follows from `formula_pretty`, and that from a full `formula` where a
    document has one; it is stored so that a database can be searched by it.
    """

    formula_pretty: Annotated[str, AfterValidator(_formula)] = Field(
        "", validate_default=True, description="Reduced formula."
    )
    composition_reduced: dict[str, float] = Field(
        default_factory=lambda known: composition_of(known["formula_pretty"]).as_dict(),
        description="Atoms of the reduced formula, by element.",
    )
    chemsys: str = Field(
        default_factory=lambda known: (
            composition_of(known["formula_pretty"]).chemical_system
        ),
        description="Elements in alphabetical order, 'Li-P-S'.",
    )

    @classmethod
    def renamed(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was given under today's names, with the reduced formula."""
        now = super().renamed(stored)
        if "formula_pretty" not in now and isinstance(now.get("formula"), str):
            now["formula_pretty"] = reduced_formula(now["formula"])
        return now
