"""Choose what goes into molecular dynamics from the relaxed structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobflow import CURRENT_JOB, Flow, Job, JobConfig, Maker, Response, job
from pydantic import Field
from pymatgen.core import Composition

from lps_flows.analysis import (
    CandidateSettings,
    CandidateVerdict,
    ClusterSettings,
    FingerprintSettings,
    HullSettings,
    judge,
)
from lps_flows.analysis.phase_diagram import that_count
from lps_flows.analysis.resampling import energy_errors
from lps_flows.chemistry import CompositionLine, reduced_formula
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.outputs import holds
from lps_flows.jobs.references import uuid_of
from lps_flows.jobs.structures import (
    relaxed_structures,
    searched_errors,
    structure_of,
)
from lps_flows.schemas import StructureDocument, StructureSet
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.phase_diagram import EnergyErrors
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.selection import Reason, SelectedStructure, SelectionDocument


class SelectionError(LpsFlowsError):
    """There is nothing to choose from."""


class SelectionSettings(FrozenSettings):
    """Which structures go into molecular dynamics."""

    n_candidates: int = Field(
        1, ge=0, description="Glass-ceramic structures taken into MD, best first."
    )
    compositions: tuple[str, ...] = Field(
        (),
        description="Formulas of sampled compositions, on the line or off it, that "
        "are run in any case, each its lowest glass-ceramic structure.",
    )
    every_nth: int | None = Field(
        None,
        ge=1,
        description="Run the lowest glass-ceramic structure of every n-th composition "
        "along the line, too; 1 is all of them, null none.",
    )
    references: tuple[str, ...] | None = Field(
        None,
        description="Keys of crystals run beside them; null: beta-Li3PS4 on "
        "Li2S-P2S5, and none on another line.",
    )

    def along(self, formulas: Sequence[str]) -> list[str]:
        """Return every n-th of the compositions, given ascending in x."""
        return [] if self.every_nth is None else list(formulas[:: self.every_nth])

    def on(self, line: CompositionLine) -> SelectionSettings:
        """Return the same settings with what the line decides filled in."""
        if self.references is not None:
            return self
        usual = ("beta-Li3PS4",) if line == CompositionLine() else ()
        return self.model_copy(update={"references": usual})


@dataclass(frozen=True)
class _Pick:
    """One structure that goes into molecular dynamics."""

    label: str
    reason: Reason
    document: StructureDocument
    uuid: str | None = None
    energy_above_hull: float | None = None


@dataclass
class SelectionMaker(Maker):
    """Apply the candidate rule and start MD for what it chooses.

    Parameters
    ----------
    conductivity
        Maker of the MD flow of one structure,
        ``make(structure, label=..., potential_uuid=...)``; none starts no MD.
    hull, fingerprints, clusters
        Settings of the analyses the rule rests on, the same as the builders use.
    """

    name: str = "select candidates"
    conductivity: Any = None
    settings: SelectionSettings = field(default_factory=SelectionSettings)
    rule: CandidateSettings = field(default_factory=CandidateSettings)
    hull: HullSettings = field(default_factory=HullSettings)
    fingerprints: FingerprintSettings = field(default_factory=FingerprintSettings)
    clusters: ClusterSettings = field(default_factory=ClusterSettings)
    line: CompositionLine = field(default_factory=CompositionLine)

    @property
    def references(self) -> tuple[str, ...]:
        """Keys of the crystals that are run beside what is chosen."""
        return self.settings.on(self.line).references or ()

    @job(output_schema=SelectionDocument, config=JobConfig(expose_store=True))
    def make(
        self,
        crystals: dict[str, StructureDocument | None],
        crystal_uuids: dict[str, str],
        sampled: list[SamplingDocument | None],
        potential: Any = None,
        quenched: dict[str, StructureDocument | None] | None = None,
        *,
        labelled: dict[str, StructureSet | None] | None = None,
    ) -> Response:
        """Choose, and detour into one MD flow per chosen structure.

        Parameters
        ----------
        crystals
            Relaxed crystals by key; None marks a failed relaxation.
        sampled
            Sampling of every composition; None marks a failed one.
        potential
            The potential of MD on the ANN: handed over by `both`, so that this job
            waits for it, or its job's uuid, or a path.
        quenched
            Glasses by melting and cooling, by job uuid; None marks a failed one.
        labelled
            Sets of structures, by job uuid: those relaxed count, too.

        Returns
        -------
        Response
            A `SelectionDocument`, and the MD flows as a detour.

        Raises
        ------
        SelectionError
            When no glass-ceramic structure was relaxed, or a reference crystal is
            missing.
        """
        relaxed = {key: done for key, done in crystals.items() if done is not None}
        glasses = self._load(sampled) | {
            uuid: done for uuid, done in (quenched or {}).items() if done is not None
        }
        given = {crystal_uuids[key]: crystal for key, crystal in relaxed.items()}
        for uuid, found in (labelled or {}).items():
            given |= {
                f"{uuid}-{i}": entry
                for i, entry in enumerate(found.entries if found else [])
                if entry.relaxed
            }
        records, errors = self._known({**given, **glasses}, sampled)
        verdicts = judge(
            list(records.values()),
            self.line,
            errors=errors,
            rule=self.rule,
            hull=self.hull,
            fingerprints=self.fingerprints,
            clusters=self.clusters,
        )
        selected: list[SelectedStructure] = []
        flows: list[Flow | Job] = []
        picks = []
        if self.conductivity is not None:
            picks = [*self._choose(verdicts, records), *self._references(relaxed)]
        for pick in picks:
            flow = self.conductivity.make(
                pick.document.structure,
                label=pick.label,
                potential_uuid=None if potential is None else uuid_of(potential),
            )
            flow.update_metadata({"stage": "conductivity"}, dynamic=True)
            flows.append(flow)
            selected.append(
                SelectedStructure(
                    label=pick.label,
                    reason=pick.reason,
                    structure_uuid=pick.uuid or crystal_uuids[pick.label],
                    transport_uuid=flow.output.uuid,
                    energy_above_hull=pick.energy_above_hull,
                )
            )
        summary = SelectionDocument(
            method=next(iter(relaxed.values())).method,
            criteria=verdicts,
            selected=selected,
            missing=sorted(
                {reduced_formula(formula) for formula in self.settings.compositions}
                - {verdict.formula_pretty for verdict in verdicts}
                - set(self._lowest_glasses(records))
            ),
        )
        if not flows:
            return Response(output=summary)
        return Response(output=summary, detour=Flow(flows))

    def _load(
        self, sampled: Sequence[SamplingDocument | None]
    ) -> dict[str, StructureDocument]:
        glasses = {}
        for composition in sampled:
            if composition is None:
                continue
            pairs = zip(
                composition.structure_uuids, composition.reference_energies, strict=True
            )
            for uuid, energy in pairs:
                if energy is not None:
                    glasses[uuid] = structure_of(composition, uuid)
        if not glasses:
            raise SelectionError(
                "no glass-ceramic structure was relaxed",
                field="sampled",
                value=len(sampled),
                remedy="Look at the failures of the sampling stage with "
                "`lps-flows status`, then rerun it",
            )
        return glasses

    def _known(
        self,
        given: Mapping[str, StructureDocument],
        sampled: Sequence[SamplingDocument | None],
    ) -> tuple[dict[str, StructureRecord], EnergyErrors]:
        """Return what the builders will see: all that the campaign has relaxed.

        That is what this job was given, and what its store holds besides.
        """
        records = {
            name: StructureRecord(**dict(document), structure_id=name, job_uuid=name)
            for name, document in given.items()
        }
        current = CURRENT_JOB.job
        campaign = None if current is None else current.metadata.get("campaign")
        if campaign is None or not holds(CURRENT_JOB.store, campaign):
            errors = energy_errors(
                [sampling for sampling in sampled if sampling is not None]
            )
            return records, errors
        method = next(iter(records.values())).method
        others = relaxed_structures(CURRENT_JOB.store, campaign, method)
        records |= {record.structure_id: record for record in others}
        errors = searched_errors(CURRENT_JOB.store, campaign, method)
        return records, errors

    def _choose(
        self,
        verdicts: Sequence[CandidateVerdict],
        records: Mapping[str, StructureRecord],
    ) -> list[_Pick]:
        """Return the best candidates (or what comes nearest), and what was asked for.

        Each composition once, for the first of its reasons.
        """
        settings = self.settings
        # the glass of an end member may hold no ion that moves
        verdicts = [v for v in verdicts if self._moves(v.formula_pretty)]
        chosen = [verdict for verdict in verdicts if verdict.chosen]
        first: Reason = "candidate" if chosen else "nearest to a candidate"
        best = (chosen or list(verdicts[:1]))[: settings.n_candidates]
        by_x = [v.formula_pretty for v in sorted(verdicts, key=lambda v: v.x)]
        wanted: list[tuple[str, Reason]] = [(v.formula_pretty, first) for v in best]
        wanted += [(reduced_formula(named), "named") for named in settings.compositions]
        wanted += [(formula, "along the line") for formula in settings.along(by_x)]
        verdict_on = {verdict.formula_pretty: verdict for verdict in verdicts}
        # what is named may lie off the line, where there is no verdict
        lowest = self._lowest_glasses(records) | {
            verdict.formula_pretty: records[verdict.structure_id]
            for verdict in verdicts
        }
        reasons: dict[str, Reason] = {}
        for formula, reason in wanted:
            if formula in lowest and self._moves(formula):
                reasons.setdefault(formula, reason)
        return [
            _Pick(
                label=f"gc-{formula}",
                reason=reason,
                uuid=lowest[formula].structure_id,
                document=lowest[formula],
                energy_above_hull=verdict_on[formula].energy_above_hull
                if formula in verdict_on
                else None,
            )
            for formula, reason in reasons.items()
        ]

    def _moves(self, formula: str) -> bool:
        return self.line.mobile in Composition(formula)

    def _lowest_glasses(
        self, records: Mapping[str, StructureRecord]
    ) -> dict[str, StructureRecord]:
        """Return the lowest glass-ceramic structure of every composition."""
        glasses = [
            record
            for record in that_count(list(records.values()), self.hull)
            if record.provenance.source in self.hull.glass_sources
        ]
        glasses.sort(key=lambda record: (-record.energy_per_atom, record.structure_id))
        return {record.formula_pretty: record for record in glasses}

    def _references(self, crystals: Mapping[str, StructureDocument]) -> list[_Pick]:
        references = self.references
        missing = [key for key in references if key not in crystals]
        if missing:
            raise SelectionError(
                "these reference crystals were not relaxed in the campaign",
                field="selection.references",
                value=missing,
                remedy=f"Choose among {', '.join(sorted(crystals))}, or add them to "
                "the campaign's crystals",
            )
        return [
            _Pick(label=key, reason="reference", document=crystals[key])
            for key in references
        ]
