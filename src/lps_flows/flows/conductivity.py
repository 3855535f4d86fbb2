"""From a structure to its conductivity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from jobflow import Flow, Job, Maker, OnMissing, OutputReference, Response, job
from pydantic import Field, PositiveFloat
from pymatgen.core import Structure

from lps_flows.analysis.conductivity import ConductivityError
from lps_flows.chemistry import (
    CompositionLine,
    bare_structure,
    full_formula,
    supercell_near,
)
from lps_flows.engines import Engine, EngineSettings, get_engine
from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.reference import LabelMaker
from lps_flows.jobs.references import both, by_uuid, in_place, recall, uuid_of
from lps_flows.jobs.refining import RefineMaker
from lps_flows.jobs.run_analysis import TransportSettings
from lps_flows.jobs.thermal_cell import ThermalCellMaker, needs_process
from lps_flows.jobs.transport import AnalyseRunMaker, CollectTransportMaker
from lps_flows.jobs.unsure import GuardSettings, UnsureFramesMaker
from lps_flows.schemas.md import MDRunDocument


class ConductivitySettings(DynamicsSettings):
    """Molecular dynamics at several temperatures, and its analysis."""

    temperatures: tuple[PositiveFloat, ...] = Field(
        (700.0, 900.0, 1200.0, 1500.0), min_length=1, description="Temperatures (K)."
    )
    equilibration: float = Field(
        50000.0, ge=0, description="Equilibration at each temperature (fs)."
    )
    production: float = Field(
        300000.0, gt=0, description="Production at each temperature (fs)."
    )
    n_seeds: int = Field(
        1,
        ge=1,
        description="Runs at each temperature, from velocities of their own: several "
        "tell what one run's interval cannot, and give the Haven ratio.",
    )
    npt: float = Field(
        0.0,
        ge=0,
        description="Run at constant pressure before those of each temperature (fs): "
        "its mean volume is their cell; 0 keeps the relaxed one.",
    )
    target_atoms: int = Field(
        100,
        ge=1,
        le=5000,
        description="Smaller structures become supercells of about this many atoms.",
    )
    analysis: TransportSettings = Field(
        TransportSettings(), description="How runs are analysed."
    )
    guard: GuardSettings | None = Field(
        None,
        description="Where the committee of the campaign's potential is unsure of a "
        "run, label frames by the reference engine, train again and start the runs "
        "anew; none takes them as they are.",
    )


@dataclass
class ConductivityFlowMaker(Maker):
    """MD at several temperatures, diffusivities, Arrhenius and Nernst-Einstein.

    One firework per chunk of dynamics; the output is a `TransportDocument`.

    Parameters
    ----------
    label, refine
        Makers that label frames of guarded dynamics and train on them; without them
        nothing is guarded.
    """

    name: str = "conductivity"
    engine: EngineSettings = field(default_factory=EngineSettings)
    settings: ConductivitySettings = field(default_factory=ConductivitySettings)
    line: CompositionLine = field(default_factory=CompositionLine)
    label: LabelMaker | None = None
    refine: RefineMaker | None = None

    def make(
        self,
        structure: Structure | OutputReference,
        label: str | None = None,
        potential_uuid: str | None = None,
    ) -> Flow:
        """Make the flow.

        Parameters
        ----------
        structure
            Relaxed structure, or a reference to one. Elements and places count alone;
            velocities are drawn for each temperature.
        label
            Name of the structure on documents and figures; its formula by default.
        potential_uuid
            Job that trained the potential, for the ann engine without one.

        Raises
        ------
        ConductivityError
            When no mobile ion is in the structure, it is disordered, there are fewer
            than two temperatures or one twice, or the ann engine has no potential.
        """
        self._check_settings(potential_uuid)
        if isinstance(structure, OutputReference):
            begun: Any = self.begin(structure, label, both(potential_uuid))
            begun.name = f"{label or self.name} begin"
            name = self.name if label is None else f"{self.name} {label}"
            return Flow([begun], output=begun.output, name=name)
        self._check(structure)
        structure = bare_structure(structure)
        if len(structure) < self.settings.target_atoms:
            structure = supercell_near(structure, self.settings.target_atoms)
        label = label or full_formula(structure)
        named = potential_uuid if self.engine.needs_potential else None
        recalling, given = recall(potential=both(named))
        parts, collect = self._runs(structure, label, potential_uuid, **given)
        return Flow(
            [*recalling, *parts, collect],
            output=collect.output,
            name=f"{self.name} {label}",
        )

    # No output schema: what replaces it gives the document.
    @job(config=SEES_STORE)
    def begin(
        self, structure: Structure, label: str | None, potential: Any = None
    ) -> Response:
        """Make the flow of a structure that another job has made."""
        uuid = None if potential is None else uuid_of(potential)
        return Response(replace=self.make(structure, label, uuid))

    def _runs(
        self,
        structure: Structure,
        label: str,
        potential_uuid: str | None,
        spent: Sequence[Any] = (),
        potential: Any = None,
    ) -> tuple[list[Flow], Job]:
        """Return a flow for each temperature, and the job that brings them together."""
        settings = self.settings
        engine = get_engine(self.engine.on(potential_uuid))
        dynamics = DynamicsFlowMaker(
            chunk=MDChunkMaker(engine=engine, settings=settings.dynamics())
        )
        analyse = AnalyseRunMaker(settings=settings.analysis, line=self.line)
        parts: list[Flow] = []
        runs: list[Job] = []
        for temperature, seed in product(
            settings.temperatures, range(settings.n_seeds)
        ):
            name = f"{label} {temperature:g} K" + (f" seed {seed + 1}" if seed else "")
            if not seed:
                thermal = self._thermal(
                    structure, temperature, label, engine, potential
                )
                cell: Any = structure
                remarks: Any = ()
                no_cell: Any = None
                if thermal is not None:
                    made = thermal.output
                    cell, remarks, no_cell = made.structure, made.remarks, made.failure
            mover = replace(dynamics, name=f"seed {seed + 1} md") if seed else dynamics
            chunks, moved = mover.chunks(
                cell,
                [
                    Hold(temperature, settings.equilibration, equilibration=True),
                    Hold(temperature, settings.production),
                ],
                label,
                seed=settings.seed + seed,
                potential=potential,
                failure=no_cell,
            )
            run: Job = analyse.make(
                cell,
                moved["chunks"],
                moved["last"].last_step,
                label=label,
                method=engine.method,
                temperature=temperature,
                equilibration=settings.equilibration,
                time_step=settings.time_step,
                potential=potential or engine.potential,
                remarks=remarks,
            )
            run.name = f"{name} analysis"
            first = [] if seed or thermal is None else [thermal]
            parts.append(Flow([*first, *chunks, run], output=run.output, name=name))
            runs.append(run)
        collect: Any = CollectTransportMaker(
            settings=settings.analysis,
            line=self.line,
            guarded=self if self._guards(potential_uuid) else None,
        ).make(
            [run.output for run in runs],
            [run.uuid for run in runs],
            label,
            potential_uuid,
            spent=list(spent),
            start=structure,
        )
        collect.name = f"{label} conductivity"
        # a run that could not be analysed, or frames that could not be labelled, do
        # not cost the others
        collect.config.on_missing_references = OnMissing.NONE
        return parts, collect

    def _guards(self, potential_uuid: str | None) -> bool:
        known = potential_uuid is not None and self.engine.needs_potential
        return known and None not in (self.settings.guard, self.label, self.refine)

    def again(
        self,
        runs: Sequence[MDRunDocument],
        run_uuids: Sequence[str],
        label: str,
        potential: str,
        *,
        spent: Sequence[int | None],
        start: Structure,
    ) -> Flow | None:
        """Label what the committee is unsure of, train, and start the runs anew.

        Parameters
        ----------
        potential
            Potential that moved the atoms, by its job's uuid.
        spent
            Reference evaluations of each time before.
        start
            The structure, in no temperature's own cell.

        Returns
        -------
        Flow or None
            Its last job gives the output of the one that it replaces; None where the
            runs may stay, or have been started often enough.
        """
        guard, label_maker, refine = self.settings.guard, self.label, self.refine
        if guard is None or label_maker is None or refine is None:
            return None
        unsure = {
            uuid: run.chunk_uuids
            for run, uuid in zip(runs, run_uuids, strict=True)
            if guard.unsure(run)
        }
        if not unsure or len(spent) >= guard.restarts:
            return None
        chunks = [chunk for chunks in unsure.values() for chunk in chunks]
        recalling, given = recall(
            potential=by_uuid(potential),
            **{uuid: by_uuid(uuid) for uuid in (*unsure, *chunks)},
        )
        pick: Any = UnsureFramesMaker(settings=guard).make(
            [
                (given[uuid], [given[chunk] for chunk in chunks])
                for uuid, chunks in unsure.items()
            ],
            given["potential"],
        )
        labelled: Any = label_maker.make(pick.output)
        trained: Any = refine.make(
            given["potential"], [labelled.output], [labelled.uuid]
        )
        parts, collect = self._runs(
            start,
            label,
            trained.uuid,
            [*spent, labelled.output.n_evaluations],
            both(trained.output),
        )
        return Flow([*recalling, pick, labelled, trained, *parts, in_place(collect)])

    def _thermal(
        self,
        structure: Structure,
        temperature: float,
        label: str,
        engine: Engine,
        potential: Any,
    ) -> Job | None:
        """Return the job that makes the cell at a temperature; None keeps the cell."""
        if not self.settings.npt:
            return None
        needs_process(engine, self.settings.npt)
        thermal: Job = ThermalCellMaker(
            engine=engine,
            settings=self.settings.dynamics(),
            duration=self.settings.npt,
        ).make(structure, temperature=temperature, label=label, potential=potential)
        thermal.name = f"{label} {temperature:g} K cell"
        return thermal

    def _check(self, structure: Structure) -> None:
        mobile = self.line.mobile
        if mobile not in structure.composition.get_el_amt_dict():
            raise ConductivityError(
                f"the structure holds no {mobile}",
                field="structure",
                value=full_formula(structure),
                remedy="Give a structure with the ion of the line that moves",
            )
        if not structure.is_ordered:
            raise ConductivityError(
                "sites of the structure are partly occupied",
                field="structure",
                value=full_formula(structure),
                remedy="Order it first, for example with pymatgen's "
                "OrderDisorderedStructureTransformation",
            )

    def _check_settings(self, potential_uuid: str | None) -> None:
        temperatures = self.settings.temperatures
        if len(set(temperatures)) < max(2, len(temperatures)) or min(temperatures) <= 0:
            raise ConductivityError(
                "an activation energy needs at least two temperatures, all different "
                "and above zero",
                field="conductivity.temperatures",
                value=list(temperatures),
                remedy="Give two or more, better four as the paper does",
            )
        if self.engine.on(potential_uuid).needs_potential:
            raise ConductivityError(
                "the engine needs a trained potential",
                field="potential_uuid",
                value=None,
                remedy="Give the uuid of a training job, or engine.potential",
            )
