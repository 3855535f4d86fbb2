"""Partial radial distribution functions of one composition from one parent."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.arrays import Floats
from lps_flows.schemas.base import Part
from lps_flows.schemas.built import LowestResult

RDF_INDEXES = ("rdf_id", "campaign", "method", "parent", "x")


class PartialDistribution(Part):
    """Radial distribution of one pair of elements, averaged over structures.

    Examples
    --------
    >>> PartialDistribution(
    ...     pair=("P", "S"), r=[2.0, 2.1], g=[0.5, 3.0], first_peak=2.1,
    ...     first_minimum=2.6, coordination=4.0, reverse_coordination=1.0,
    ... ).g.tolist()
    [0.5, 3.0]
    """

    pair: tuple[str, str] = Field(description="Central and neighbour element.")
    r: Floats = Field(description="Centres of the bins (Å).")
    g: Floats = Field(description="g(r), smoothed; tends to 1 at large distances.")
    running_coordination: Floats | None = Field(
        None,
        exclude=True,
        description="Neighbours of a central atom closer than the outer edge of each "
        "bin; not stored.",
    )
    first_peak: float | None = Field(
        description="First maximum (Å), none when the pair has none."
    )
    first_minimum: float | None = Field(description="First minimum after it (Å).")
    coordination: float | None = Field(
        description="Neighbours of the central element up to the first minimum."
    )
    reverse_coordination: float | None = Field(
        description="Central atoms around a neighbour atom up to the same distance."
    )

    def scaled(self) -> list[float]:
        """Return g(r) with its maximum at 1.1, so that curves can be stacked by 1."""
        highest = max([*self.g, 1e-12])
        return [1.1 * g / highest for g in self.g]


class RDFDocument(LowestResult):
    """Average over the lowest structures of one composition from one parent."""

    rdf_id: str = Field(description="'campaign|method|parent|formula'.")
    partials: list[PartialDistribution] = Field(
        description="One per pair of elements present."
    )
    settings: dict[str, Any] = Field(description="Grid and smoothing.")

    def partial(self, pair: tuple[str, str]) -> PartialDistribution | None:
        """Return the distribution of a pair of elements, in whichever order."""
        wanted = sorted(pair)
        return next((p for p in self.partials if sorted(p.pair) == wanted), None)
