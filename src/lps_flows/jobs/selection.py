"""Choose what goes into molecular dynamics from the relaxed structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from jobflow import CURRENT_JOB, Flow, JobConfig, Maker, Response, job
from monty.json import MontyDecoder
from pydantic import Field

from lps_flows.analysis import (
    CandidateSettings,
    CandidateVerdict,
    ClusterSettings,
    CompositionEvidence,
    CompositionPoint,
    FingerprintSettings,
    HullEntry,
    HullSettings,
    fit_clusters,
    line_hull,
    lowest_points,
    metastable_hull,
    select_candidates,
    structure_fingerprint,
)
from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.selection import SelectedStructure, SelectionDocument


class SelectionError(LpsFlowsError):
    """There is nothing to choose from."""


class SelectionSettings(FrozenSettings):
    """How many structures go into molecular dynamics."""

    n_candidates: int = Field(
        1, ge=0, description="Glass-ceramic structures taken into MD, best first."
    )
    references: tuple[str, ...] = Field(
        ("beta-Li3PS4",), description="Keys of crystals run beside them."
    )


@dataclass
class SelectionMaker(Maker):
    """Apply the candidate rule and start MD for what it chooses.

    Parameters
    ----------
    name
        Name of the job.
    conductivity
        Maker of the MD flow of one structure,
        ``make(structure, label=..., potential_uuid=...)``.
    settings
        How many structures, and which references.
    rule
        Thresholds of the candidate rule.
    hull, fingerprints, clusters
        Settings of the analyses the rule rests on, the same as the builders use.
    """

    name: str = "select candidates"
    conductivity: Maker | None = None
    settings: SelectionSettings = field(default_factory=SelectionSettings)
    rule: CandidateSettings = field(default_factory=CandidateSettings)
    hull: HullSettings = field(default_factory=HullSettings)
    fingerprints: FingerprintSettings = field(default_factory=FingerprintSettings)
    clusters: ClusterSettings = field(default_factory=ClusterSettings)

    @job(output_schema=SelectionDocument, config=JobConfig(expose_store=True))
    def make(
        self,
        crystals: dict[str, StructureDocument | None],
        crystal_uuids: dict[str, str],
        sampled: list[SamplingDocument | None],
        potential_uuid: str | None = None,
    ) -> Response:
        """Choose, and detour into one MD flow per chosen structure.

        Parameters
        ----------
        crystals
            Relaxed crystals by key; None marks a failed relaxation.
        crystal_uuids
            Job uuids of their documents, by key.
        sampled
            Sampling of every composition; None marks a failed one.
        potential_uuid
            Job that trained the potential, for MD on the ANN.

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
        relaxed = {key: found for key, found in crystals.items() if found is not None}
        glasses = self._load(sampled)
        verdicts = self.judge(relaxed, glasses)
        selected: list[SelectedStructure] = []
        flows: list[Flow] = []
        for label, reason, uuid, document, above in self._choose(
            verdicts, relaxed, crystal_uuids, glasses
        ):
            if self.conductivity is None:
                break
            flow = self.conductivity.make(  # type: ignore[attr-defined]
                document.structure, label=label, potential_uuid=potential_uuid
            )
            flow.update_metadata({"stage": "conductivity"}, dynamic=True)
            flows.append(flow)
            selected.append(
                SelectedStructure(
                    label=label,
                    reason=reason,
                    structure_uuid=uuid,
                    transport_uuid=flow.output.uuid,
                    e_above_hull=above,
                )
            )
        document = SelectionDocument(
            method=next(iter(relaxed.values())).method,
            criteria=[_as_plain(verdict) for verdict in verdicts],
            selected=selected,
        )
        return Response(output=document, detour=Flow(flows) if flows else None)

    def judge(
        self,
        crystals: Mapping[str, StructureDocument],
        glasses: Mapping[str, StructureDocument],
    ) -> list[CandidateVerdict]:
        """Apply hull, gaps, classes and rule to relaxed structures.

        Parameters
        ----------
        crystals
            Relaxed crystals by key.
        glasses
            Relaxed glass-ceramic structures by job uuid.

        Returns
        -------
        list of CandidateVerdict
            One per composition, the chosen ones first.
        """
        line = CompositionLine(end_members=self.hull.end_members)
        everything = {**crystals, **glasses}
        places = {
            point.entry_id: point
            for point in line_hull(
                [_entry(name, document) for name, document in everything.items()],
                self.hull.end_members,
            )
        }
        lowest = lowest_points(
            [
                CompositionPoint(
                    formula=document.structure.composition.reduced_formula,
                    x=float(document.x),
                    formation_energy=float(places[uuid].formation_energy),
                    entry_id=uuid,
                )
                for uuid, document in glasses.items()
                if document.x is not None
            ]
        )
        intervals = (
            metastable_hull(lowest, line, self.hull.gap_tolerance / 1000)
            if len(lowest) > 1
            else []
        )
        classes, reference_classes = self._classify(crystals, glasses)
        return select_candidates(
            [
                CompositionEvidence(
                    formula=point.formula,
                    x=point.x,
                    structure_id=point.entry_id,
                    e_above_hull=places[point.entry_id].e_above_hull,
                    class_label=classes[point.entry_id],
                )
                for point in lowest
            ],
            intervals,
            reference_classes,
            self.rule,
        )

    def _classify(
        self,
        crystals: Mapping[str, StructureDocument],
        glasses: Mapping[str, StructureDocument],
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return the class of every glass by uuid, and of every reference by key."""
        element = self.fingerprints.element
        vectors = {
            name: structure_fingerprint(document.structure, settings=self.fingerprints)
            for name, document in {**crystals, **glasses}.items()
            if element is None or element in document.structure.composition
        }
        references = {
            key: vectors[key] for key in self.clusters.references if key in vectors
        }
        model = fit_clusters(
            np.array(list(vectors.values())), references, self.clusters
        )
        names = [name for name in vectors if name in glasses]
        labels = model.classify(model.reduce(np.array([vectors[n] for n in names])))
        return (
            dict(zip(names, (int(label) for label in labels), strict=True)),
            model.reference_classes(),
        )

    def _load(
        self, sampled: Sequence[SamplingDocument | None]
    ) -> dict[str, StructureDocument]:
        store = CURRENT_JOB.store
        found = {}
        for composition in sampled:
            if composition is None:
                continue
            pairs = zip(
                composition.structure_uuids, composition.reference_energies, strict=True
            )
            for uuid, energy in pairs:
                if energy is not None:
                    found[uuid] = MontyDecoder().process_decoded(
                        store.get_output(uuid, load=True)
                    )
        if not found:
            raise SelectionError(
                "no glass-ceramic structure was relaxed",
                field="sampled",
                value=len(sampled),
                remedy="Look at the failures of the sampling stage with "
                "`lps-flows status`, then rerun it",
            )
        return found

    def _choose(
        self,
        verdicts: Sequence[CandidateVerdict],
        crystals: Mapping[str, StructureDocument],
        crystal_uuids: Mapping[str, str],
        glasses: Mapping[str, StructureDocument],
    ) -> list[tuple[str, str, str, StructureDocument, float | None]]:
        chosen = [verdict for verdict in verdicts if verdict.chosen]
        reason = "candidate"
        if not chosen and verdicts:
            chosen, reason = [verdicts[0]], "nearest to a candidate"
        picked = []
        for verdict in chosen[: self.settings.n_candidates]:
            uuid = verdict.evidence.structure_id
            document = glasses[uuid]
            picked.append(
                (
                    f"gc-{document.formula}",
                    reason,
                    uuid,
                    document,
                    verdict.evidence.e_above_hull,
                )
            )
        for key in self.settings.references:
            if key not in crystals:
                raise SelectionError(
                    "this reference crystal was not relaxed in the campaign",
                    field="selection.references",
                    value=key,
                    remedy=f"Choose among {', '.join(sorted(crystals))}, or add it "
                    "to the campaign's crystals",
                )
            picked.append((key, "reference", crystal_uuids[key], crystals[key], None))
        return picked


def _entry(name: str, document: StructureDocument) -> HullEntry:
    return HullEntry(
        entry_id=name,
        composition=document.structure.composition,
        energy=document.energy,
        method=document.method,
    )


def _as_plain(verdict: CandidateVerdict) -> dict:
    plain = asdict(verdict)
    return {**plain.pop("evidence"), **plain}
