"""Elastic tensors; energies at several volumes and the modulus fitted to them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lps_flows.schemas.base import Part
from lps_flows.schemas.built import PropertyResult
from lps_flows.schemas.properties import PropertyDocument

TENSOR_INDEXES = ("tensor_id", "campaign", "method", "parent", "formula_pretty")
ELASTICITY_INDEXES = ("elasticity_id", "campaign", "method", "parent", "formula")


class EOSDocument(PropertyDocument):
    """Output of the equation-of-state flow of one structure."""

    relaxed_ions: bool = Field(
        description="True when the atoms were relaxed at every volume."
    )
    volumes: list[float] = Field(description="Volumes of the cell (Å^3).")
    energies: list[float] = Field(description="Energies of the cell (eV).")


class TensorDocument(PropertyDocument):
    """Output of the elastic-tensor job of one structure."""

    tensor: list[list[float]] | None = Field(
        description="Elastic constants C_ij (GPa), shape (6, 6), in Voigt's notation "
        "and the axes of IEEE's convention; none where a cell came apart."
    )
    n_deformations: int = Field(description="Deformed cells that were relaxed.")
    residual_stress: float | None = Field(
        description="Largest component of the stress before deformation (GPa); it is "
        "taken off."
    )
    failure: str | None = Field(
        None, description="Why there is no tensor; none when there is."
    )


class Moduli(Part):
    """What an elastic tensor means for a material of many grains.

    Averages of Voigt, Reuss and Hill, Proc. Phys. Soc. A 65, 349 (1952).
    """

    bulk: float = Field(description="Bulk modulus (GPa), Hill's mean.")
    shear: float = Field(description="Shear modulus (GPa), Hill's mean.")
    young: float = Field(description="Young's modulus (GPa) from the two.")
    poisson: float = Field(description="Poisson's ratio from the two.")
    pugh: float = Field(
        description="Pugh's ratio of bulk to shear modulus; ductile above 1.75."
    )
    bounds: tuple[float, float, float, float] = Field(
        description="Reuss and Voigt bounds of the bulk modulus, then of the shear "
        "modulus (GPa)."
    )


class ElasticTensorDocument(PropertyResult):
    """Elastic tensor of one structure, and the moduli that follow from it."""

    tensor_id: str = Field(description="Job uuid of the tensor.")
    nsites: int = Field(description="Atoms in the cell.")
    tensor: list[list[float]] | None = Field(
        description="Elastic constants C_ij (GPa), shape (6, 6), as `TensorDocument`."
    )
    lowest_stiffness: float | None = Field(
        description="Lowest eigenvalue of the tensor (GPa); a structure gives way to "
        "some strain where it is not positive."
    )
    moduli: Moduli | None = Field(description="Moduli; none of what gives way.")
    n_deformations: int = Field(description="Deformed cells that were relaxed.")
    residual_stress: float | None = Field(
        description="Largest component of the stress before deformation (GPa)."
    )
    note: str | None = Field(description="Why there are no moduli.")


class ElasticityDocument(PropertyResult):
    """Bulk modulus of one structure from its equation of state."""

    elasticity_id: str = Field(description="Job uuid of the equation of state.")
    formula: str = Field(description="Full formula of the cell.")
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
