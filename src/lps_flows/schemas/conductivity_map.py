"""Conductivity over composition and structure: the relationship a campaign maps."""

from __future__ import annotations

from pydantic import Field

from lps_flows.schemas.base import Part
from lps_flows.schemas.built import BuiltDocument

MAP_INDEXES = ("map_id", "campaign", "method", "dynamics_method")


class ConductivityPoint(Part):
    """One structure that went into molecular dynamics, and what it conducts."""

    label: str = Field(description="Crystal key, or 'gc-' and the reduced formula.")
    formula_pretty: str = Field(description="Reduced formula.")
    x: float = Field(description="Position on the line.")
    source: str = Field(description="How the structure was made.")
    parent: str | None = Field(description="Crystal it descends from.")
    class_label: int | None = Field(description="Class; none before there are classes.")
    nearest: str | None = Field(
        description="Most similar crystal, 'none' when it is similar to none."
    )
    activation_energy: float | None = Field(description="Activation energy (eV).")
    conductivity: float | None = Field(
        description="Conductivity at the reference temperature (S/cm)."
    )
    conductivity_interval: tuple[float, float] | None = Field(
        description="Its 68 % interval (S/cm)."
    )
    conductivity_intact: float | None = Field(
        description="The same from the runs alone whose framework survived (S/cm)."
    )
    trusted: bool = Field(
        description="True when all used runs were diffusive and their framework intact."
    )
    why_not: str = Field(description="Why it is not trusted; empty when it is.")
    structure_id: str = Field(description="The structure.")
    transport_id: str = Field(description="Job that brought its runs together.")


class ConductivityMapDocument(BuiltDocument):
    """Conductivity over x, with parent and class, by one method of the dynamics."""

    map_id: str = Field(
        description="'campaign|method|dynamics_method|reference_temperature'."
    )
    dynamics_method: str = Field(description="Method that moved the atoms.")
    reference_temperature: float = Field(description="Temperature of all values (K).")
    element: str | None = Field(
        description="Element of the fingerprints that the classes rest on."
    )
    points: list[ConductivityPoint] = Field(
        description="One value of every structure, ascending in x: of several one that "
        "is trusted, then the newest."
    )
