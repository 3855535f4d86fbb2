"""What one run of molecular dynamics says, from its joined trajectory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis import MotifSettings, diffusivity
from lps_flows.analysis.cross_checks import kinisi_diffusivity, pymatgen_diffusivity
from lps_flows.analysis.density import probability_density
from lps_flows.analysis.diffusivity import MIN_FRAMES, NegativeSlopeError
from lps_flows.analysis.framework import framework_survival, sampling_statistics
from lps_flows.analysis.msd import mean_squared_displacement
from lps_flows.analysis.trajectory import against_framework
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.trajectory import JoinedTrajectory
from lps_flows.potential import ANNPotential, committee_uncertainty
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import Diffusivity, MDRunDocument

COMMITTEE_FRAMES = 50
"""Frames of a run over which the committee is asked."""


_LI_P_S = CompositionLine()


class TransportSettings(FrozenSettings):
    """How runs are analysed."""

    charge: float | None = Field(
        None,
        gt=0,
        description="Charge of the ion that moves (elementary charges); null: that "
        "which it has on the line.",
    )
    reference_temperature: float = Field(
        300.0, gt=0, description="Temperature of the reported conductivity (K)."
    )
    jump_length: float = Field(
        3.0, gt=0, description="Distance between neighbouring sites (Å)."
    )
    min_jumps: float = Field(
        10.0,
        ge=0,
        description="Fewest jumps of all ions in a run whose D is used; each ion must "
        "also jump once, on average, within the longest lag. 0 asks for neither.",
    )
    max_motif_change: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Largest fraction of P that lost an S with which the framework "
        "counts as intact; less than half a unit always does. Units that change their "
        "motif otherwise, as by condensing with a neighbour, are remarked upon.",
    )
    max_temperature_error: float = Field(
        0.05,
        gt=0,
        description="Relative error of the mean temperature that is remarked upon.",
    )
    max_energy_std: float = Field(
        0.02,
        gt=0,
        description="Committee standard deviation over the run (eV/atom) above which "
        "dynamics on an ANN is remarked upon as extrapolation.",
    )
    density_spacing: float = Field(0.3, gt=0, description="Grid of P(r) (Å).")
    motifs: MotifSettings = Field(
        MotifSettings(), description="Bonds of the framework's anions."
    )


def analyse_trajectory(
    run: JoinedTrajectory,
    structure: Structure,
    settings: TransportSettings,
    line: CompositionLine = _LI_P_S,
    *,
    equilibration: float,
    chunk_uuids: list[str],
    time_step: float,
    remarks: Sequence[str] = (),
) -> MDRunDocument:
    """Analyse one run; displacements are those against the framework."""
    symbols = [site.specie.symbol for site in structure]
    positions = against_framework(structure, run.positions, line.mobile)
    times = run.times
    mobile = np.array([s == line.mobile for s in symbols])
    document = MDRunDocument(
        method=run.method,
        device=run.device,
        label=run.label,
        formula=full_formula(structure),
        nsites=len(structure),
        volume=structure.volume,
        temperature=run.temperature,
        time_step=time_step,
        equilibration=equilibration,
        production=float(times[-1] - times[0]),
        frame_interval=float(times[1] - times[0]) if len(times) > 1 else 0.0,
        n_frames=len(times),
        chunk_uuids=chunk_uuids,
        mobile=line.mobile,
        structure=structure,
        failure=run.failure,
        remarks=list(remarks),
    )
    _sampling(document, run, settings)
    if len(times) >= MIN_FRAMES:
        _diffusion(document, positions, times, symbols, settings)
    else:
        document.remarks.append(f"{len(times)} frames are too few for a diffusivity")
    framework = framework_survival(
        structure,
        positions,
        times,
        max_change=settings.max_motif_change,
        settings=settings.motifs,
        line=line,
    )
    if framework is not None:
        document.framework = framework
        formers = sum(structure.composition[former] for former in line.formers)
        lost, condensed = framework.lost or 0.0, framework.condensed or 0.0
        units = f"{framework.changed * formers:.1f} of {formers:g} "
        units += f"{', '.join(line.formers)} changed motif for a quarter of the run "
        units += f"({lost * formers:.1f} lost {', '.join(line.anions)}, "
        units += f"{condensed * formers:.1f} condensed with a neighbour)"
        if not framework.survived:
            document.remarks.append(f"the framework did not survive: {units}")
        elif max(framework.changed, lost, condensed) * formers >= 0.5:
            document.remarks.append(f"the framework survived, but {units}")
    density = probability_density(
        positions[:, mobile], structure.lattice.matrix, spacing=settings.density_spacing
    )
    document.density = PackedArray.pack(density, "<f4")
    return document


def judge_extrapolation(
    document: MDRunDocument,
    run: JoinedTrajectory,
    potential: ANNPotential,
    settings: TransportSettings,
) -> None:
    """Write on the document what the committee says of frames all over the run."""
    if len(potential.members) < 2 or not len(run.positions):
        return
    last = len(run.positions) - 1
    chosen = np.unique(np.linspace(0, last, COMMITTEE_FRAMES).round().astype(int))
    cell, species = document.structure.lattice, document.structure.species
    frames = [
        Structure(cell, species, run.positions[k], coords_are_cartesian=True)
        for k in chosen
    ]
    stds = committee_uncertainty(potential, frames)
    document.energy_std = float(stds.mean())
    document.max_energy_std = float(stds.max())
    if document.energy_std > settings.max_energy_std:
        document.remarks.append(
            f"the potential extrapolates: its members differ by "
            f"{1000 * document.energy_std:.0f} meV/atom over the run; more rounds of "
            "active learning would help"
        )


def _sampling(
    document: MDRunDocument, run: JoinedTrajectory, settings: TransportSettings
) -> None:
    if np.isfinite(run.temperatures).all() and len(run.temperatures) > 1:
        kinetic = sampling_statistics(run.temperatures, run.times)
        document.mean_temperature = kinetic.mean
        document.mean_temperature_error = kinetic.error
        document.temperature_fluctuation = kinetic.fluctuation
        document.canonical_fluctuation = float(
            run.temperature * np.sqrt(2 / (3 * document.nsites - 3))
        )
        document.temperature_drift = kinetic.drift * 1000
        off = abs(kinetic.mean / run.temperature - 1)
        if off > settings.max_temperature_error:
            document.remarks.append(
                f"the mean temperature is {kinetic.mean:.0f} K at a thermostat of "
                f"{run.temperature:g} K"
            )
    if np.isfinite(run.conserved_energies).all() and len(run.times) > 1:
        conserved = sampling_statistics(run.conserved_energies, run.times)
        document.energy_drift = conserved.drift * 1e6 / document.nsites
    if run.failure:
        document.remarks.append(run.failure)


def _ratio_interval(over: Diffusivity, under: Diffusivity) -> tuple[float, float]:
    """Return the 68 % interval of a ratio; it knows no end where a bound is zero."""
    halves = [
        0.5 * np.log(d.interval[1] / max(d.interval[0], 1e-3 * d.D))
        for d in (over, under)
    ]
    factor = float(np.exp(np.hypot(*halves)))
    return over.D / under.D / factor, over.D / under.D * factor


def _diffusion(
    document: MDRunDocument,
    positions: np.ndarray,
    times: np.ndarray,
    symbols: list[str],
    settings: TransportSettings,
) -> None:
    elements = np.array(symbols)

    def measure(name: str, xyz: np.ndarray, **asked: float) -> Diffusivity | None:
        try:
            return diffusivity(xyz, times, **asked)
        except NegativeSlopeError as error:
            document.remarks.append(f"no diffusivity of {name}: {error}")
            return None

    for element in sorted(set(symbols), key=symbols.index):
        diffusion = measure(
            element,
            positions[:, elements == element],
            jump_length=settings.jump_length,
            min_jumps=settings.min_jumps,
        )
        if diffusion is not None:
            document.diffusion[element] = diffusion
    tracer = document.diffusion.get(document.mobile)
    if tracer is None:
        return
    ions = positions[:, elements == document.mobile]
    charge = measure(
        "the charge", ions.sum(axis=1, keepdims=True) / np.sqrt(ions.shape[1])
    )
    if charge is not None:
        document.charge_diffusion = charge
        if tracer.diffusive and charge.diffusive:
            document.haven_ratio = tracer.D / charge.D
            document.haven_interval = _ratio_interval(tracer, charge)
    if tracer.diffusive:
        curve = mean_squared_displacement(ions, times)
        middle, bounds = kinisi_diffusivity(curve, tracer.start)
        value, std = pymatgen_diffusivity(curve, tracer.start)
        other = "pymatgen-analysis-diffusion"
        document.cross_checks = {"kinisi": middle, other: value}
        document.cross_check_intervals = {
            "kinisi": bounds,
            other: (value - std, value + std),
        }
