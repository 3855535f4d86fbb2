"""Analyse runs of molecular dynamics, and bring them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import CURRENT_JOB, JobConfig, Maker, job
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis import MotifSettings, diffusivity
from lps_flows.analysis.cross_checks import kinisi_diffusivity, pymatgen_diffusivity
from lps_flows.analysis.density import probability_density
from lps_flows.analysis.diffusivity import MIN_FRAMES, Diffusivity
from lps_flows.analysis.framework import (
    framework_indices,
    motif_history,
    sampling_statistics,
)
from lps_flows.analysis.msd import mean_squared_displacement
from lps_flows.analysis.trajectory import EmptyTrajectoryError, remove_drift
from lps_flows.analysis.transport import summarise_transport
from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.trajectory import JoinedTrajectory, join_trajectory
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import FrameworkSurvival, MDRunDocument, SpeciesDiffusion
from lps_flows.schemas.transport import RunSummary, TransportDocument


class TransportSettings(FrozenSettings):
    """How runs are analysed."""

    mobile: str = Field("Li", description="Mobile element.")
    charge: float = Field(1.0, gt=0, description="Its charge (elementary charges).")
    reference_temperature: float = Field(
        300.0, gt=0, description="Temperature of the reported conductivity (K)."
    )
    jump_length: float = Field(
        3.0, gt=0, description="Distance between neighbouring sites (Å)."
    )
    min_jumps: float = Field(
        10.0, ge=0, description="Fewest jumps of all ions in a run whose D is used."
    )
    max_motif_change: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Largest change of a motif's fraction with which the framework "
        "counts as intact.",
    )
    max_temperature_error: float = Field(
        0.05,
        gt=0,
        description="Relative error of the mean temperature that is remarked upon.",
    )
    density_spacing: float = Field(0.3, gt=0, description="Grid of P(r) (Å).")
    motifs: MotifSettings = Field(MotifSettings(), description="Framework motifs.")


def _species(result: Diffusivity) -> SpeciesDiffusion:
    return SpeciesDiffusion(
        D=result.D,
        interval=result.interval,
        interval_95=result.interval_95,
        diffusive=result.diffusive,
        reason=result.reason,
        start=result.start,
        intercept=result.intercept,
        lags=result.lags.tolist(),
        msd=result.msd.tolist(),
        msd_std=result.msd_std.tolist(),
        warnings=list(result.warnings),
    )


def analyse_trajectory(
    run: JoinedTrajectory,
    structure: Structure,
    settings: TransportSettings,
    *,
    equilibration: float,
    chunk_uuids: list[str],
    time_step: float,
) -> MDRunDocument:
    """Analyse one run; displacements are those against the framework.

    Parameters
    ----------
    run
        The joined trajectory.
    structure
        Structure the run started from.
    settings
        How to analyse it.
    equilibration
        Equilibration that was run (fs).
    chunk_uuids
        Jobs that hold the trajectory.
    time_step
        Time step (fs).
    """
    symbols = [site.specie.symbol for site in structure]
    rest = framework_indices(structure, settings.mobile)
    weights = np.zeros(len(symbols))
    # Against the framework's centre of mass; a cell of mobile ions alone keeps its own.
    held = rest or range(len(symbols))
    weights[list(held)] = [structure[i].specie.atomic_mass for i in held]
    positions = remove_drift(run.positions, weights)
    times = run.times
    mobile = np.array([s == settings.mobile for s in symbols])
    document = MDRunDocument(
        method=run.method,
        label=run.label,
        formula=structure.composition.formula.replace(" ", ""),
        n_atoms=len(structure),
        volume=structure.volume,
        temperature=run.temperature,
        time_step=time_step,
        equilibration=equilibration,
        production=float(times[-1] - times[0]),
        frame_interval=float(times[1] - times[0]) if len(times) > 1 else 0.0,
        n_frames=len(times),
        chunk_uuids=chunk_uuids,
        mobile=settings.mobile,
        structure=structure,
        failure=run.failure,
    )
    _sampling(document, run, settings)
    if len(times) >= MIN_FRAMES:
        _diffusion(document, positions, times, symbols, settings)
    else:
        document.remarks.append(f"{len(times)} frames are too few for a diffusivity")
    history = motif_history(structure, positions, times, settings=settings.motifs)
    if history is not None:
        survived = history.changed <= settings.max_motif_change
        document.framework = FrameworkSurvival(
            times=history.times,
            motifs=history.fractions,
            reference=history.reference,
            changed=history.changed,
            survived=survived,
        )
        if not survived:
            document.remarks.append(
                f"the framework did not survive: a motif's fraction changed by "
                f"{100 * history.changed:.0f} %"
            )
    density = probability_density(
        positions[:, mobile], structure.lattice.matrix, spacing=settings.density_spacing
    )
    document.density = PackedArray.pack(density, "<f4")
    return document


def _sampling(
    document: MDRunDocument, run: JoinedTrajectory, settings: TransportSettings
) -> None:
    if np.isfinite(run.temperatures).all() and len(run.temperatures) > 1:
        kinetic = sampling_statistics(run.temperatures, run.times)
        document.mean_temperature = kinetic.mean
        document.mean_temperature_error = kinetic.error
        document.temperature_fluctuation = kinetic.fluctuation
        document.canonical_fluctuation = float(
            run.temperature * np.sqrt(2 / (3 * document.n_atoms - 3))
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
        document.energy_drift = conserved.drift * 1e6 / document.n_atoms
    if run.failure:
        document.remarks.append(run.failure)


def _diffusion(
    document: MDRunDocument,
    positions: np.ndarray,
    times: np.ndarray,
    symbols: list[str],
    settings: TransportSettings,
) -> None:
    elements = np.array(symbols)
    for element in sorted(set(symbols), key=symbols.index):
        found = diffusivity(
            positions[:, elements == element],
            times,
            jump_length=settings.jump_length,
            min_jumps=settings.min_jumps,
        )
        document.diffusion[element] = _species(found)
    tracer = document.diffusion[settings.mobile]
    ions = positions[:, elements == settings.mobile]
    together = ions.sum(axis=1, keepdims=True) / np.sqrt(ions.shape[1])
    charge = diffusivity(together, times)
    document.charge_diffusion = _species(charge)
    if tracer.diffusive and charge.diffusive:
        document.haven_ratio = tracer.D / charge.D
    if tracer.diffusive:
        curve = mean_squared_displacement(ions, times)
        document.cross_checks = {
            "kinisi": kinisi_diffusivity(curve, tracer.start)[0],
            "pymatgen-analysis-diffusion": pymatgen_diffusivity(curve, tracer.start)[0],
        }


@dataclass
class AnalyseRunMaker(Maker):
    """Join the chunks of one run and analyse it.

    Parameters
    ----------
    name
        Name of the job.
    settings
        How to analyse it.
    """

    name: str = "analyse run"
    settings: TransportSettings = field(default_factory=TransportSettings)

    @job(
        output_schema=MDRunDocument,
        data=["density"],
        config=JobConfig(expose_store=True),
    )
    def make(
        self,
        structure: Structure,
        chunk_uuids: list[str],
        last_step: int,
        *,
        label: str,
        method: str | None,
        temperature: float,
        equilibration: float,
        time_step: float,
    ) -> MDRunDocument:
        """Analyse one run.

        Parameters
        ----------
        structure
            Structure the run started from.
        chunk_uuids
            Jobs that hold its chunks, in order.
        last_step
            Step the last chunk reached; a reference, so that this job waits for it.
        label, method, temperature, equilibration, time_step
            What to write on the document of a run without a single frame.
        """
        try:
            run = join_trajectory(chunk_uuids, CURRENT_JOB.store)
        except EmptyTrajectoryError as error:
            return MDRunDocument(
                method=method or "unknown",
                label=label,
                formula=structure.composition.formula.replace(" ", ""),
                n_atoms=len(structure),
                volume=structure.volume,
                temperature=temperature,
                time_step=time_step,
                equilibration=min(equilibration, last_step * time_step),
                production=0.0,
                frame_interval=0.0,
                n_frames=0,
                chunk_uuids=chunk_uuids,
                mobile=self.settings.mobile,
                structure=structure,
                failure=str(error),
                remarks=[str(error)],
            )
        return analyse_trajectory(
            run,
            structure,
            self.settings,
            equilibration=equilibration,
            chunk_uuids=chunk_uuids,
            time_step=time_step,
        )


@dataclass
class CollectTransportMaker(Maker):
    """Fit the Arrhenius line through the runs of one structure.

    Parameters
    ----------
    name
        Name of the job.
    settings
        Ion, charge and reference temperature.
    line
        Composition line on which x is given.
    """

    name: str = "collect transport"
    settings: TransportSettings = field(default_factory=TransportSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(output_schema=TransportDocument)
    def make(
        self, runs: list[MDRunDocument], run_uuids: list[str], label: str
    ) -> TransportDocument:
        """Bring the runs together.

        Parameters
        ----------
        runs
            Analysed runs: references, resolved when the job runs.
        run_uuids
            Their jobs.
        label
            Name of the structure.
        """
        documents = [_as_run(run) for run in runs]
        structure = documents[0].structure
        density = structure.composition[self.settings.mobile] / structure.volume
        summaries = [
            run_summary(document, uuid)
            for document, uuid in zip(documents, run_uuids, strict=True)
        ]
        found = summarise_transport(
            [
                (s.temperature, s.D or 0.0, s.interval or (0.0, 0.0))
                for s in summaries
                if s.used
            ],
            number_density=density,
            charge=self.settings.charge,
            reference_temperature=self.settings.reference_temperature,
        )
        warnings = list(found.warnings)
        for document, summary in zip(documents, summaries, strict=True):
            at = f"{document.temperature:g} K: "
            warnings += [at + remark for remark in document.remarks]
            if not summary.used:
                warnings.append(f"{at}left out of the Arrhenius fit: {summary.reason}")
        intact = [s.framework_survived for s in summaries if s.used]
        fit = found.fit
        return TransportDocument(
            method=documents[0].method,
            label=label,
            structure=structure,
            formula=documents[0].formula,
            x=self._x(structure),
            n_atoms=len(structure),
            mobile=self.settings.mobile,
            number_density=density,
            runs=summaries,
            activation_energy=fit and fit.activation_energy,
            activation_energy_interval=fit and fit.activation_energy_interval,
            prefactor=fit and fit.prefactor,
            covariance=fit and fit.covariance.tolist(),
            chi_square_per_freedom=fit and fit.chi_square_per_freedom,
            reference_temperature=self.settings.reference_temperature,
            conductivity=found.conductivity,
            conductivity_interval=found.conductivity_interval,
            conductivities=found.conductivities,
            framework_survived=None if not intact or None in intact else all(intact),
            warnings=warnings,
        )

    def _x(self, structure: Structure) -> float | None:
        try:
            return self.line.x(structure.composition)
        except LpsFlowsError:
            return None


def run_summary(document: MDRunDocument, uuid: str) -> RunSummary:
    """Return what the fit and the figures need of a run."""
    tracer = document.diffusion.get(document.mobile)
    broken = document.framework is not None and not document.framework.survived
    common: dict[str, Any] = {
        "run_uuid": uuid,
        "temperature": document.temperature,
        "mean_temperature": document.mean_temperature,
        "production": document.production,
        "haven_ratio": document.haven_ratio,
        "framework_survived": None if document.framework is None else not broken,
    }
    if tracer is None:
        reason = document.failure or "; ".join(document.remarks) or "no trajectory"
        return RunSummary(**common, used=False, reason=reason)
    return RunSummary(
        **common,
        D=tracer.D,
        interval=tracer.interval,
        used=tracer.diffusive and document.failure is None,
        reason=document.failure or tracer.reason,
        lags=tracer.lags,
        msd=tracer.msd,
        msd_std=tracer.msd_std,
        start=tracer.start,
    )


def _as_run(run: Any) -> MDRunDocument:
    if isinstance(run, MDRunDocument):
        return run
    plain = {key: value for key, value in run.items() if not key.startswith("@")}
    return MDRunDocument.model_validate(plain)
