"""What a diffractometer would show of one composition from one parent."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lps_flows.schemas.arrays import Floats
from lps_flows.schemas.base import Part
from lps_flows.schemas.built import LowestResult

SCATTERING_INDEXES = ("scattering_id", "campaign", "method", "parent", "x")

Radiation = Literal["neutron", "xray"]


class Pattern(Part):
    """Structure factor and pair distribution by one radiation."""

    radiation: Radiation = Field(description="'neutron' or 'xray'.")
    s: Floats = Field(description="S(Q) of Faber and Ziman; tends to 1.")
    g: Floats = Field(description="Reduced pair distribution G(r) (1/Å²).")


class PowderLine(Part):
    """One line of a powder pattern."""

    two_theta: float = Field(description="Scattering angle (degrees).")
    d: float = Field(description="Distance of the planes (Å).")
    intensity: float = Field(description="Intensity, the strongest being 100.")
    hkl: str = Field(description="Reflection, or the first of several.")


class ScatteringDocument(LowestResult):
    """Average over the lowest structures of one composition from one parent."""

    scattering_id: str = Field(description="'campaign|method|parent|formula'.")
    q: Floats = Field(description="Momentum transfer (1/Å).")
    r: Floats = Field(description="Distance (Å).")
    patterns: list[Pattern] = Field(
        description="One per radiation; none by which the elements scatter to nothing."
    )
    lines: list[PowderLine] = Field(
        description="X-ray powder lines of a crystal, ascending in angle; empty for "
        "glass-ceramic structures."
    )
    settings: dict[str, Any] = Field(description="Grids, cutoffs and wavelength.")

    def pattern(self, radiation: Radiation) -> Pattern | None:
        """Return the pattern by a radiation."""
        return next((p for p in self.patterns if p.radiation == radiation), None)
