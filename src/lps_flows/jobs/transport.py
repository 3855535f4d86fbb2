"""Analyse runs of molecular dynamics, and bring them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jobflow import JobConfig, Maker, Response, job
from pymatgen.core import Structure

from lps_flows.analysis.trajectory import EmptyTrajectoryError
from lps_flows.analysis.transport import (
    TransportResult,
    pooled_ratio,
    summarise_transport,
)
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.engines.trained import load_potential
from lps_flows.jobs.run_analysis import (
    TransportSettings,
    analyse_trajectory,
    judge_extrapolation,
)
from lps_flows.jobs.trajectory import chunks_of, join_chunks
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.transport import RunSummary, TransportDocument


@dataclass
class AnalyseRunMaker(Maker):
    """Join the chunks of one run and analyse it."""

    name: str = "analyse run"
    settings: TransportSettings = field(default_factory=TransportSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(
        output_schema=MDRunDocument,
        data=["density"],
        config=JobConfig(expose_store=True),
    )
    def make(
        self,
        structure: Structure,
        chunks: Sequence[Any],
        last_step: int,
        *,
        label: str,
        method: str | None,
        temperature: float,
        equilibration: float,
        time_step: float,
        potential: Any = None,
        remarks: Sequence[str] = (),
    ) -> MDRunDocument:
        """Analyse one run.

        Parameters
        ----------
        chunks
            Its chunks, in order: handed over by `both`.
        last_step
            Step the last chunk reached; a reference, so that this job waits for it.
        label, method, temperature, equilibration, time_step
            What to write on the document of a run without a single frame; the method
            where it has no chunk, either.
        potential
            Trained potential that moved the atoms, as `load_potential` takes it: its
            committee tells where the run left what it knows.
        """
        found = chunks_of(chunks)
        try:
            run = join_chunks(found)
        except EmptyTrajectoryError as error:
            return MDRunDocument(
                method=next((c.method for c in found.values()), method or "unknown"),
                label=label,
                formula=full_formula(structure),
                nsites=len(structure),
                volume=structure.volume,
                temperature=temperature,
                time_step=time_step,
                equilibration=min(equilibration, last_step * time_step),
                production=0.0,
                frame_interval=0.0,
                n_frames=0,
                chunk_uuids=[uuid for uuid, chunk in found.items() if chunk.frames],
                mobile=self.line.mobile,
                structure=structure,
                failure=error.problem,
                remarks=[error.problem],
            )
        document = analyse_trajectory(
            run,
            structure,
            self.settings,
            self.line,
            equilibration=equilibration,
            chunk_uuids=list(found),
            time_step=time_step,
            remarks=remarks,
        )
        if potential is not None:
            model = load_potential(potential)
            judge_extrapolation(document, run, model, self.settings)
        return document


@dataclass
class CollectTransportMaker(Maker):
    """Fit the Arrhenius line through the runs of one structure.

    Parameters
    ----------
    guarded
        Maker of the runs, whose ``again`` takes what ``make`` is given and starts them
        anew where the potential did not know enough; none takes them as they are.
    """

    name: str = "collect transport"
    settings: TransportSettings = field(default_factory=TransportSettings)
    line: CompositionLine = field(default_factory=CompositionLine)
    guarded: Any = None

    # No output schema: a job that is replaced holds none of its own.
    @job
    def make(
        self,
        runs: list[MDRunDocument | None],
        run_uuids: list[str],
        label: str,
        potential: str | None = None,
        *,
        spent: Sequence[int | None] = (),
        start: Structure | None = None,
    ) -> TransportDocument | Response:
        """Bring the runs together.

        Parameters
        ----------
        runs
            None marks one whose analysis failed.
        potential
            Potential that moved the atoms, by its job's uuid.
        spent
            Reference evaluations of each time that the runs were started again; None
            where every label failed.
        start
            The structure, in no temperature's own cell; that of the first run by
            default.

        Raises
        ------
        EmptyTrajectoryError
            When no run was analysed.
        """
        analysed = {
            uuid: _as_run(run)
            for run, uuid in zip(runs, run_uuids, strict=True)
            if run is not None
        }
        if not analysed:
            raise EmptyTrajectoryError(
                "none of the runs was analysed",
                field="runs",
                value=run_uuids,
                remedy="Look at the failures with `lps-flows status`, then rerun them",
            )
        documents, done = list(analysed.values()), list(analysed)
        if self.guarded is not None:
            more = self.guarded.again(
                documents, done, label, potential, spent=spent, start=start
            )
            if more is not None:
                return Response(replace=more)
        structure = documents[0].structure if start is None else start
        n_ions = structure.composition[self.line.mobile]
        density = n_ions / structure.volume
        fitted = partial(
            self._fitted,
            density=density,
            densities={d.temperature: n_ions / d.volume for d in documents},
        )
        summaries = [run_summary(run, uuid) for uuid, run in analysed.items()]
        used = [s for s in summaries if s.used]
        whole = [s for s in used if s.framework_survived is not False]
        result = fitted(used)
        charged = [s for s in used if s.charge_D is not None and s.charge_interval]
        collective = fitted(
            [
                s.model_copy(update={"D": s.charge_D, "interval": s.charge_interval})
                for s in charged
            ]
        )
        haven = pooled_ratio(
            [
                (s.haven_ratio, s.haven_interval)
                for s in used
                if s.haven_ratio is not None and s.haven_interval is not None
            ]
        )
        intact = result if whole == used else fitted(whole)
        warnings = list(result.warnings)
        warnings += [
            f"a run was not analysed (job {uuid}): `lps-flows status` tells why"
            for uuid in run_uuids
            if uuid not in analysed
        ]
        for document, summary in zip(documents, summaries, strict=True):
            at = f"{document.temperature:g} K: "
            reason = None if summary.used else summary.reason
            warnings += [at + remark for remark in document.remarks if remark != reason]
            if not summary.used:
                warnings.append(f"{at}left out of the Arrhenius fit: {summary.reason}")
        survived = [s.framework_survived for s in used]
        fit = result.fit
        return TransportDocument(
            method=documents[0].method,
            device=documents[0].device,
            label=label,
            structure=structure,
            formula=documents[0].formula,
            x=self.line.position(structure.composition),
            nsites=len(structure),
            mobile=self.line.mobile,
            number_density=density,
            runs=summaries,
            activation_energy=fit and fit.activation_energy,
            activation_energy_interval=fit and fit.activation_energy_interval,
            prefactor=fit and fit.prefactor,
            covariance=fit and fit.covariance.tolist(),
            chi_square_per_freedom=fit and fit.chi_square_per_freedom,
            reference_temperature=self.settings.reference_temperature,
            conductivity=result.conductivity,
            conductivity_interval=result.conductivity_interval,
            conductivities=result.conductivities,
            conductivity_intact=intact.conductivity,
            conductivity_intact_interval=intact.conductivity_interval,
            conductivity_collective=collective.conductivity,
            conductivity_collective_interval=collective.conductivity_interval,
            haven_ratio=haven and haven[0],
            haven_ratio_interval=haven and haven[1],
            framework_survived=(
                None if not survived or None in survived else all(survived)
            ),
            warnings=warnings,
            n_evaluations=None if self.guarded is None else sum(n or 0 for n in spent),
            n_retrained=None if self.guarded is None else len(spent),
        )

    def _fitted(
        self,
        runs: list[RunSummary],
        *,
        density: float,
        densities: Mapping[float, float],
    ) -> TransportResult:
        return summarise_transport(
            [(s.temperature, s.D or 0.0, s.interval or (0.0, 0.0)) for s in runs],
            number_density=density,
            densities=densities,
            charge=self.settings.charge or self.line.charges[self.line.mobile],
            reference_temperature=self.settings.reference_temperature,
        )


def run_summary(document: MDRunDocument, uuid: str) -> RunSummary:
    """Return what the fit and the figures need of a run."""
    tracer = document.diffusion.get(document.mobile)
    framework, charge = document.framework, document.charge_diffusion
    charge = charge if charge is not None and charge.diffusive else None
    common: dict[str, Any] = {
        "run_uuid": uuid,
        "temperature": document.temperature,
        "mean_temperature": document.mean_temperature,
        "production": document.production,
        "haven_ratio": document.haven_ratio,
        "haven_interval": document.haven_interval,
        "charge_D": charge and charge.D,
        "charge_interval": charge and charge.interval,
        "framework_survived": framework and framework.survived,
        "framework_lost": framework and framework.lost,
        "framework_condensed": framework and framework.condensed,
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
        lags=tracer.lags.tolist(),
        msd=tracer.msd.tolist(),
        msd_std=tracer.msd_std.tolist(),
        start=tracer.start,
    )


def _as_run(run: Any) -> MDRunDocument:
    if isinstance(run, MDRunDocument):
        return run
    return MDRunDocument.from_store(run)
