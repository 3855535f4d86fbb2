"""Molecular dynamics: the chunks of a run, and what the whole run says."""

from __future__ import annotations

from pydantic import Field

from lps_flows.schemas.arrays import Floats, PackedArray
from lps_flows.schemas.base import CalculationDocument, Part, StoredStructure
from lps_flows.schemas.composition import CompositionFacts


class MDState(Part):
    """Everything that a continuation needs, in double precision."""

    positions: PackedArray = Field(
        description="Unwrapped positions, shape (n_atoms, 3) (Å)."
    )
    momenta: PackedArray = Field(
        description="Momenta, shape (n_atoms, 3) (ASE units, sqrt(eV amu))."
    )
    thermostat_positions: PackedArray = Field(
        description="Thermostat variables eta of the Nosé-Hoover chain, shape (n,)."
    )
    thermostat_momenta: PackedArray = Field(
        description="Momenta of the thermostat variables, shape (n,) (ASE units)."
    )


class MDFrames(Part):
    """Frames of one chunk; kept in the `data` store."""

    steps: PackedArray = Field(description="Step of each frame in the whole run.")
    positions: PackedArray | None = Field(
        None,
        description="Unwrapped positions, shape (n_frames, n_atoms, 3) (Å, single "
        "precision); none of an equilibration that ended well.",
    )
    temperatures: PackedArray = Field(description="Kinetic temperature (K).")
    potential_energies: PackedArray = Field(description="Potential energy (eV).")
    conserved_energies: PackedArray = Field(
        description="Energy of atoms and thermostat, constant but for the error of "
        "the integration (eV); NaN where the engine does not give it."
    )


class MDChunkDocument(CalculationDocument):
    """One chunk of a molecular dynamics run: the work of one job."""

    method: str = Field(description="Method that gave the forces.")
    label: str = Field(description="Name of the structure.")
    temperature: float = Field(description="Thermostat temperature (K).")
    time_step: float = Field(description="Time step (fs).")
    first_step: int = Field(description="Steps of the run done before this chunk.")
    last_step: int = Field(description="Steps of the run done after this chunk.")
    n_frames: int = Field(description="Frames in this chunk.")
    last_stored: int | None = Field(
        None,
        description="Step of the last stored frame, here or in a chunk before, for "
        "engines with jobs of their own: it may not be stored again.",
    )
    equilibration: bool = Field(
        description="True when its frames are no part of the production."
    )
    structure: StoredStructure = Field(
        description="End of the chunk; site property 'velocities' in Å/fs."
    )
    dir_name: str | None = Field(
        None, description="Run directory, for engines that continue from files."
    )
    state: MDState | None = Field(
        None, description="State for the next chunk; none after a failure."
    )
    frames: MDFrames | None = Field(None, description="Frames; none after a failure.")
    wall_time: float = Field(0.0, description="Wall time of the chunk (s).")
    n_evaluations: int | None = Field(
        None,
        description="Evaluations of energy and forces by `method`; none in documents "
        "of before.",
    )
    failure: str | None = Field(
        None, description="Why the dynamics stopped early; none when it did not."
    )


class ThermalCellDocument(CalculationDocument):
    """A structure in its mean cell at a temperature and no pressure."""

    method: str = Field(description="Method that gave forces and stress.")
    label: str = Field(description="Name of the structure.")
    temperature: float = Field(description="Thermostat temperature (K).")
    duration: float = Field(description="Length of the run (fs).")
    relaxed_volume: float = Field(description="Volume of the relaxed cell (Å^3).")
    volume: float | None = Field(
        description="Mean volume at temperature (Å^3); none when the run came apart."
    )
    volume_error: float | None = Field(description="Its standard error (Å^3).")
    structure: StoredStructure = Field(
        description="The structure given, in a cell of the mean volume, or in its own."
    )
    remarks: list[str] = Field(
        default_factory=list, description="What the run's document says of its cell."
    )
    failure: str | None = Field(
        None, description="Why there is no such cell; none when there is."
    )


class FrameworkSurvival(Part):
    """Whether the anions of the network former lived through the run."""

    times: list[float] = Field(description="Times looked at (fs).")
    motifs: dict[str, list[float]] = Field(
        description="Fraction of the network former in each motif at these times."
    )
    reference: dict[str, float] = Field(
        description="The same fractions in the structure the run started from."
    )
    changed: float = Field(
        description="Largest change of any fraction, averaged over a quarter of the "
        "run, against the start (0 to 1)."
    )
    lost: float | None = Field(
        None,
        description="Fraction of the network former that has lost a ligand it was "
        "bonded to at the start, largest mean over a quarter of the run (0 to 1); none "
        "in documents from before version 0.2.",
    )
    condensed: float | None = Field(
        None,
        description="Fraction that has lost none and shares more ligands, or touches "
        "more of its kind, than at the start: the same mean.",
    )
    survived: bool = Field(
        description="True when `lost` is below the threshold (`changed` in documents "
        "without it)."
    )


