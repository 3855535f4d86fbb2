"""Energies at several volumes, and the bulk modulus fitted to them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.base import Document
from lps_flows.schemas.built import BuiltDocument
from lps_flows.schemas.structure import Provenance

ELASTICITY_INDEXES = ("elasticity_id", "campaign", "method", "parent", "formula")


class EOSDocument(Document):
    """Output of the equation-of-state flow of one structure."""

    method: str = Field(description="Reference method of the energies.")
    provenance: Provenance = Field(description="Where the structure comes from.")
    formula: str = Field(description="Full formula of the cell.")
    x: float | None = Field(description="Position on the line.")
    nsites: int = Field(ge=1, description="Atoms in the cell.")
    relaxed_ions: bool = Field(
        description="True when the atoms were relaxed at every volume."
    )
    volumes: list[float] = Field(description="Volumes of the cell (Å^3).")
    energies: list[float] = Field(description="Energies of the cell (eV).")
    n_evaluations: int | None = Field(
        None,
        description="Evaluations of energy and forces by `method`; none in documents "
        "of before.",
    )


class ElasticityDocument(BuiltDocument):
    """Bulk modulus of one structure from its equation of state."""

    elasticity_id: str = Field(description="Job uuid of the equation of state.")
    formula: str = Field(description="Full formula of the cell.")
    x: float | None = Field(description="Position on the line.")
    source: str = Field(description="How the structure was made.")
    parent: str | None = Field(description="Crystal it is or descends from.")
    relaxed_ions: bool = Field(
        description="True when the atoms were relaxed at every volume."
    )
    volumes: list[float] = Field(description="Volumes (Å^3/atom).")
    energies: list[float] = Field(description="Energies (eV/atom).")
    bulk_modulus: float | None = Field(description="B0 (GPa), none when the fit fails.")
    bulk_modulus_error: float | None = Field(description="Its standard error (GPa).")
    pressure_derivative: float | None = Field(description="B0' (dimensionless).")
    volume: float | None = Field(description="Volume at zero pressure (Å^3/atom).")
    rmse: float | None = Field(description="Residual of the fit (eV/atom).")
    trusted: bool = Field(
        description="True when the minimum is bracketed and the error is small enough."
    )
    note: str | None = Field(description="Why the fit is missing or not trusted.")
    settings: dict[str, Any] = Field(description="Strains and thresholds.")
