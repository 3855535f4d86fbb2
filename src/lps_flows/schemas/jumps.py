"""How the mobile ions of one run moved: sites, jumps, barriers, turning of units."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.base import Document, Part, StoredStructure
from lps_flows.schemas.composition import CompositionFacts

JUMP_INDEXES = ("jump_id", "campaign", "method", "label", "temperature")


class SitePair(Part):
    """Jumps from one site to another.

    Examples
    --------
    >>> SitePair(start=0, end=3, length=2.9, n_jumps=12, rate=0.4).length
    2.9
    """

    start: int = Field(description="Site that is left, its place in `sites`.")
    end: int = Field(description="Site that is reached.")
    length: float = Field(description="Distance of the two (Å).")
    n_jumps: int = Field(description="Jumps that way.")
    rate: float = Field(
        description="Jumps that way per time that the start was occupied (1/ps)."
    )


class Turning(Part):
    """Whether units of the framework turn when an ion jumps beside them.

    Examples
    --------
    >>> Turning(window=100, at_jumps=9, overall=6, ratio=1.5, ratio_error=.1).ratio
    1.5
    """

    window: float = Field(description="Time over which a unit turns (fs).")
    at_jumps: float = Field(
        description="Mean angle of the unit nearest to a jump, around it (degrees)."
    )
    overall: float = Field(
        description="Mean angle of the same units at all times (degrees)."
    )
    ratio: float = Field(description="The one over the other; 1 without a connection.")
    ratio_error: float = Field(description="Standard error of the ratio.")


class JumpAnalysis(Part):
    """What one trajectory says of the jumps of its mobile ions.

    Examples
    --------
    >>> JumpAnalysis(
    ...     n_ions=4, sites=[[0, 0, 0]], n_jumps=0, rate=0.0, rate_error=0.0,
    ...     mean_length=None, residence=None, dimensions=0, pairs=[], barriers=[],
    ... ).dimensions
    0
    """

    n_ions: int = Field(description="Mobile ions.")
    sites: list[list[float]] = Field(
        description="Sites, fractional coordinates, shape (n_sites, 3): maxima of the "
        "density of the ions."
    )
    n_jumps: int = Field(description="Jumps between different sites.")
    rate: float = Field(description="Jumps per ion and time (1/ps).")
    rate_error: float = Field(
        description="Its standard error (1/ps), from the differences between ions."
    )
    mean_length: float | None = Field(description="Mean length of a jump (Å).")
    residence: float | None = Field(
        description="Mean time on a site (ps): all time on sites per jump, so that "
        "stays cut off by the ends of the run count with their share."
    )
    dimensions: int = Field(
        description="Independent directions in which the network of jumps runs through "
        "the crystal without end (0 to 3)."
    )
    pairs: list[SitePair] = Field(description="Pairs of sites, most jumps first.")
    barriers: list[float | None] = Field(
        description="Free energy to be climbed from the most visited place to its "
        "image along each cell vector (eV); none where no ion was seen on the way."
    )
    turning: Turning | None = Field(
        None, description="Turning of the units; none without units or jumps."
    )


class JumpDocument(Document, CompositionFacts):
    """The jumps of one run at one temperature."""

    jump_id: str = Field(description="Job of the run.")
    campaign: str = Field(description="Campaign it belongs to.")
    method: str = Field(description="Method that gave the forces.")
    source_digest: str = Field(description="Digest of what it was made from.")
    label: str = Field(description="Name of the structure.")
    formula: str = Field(description="Full formula of the cell.")
    temperature: float = Field(description="Thermostat temperature (K).")
    mobile: str = Field(description="Mobile element.")
    production: float = Field(description="Length of the run (fs).")
    structure: StoredStructure = Field(description="Structure the run started from.")
    analysis: JumpAnalysis | None = Field(description="None when it was refused.")
    note: str | None = Field(description="Why it was refused.")
    settings: dict[str, Any] = Field(description="Settings of the analysis.")