class Diffusivity(Part):
    """Diffusion coefficient of one kind of atom from one trajectory.

    Examples
    --------
    >>> Diffusivity(
    ...     D=1e-5, interval=(9e-6, 1.1e-5), interval_95=(8e-6, 1.2e-5), diffusive=True,
    ...     reason="linear from 200 fs on", start=200.0, intercept=0.4,
    ...     lags=[100, 200], msd=[1.0, 1.6], msd_std=[0.1, 0.2],
    ... ).msd.tolist()
    [1.0, 1.6]
    """

    D: float = Field(description="Diffusion coefficient (cm^2/s), not below zero.")
    interval: tuple[float, float] = Field(
        description="Central interval of 68.3 % (cm^2/s): it holds the truth in about "
        "two of three repetitions."
    )
    interval_95: tuple[float, float] = Field(
        description="Central interval of 95 % (cm^2/s)."
    )
    diffusive: bool = Field(
        description="True when D may be used; False for a plateau, a curve or too few "
        "jumps."
    )
    reason: str = Field(description="Why not, or how the linear regime was found.")
    start: float = Field(description="Lag at which the linear regime starts (fs).")
    fit_probability: float | None = Field(
        None, description="Probability of a worse straight line, given its covariance."
    )
    lags: Floats = Field(description="Lags of the MSD (fs), shape (n,).")
    msd: Floats = Field(description="Mean-squared displacement (Å^2), shape (n,).")
    msd_std: Floats = Field(description="Its standard deviation (Å^2), shape (n,).")
    intercept: float = Field(
        description="Intercept of the straight line (Å^2), 6 times the vibrational "
        "variance."
    )
    exponent: float | None = Field(
        None,
        description="Power of time with which the MSD grows in its linear regime; "
        "below 0.8 nothing is decided.",
    )
    n_jumps: float | None = Field(
        None, description="Jumps of all ions in the run, when a jump length was given."
    )
    warnings: list[str] = Field(default_factory=list, description="Caveats.")


class MDRunDocument(CalculationDocument, CompositionFacts):
    """One run at one temperature, analysed."""

    method: str = Field(description="Method that gave the forces.")
    label: str = Field(description="Name of the structure.")
    formula: str = Field(description="Full formula of the cell.")
    nsites: int = Field(description="Number of atoms.")
    volume: float = Field(description="Volume of the cell (Å^3).")
    temperature: float = Field(description="Thermostat temperature (K).")
    time_step: float = Field(description="Time step (fs).")
    equilibration: float = Field(description="Equilibration that was run (fs).")
    production: float = Field(description="Production that was analysed (fs).")
    frame_interval: float = Field(description="Time between frames (fs).")
    n_frames: int = Field(description="Frames of the production.")
    chunk_uuids: list[str] = Field(description="Jobs that hold the trajectory.")
    mean_temperature: float | None = Field(
        None, description="Mean kinetic temperature of the production (K)."
    )
    mean_temperature_error: float | None = Field(
        None, description="Its standard error, from block averages (K)."
    )
    temperature_fluctuation: float | None = Field(
        None, description="Standard deviation of the kinetic temperature (K)."
    )
    canonical_fluctuation: float | None = Field(
        None, description="The same in the canonical ensemble, T sqrt(2/f) (K)."
    )
    temperature_drift: float | None = Field(
        None, description="Slope of the temperature over the production (K/ps)."
    )
    energy_drift: float | None = Field(
        None,
        description="Slope of the conserved energy (meV/atom/ps); none where the "
        "engine does not give it.",
    )
    mobile: str = Field(description="Mobile element.")
    diffusion: dict[str, Diffusivity] = Field(
        default_factory=dict,
        description="Tracer diffusion by element: the mobile one and the others as a "
        "control.",
    )
    charge_diffusion: Diffusivity | None = Field(
        None, description="Diffusion of the mobile ions' centre, times their number."
    )
    haven_ratio: float | None = Field(
        None,
        description="Tracer over charge diffusivity; none unless both are diffusive.",
    )
    haven_interval: tuple[float, float] | None = Field(
        None, description="Its 68 % interval, the errors of both taken as independent."
    )
    cross_checks: dict[str, float] = Field(
        default_factory=dict,
        description="D of the mobile element by other estimators (cm^2/s).",
    )
    cross_check_intervals: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="Their own 68 % intervals (cm^2/s)."
    )
    energy_std: float | None = Field(
        None,
        description="Standard deviation of an ANN's committee, mean over frames of the "
        "run (eV/atom); none for other engines.",
    )
    max_energy_std: float | None = Field(
        None, description="The same, largest of these frames (eV/atom)."
    )
    framework: FrameworkSurvival | None = Field(
        None, description="Motifs over time; none without a network former."
    )
    density: PackedArray | None = Field(
        None,
        description="Probability density of the mobile ions on a grid over the cell, "
        "shape (n_a, n_b, n_c) (Å^-3); it integrates to their number.",
    )
    structure: StoredStructure = Field(description="Structure the run started from.")
    failure: str | None = Field(None, description="Why the run stopped early.")
    remarks: list[str] = Field(
        default_factory=list, description="What a reader must know about the run."
    )
