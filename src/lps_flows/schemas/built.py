"""What documents written by builders carry, and what they are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field

from lps_flows.chemistry import full_formula
from lps_flows.schemas.base import Document
from lps_flows.schemas.composition import CompositionFacts
from lps_flows.schemas.layout import NO_CAMPAIGN
from lps_flows.schemas.structure import (
    Provenance,
    Source,
    StructureDocument,
    StructureFacts,
)

if TYPE_CHECKING:
    from pymatgen.entries.computed_entries import ComputedEntry

# Ways of making structures whose parent is what they are, another ordering of its
# sites included.
_NAMED = ("crystal", "user")


class StructureHead(StructureFacts):
    """A structure of a campaign without its atoms: what hulls and groups need."""

    structure_id: str = Field(
        description="Job uuid; with '-i' for entry i of a set of structures."
    )
    campaign: str = Field(
        NO_CAMPAIGN, description="Campaign of the job, 'none' outside any."
    )
    flow_uuid: str | None = Field(
        None,
        description="Outermost flow of the job: each run of a campaign is one of its "
        "own. None in documents of older versions.",
    )
    version: str = Field(
        "",
        description="State of the source: index, completion time and method of the "
        "job; a changed one is read again.",
    )

    @classmethod
    def of_entry(cls, entry: StructureHead | ComputedEntry) -> StructureHead:
        """Return the head of a structure that pymatgen or others computed.

        Its energy is the corrected one, its method the ``run_type``; without an id of
        its own it is known by formula and energy. A head is returned as it is.
        """
        if isinstance(entry, StructureHead):
            return entry
        composition = entry.composition.element_composition
        facts = {key: entry.data.get(key) for key in ("source", "parent")}
        if facts["source"] not in get_args(Source):
            facts["source"] = "crystal"
        return StructureHead(
            structure_id=str(entry.entry_id or f"{entry.formula} {entry.energy}"),
            method=str(entry.parameters.get("run_type") or "unknown"),
            provenance=Provenance.model_validate(facts),
            formula=full_formula(composition),
            nsites=round(composition.num_atoms),
            energy=float(entry.energy),
            energy_per_atom=float(entry.energy_per_atom),
            relaxed=bool(entry.data.get("relaxed", True)),
            converged=bool(entry.data.get("converged", True)),
        )


class StructureRecord(StructureDocument, StructureHead):
    """One document of the ``structures`` collection."""

    stage: str | None = Field(None, description="Stage of the campaign.")
    job_uuid: str = Field("", description="Job that computed it.")
    job_index: int = Field(1, description="Index of that job.")


STRUCTURE_INDEXES = ("structure_id", "campaign", "method", "job_uuid", "formula", "x")


class BuiltDocument(Document):
    """Base of builder documents: whose data, and from which state of it."""

    campaign: str = Field(description="Campaign the structures belong to.")
    method: str = Field(description="Reference method of the structures.")
    source_digest: str = Field(
        description="Fingerprint of sources and settings; equal means up to date."
    )


class StructureResult(BuiltDocument, CompositionFacts):
    """Base of documents about one structure."""

    structure_id: str = Field(description="The structure.")
    x: float | None = Field(description="Position on the line, none off it.")
    source: str = Field(description="How the structure was made.")
    parent: str | None = Field(description="Crystal it descends from.")
    energy_per_atom: float = Field(description="Energy (eV/atom).")


class PropertyResult(BuiltDocument, CompositionFacts):
    """Base of documents about a property that was computed of one structure."""

    x: float | None = Field(description="Position on the line, none off it.")
    source: str = Field(description="How the structure was made.")
    parent: str | None = Field(description="Crystal it is or descends from.")

    @property
    def label(self) -> str:
        """Crystal key; of a glass-ceramic structure 'gc-' and the reduced formula."""
        if self.source == "crystal":
            return self.parent or self.formula_pretty
        return f"gc-{self.formula_pretty}"


class PlacedResult(StructureResult):
    """Base of documents about one structure of a phase diagram."""

    glass: bool = Field(description="True for a glass-ceramic structure.")

    @property
    def label(self) -> str:
        """Crystal key; of a glass-ceramic structure 'gc-' and the reduced formula.

        What was made out of a crystal, by removing units say, is not that crystal: it
        goes by its reduced formula alone.
        """
        if self.glass:
            return f"gc-{self.formula_pretty}"
        return self.crystal or self.formula_pretty

    @property
    def crystal(self) -> str | None:
        """Key of the crystal that the structure is; none for what descends from one."""
        return self.parent if self.source in _NAMED else None


def facts_of(head: StructureHead) -> dict[str, Any]:
    """Return the fields of a `StructureResult` that repeat what the structure says."""
    return {
        "structure_id": head.structure_id,
        "campaign": head.campaign,
        "method": head.method,
        "formula_pretty": head.formula_pretty,
        "x": head.x,
        "source": head.provenance.source,
        "parent": head.provenance.parent,
        "energy_per_atom": head.energy_per_atom,
    }


class LowestResult(BuiltDocument, CompositionFacts):
    """Base of averages over the lowest structures of a composition from one parent."""

    x: float | None = Field(description="Position on the line.")
    parent: str | None = Field(description="Crystal the structures descend from.")
    n_structures: int = Field(description="Structures averaged (the lowest).")
    structure_ids: list[str] = Field(description="Their ids, lowest first.")


def facts_of_lowest(members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of a `LowestResult` over structures with these facts."""
    shared = ("campaign", "method", "formula_pretty", "x", "parent")
    return {
        **{field: members[0][field] for field in shared},
        "n_structures": len(members),
        "structure_ids": [member["structure_id"] for member in members],
    }
