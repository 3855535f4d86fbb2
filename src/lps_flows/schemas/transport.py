"""From several runs to a conductivity."""

from __future__ import annotations

from pydantic import Field

from lps_flows.schemas.base import CalculationDocument, Part, StoredStructure
from lps_flows.schemas.composition import CompositionFacts

TRANSPORT_INDEXES = ("transport_id", "campaign", "method", "label", "structure_id")
"""Fields indexed in the ``transport`` collection."""


class RunSummary(Part):
    """What the Arrhenius fit and the figures need of one run."""

    run_uuid: str = Field(description="Job of the run's document.")
    temperature: float = Field(description="Thermostat temperature (K).")
    mean_temperature: float | None = Field(
        None, description="Mean kinetic temperature (K)."
    )
    production: float = Field(description="Production that was analysed (fs).")
    D: float | None = Field(None, description="Tracer diffusivity (cm^2/s).")
    interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval (cm^2/s)."
    )
    haven_ratio: float | None = Field(None, description="Haven ratio.")
    haven_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval."
    )
    charge_D: float | None = Field(  # noqa: N815 - the symbol
        None, description="Charge diffusivity, where it is diffusive (cm^2/s)."
    )
    charge_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval (cm^2/s)."
    )
    used: bool = Field(description="True when the run entered the Arrhenius fit.")
    reason: str = Field(description="Why not, or how the linear regime was found.")
    framework_survived: bool | None = Field(
        None, description="False when units of the framework broke."
    )
    framework_lost: float | None = Field(
        None, description="Fraction of the network former that lost a ligand."
    )
    framework_condensed: float | None = Field(
        None, description="Fraction that condensed with a neighbour, losing none."
    )
    lags: list[float] = Field(default_factory=list, description="Lags (fs).")
    msd: list[float] = Field(
        default_factory=list, description="MSD of the mobile ions (Å^2)."
    )
    msd_std: list[float] = Field(
        default_factory=list, description="Its standard deviation (Å^2)."
    )
    start: float | None = Field(None, description="Start of the linear regime (fs).")


class TransportDocument(CalculationDocument, CompositionFacts):
    """Conductivity of one structure by one method."""

    method: str = Field(description="Method that gave the forces.")
    label: str = Field(description="Name of the structure.")
    structure: StoredStructure = Field(
        description="Cell of the dynamics; the relaxed one where each temperature had "
        "a cell of its own."
    )
    formula: str = Field(description="Full formula of the cell.")
    x: float | None = Field(None, description="Position on the composition line.")
    nsites: int = Field(description="Number of atoms.")
    mobile: str = Field(description="Mobile element.")
    number_density: float = Field(
        description="Mobile ions per volume of this cell (Å^-3); `conductivities` are "
        "from the cells of their own runs."
    )
    runs: list[RunSummary] = Field(description="One entry per temperature.")
    activation_energy: float | None = Field(
        None, description="Activation energy (eV); none when no line could be fitted."
    )
    activation_energy_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval (eV)."
    )
    prefactor: float | None = Field(None, description="D0 (cm^2/s).")
    covariance: list[list[float]] | None = Field(
        None, description="Covariance of (ln D0, Ea), shape (2, 2)."
    )
    chi_square_per_freedom: float | None = Field(
        None, description="Misfit of the Arrhenius line."
    )
    reference_temperature: float = Field(
        300.0, description="Temperature of `conductivity` (K)."
    )
    conductivity: float | None = Field(
        None,
        description="Nernst-Einstein conductivity at the reference temperature (S/cm).",
    )
    conductivity_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval (S/cm)."
    )
    conductivities: dict[str, float] = Field(
        default_factory=dict,
        description="Nernst-Einstein conductivity at each simulated temperature "
        "(S/cm), by temperature in K.",
    )
    conductivity_intact: float | None = Field(
        None,
        description="`conductivity` from the runs alone whose framework survived "
        "(S/cm); none when a line needs more of them.",
    )
    conductivity_intact_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval (S/cm)."
    )
    conductivity_collective: float | None = Field(
        None,
        description="Conductivity at the reference temperature from the charge "
        "diffusivities, with the correlation of ions (S/cm); none when fewer than two "
        "temperatures give one.",
    )
    conductivity_collective_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval (S/cm)."
    )
    haven_ratio: float | None = Field(
        None, description="Geometric mean over the used runs that give one, by weight."
    )
    haven_ratio_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval."
    )
    framework_survived: bool | None = Field(
        None, description="False when units of the framework broke in a used run."
    )
    trusted: bool = Field(
        default_factory=lambda known: (
            known["conductivity"] is not None
            and known["framework_survived"] is True
            and (known["activation_energy"] is None or known["activation_energy"] > 0)
        ),
        description="True when the conductivity may rank candidates: from diffusive "
        "runs, in all of which the framework stayed intact, and rising with "
        "temperature.",
    )
    warnings: list[str] = Field(
        default_factory=list, description="What to bear in mind with these numbers."
    )
    n_evaluations: int | None = Field(
        None,
        description="Reference evaluations that guarding its dynamics asked for; none "
        "where nothing guarded them.",
    )
    n_retrained: int | None = Field(
        None, description="Times the potential was trained on them."
    )


class TransportRecord(TransportDocument):
    """A transport document as the ``transport`` collection keeps it."""

    transport_id: str = Field(description="Job that wrote the document.")
    campaign: str = Field(description="Campaign it belongs to.")
    structure_id: str | None = Field(
        None, description="Document of the structure in the ``structures`` collection."
    )
    source_digest: str = Field(description="Digest of what it was made from.")
