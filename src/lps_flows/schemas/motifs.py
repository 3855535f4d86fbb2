"""Motifs of one structure, and their trends over the lowest structures."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.base import Part
from lps_flows.schemas.built import LowestResult, StructureResult

MOTIF_INDEXES = ("structure_id", "campaign", "method", "parent", "x")
TREND_INDEXES = ("trend_id", "campaign", "method", "parent", "x")


class MotifFractions(Part):
    """Fractions of the P atoms per motif; they add to 1."""

    PS4: float = Field(description="Isolated tetrahedra PS4(3-).")
    P2S7: float = Field(description="Corner-sharing pairs P2S7(4-).")
    P2S6_edge: float = Field(description="Edge-sharing pairs P2S6(2-).")
    P2S6_PP: float = Field(description="Pairs with a P-P bond, P2S6(4-).")
    chain: float = Field(description="Links and ends of chains longer than two.")
    PS3: float = Field(
        0.0,
        description="Monomers with three S; in documents of version 0.1 they count "
        "as `other`.",
    )
    other: float = Field(description="Everything else.")


class MotifDocument(StructureResult):
    """The bond network of one structure."""

    n_formers: int = Field(description="P atoms in the cell.")
    fractions: MotifFractions = Field(description="Fraction of P per motif.")
    ps3_chain: float = Field(
        description="Fraction of P that are inner chain links: PS3(-) units with two "
        "bridging S (meta-thiophosphate)."
    )
    chain_end: float = Field(
        description="Fraction of P that end a chain: one bridging S."
    )
    chain_lengths: list[int] = Field(
        description="P per chain longer than two, in the cell, descending."
    )
    endless_chain: float = Field(
        description="Fraction of P in chains that never end in the periodic cell."
    )
    bridging: float = Field(description="Fraction of S bonded to two or more P.")
    terminal: float = Field(description="Fraction of S bonded to one P.")
    free: float = Field(description="Fraction of S bonded to no P.")
    undercoordinated: float = Field(
        description="Fraction of P with fewer than four neighbours (S and P)."
    )
    bridge_distribution: dict[str, float] = Field(
        description="Connectivity: fraction of P by its number of bridging S."
    )
    anion_sizes: dict[str, int] = Field(
        description="Number of anions in the cell by the number of their P."
    )
    near_cutoff: int = Field(
        description="P-S and P-P pairs within 0.1 Å of their cutoff. Where there are "
        "many, the first minimum of the RDF is the better cutoff."
    )
    settings: dict[str, Any] = Field(description="Elements and cutoffs.")


class MotifTrendDocument(LowestResult):
    """Average over the lowest structures of one composition from one parent."""

    trend_id: str = Field(description="'campaign|method|parent|formula'.")
    mean: MotifFractions = Field(description="Mean fraction per motif.")
    std: MotifFractions = Field(description="Standard deviation per motif.")
    free: float = Field(description="Mean fraction of S bonded to no P.")
    bridging: float = Field(description="Mean fraction of bridging S.")
    terminal: float = Field(description="Mean fraction of terminal S.")
    undercoordinated: float = Field(description="Mean fraction.")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Elements, cutoffs and number of structures."
    )

    @property
    def elements(self) -> tuple[str, str]:
        """Former and ligand; P and S in documents of before, which do not say it."""
        former, ligand = (self.settings.get(k) for k in ("former", "ligand"))
        return former or "P", ligand or "S"
