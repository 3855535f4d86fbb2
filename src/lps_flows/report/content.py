"""Everything there is to say of a campaign, gathered from the stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobflow import JobStore
from pydantic import ValidationError

from lps_flows.analysis import HullError, HullSettings
from lps_flows.analysis.literature import is_papers_line
from lps_flows.builders import ResultStore, as_far_as_known, read_results
from lps_flows.chemistry import CompositionLine
from lps_flows.jobs.outputs import JobOutput, checked_parts, finished_jobs
from lps_flows.jobs.structures import relaxed_heads
from lps_flows.report.blocks import Download, Section
from lps_flows.report.hull_table import hull_downloads
from lps_flows.report.sections.candidates import candidate_section
from lps_flows.report.sections.electrolyte import (
    diffraction_section,
    electrolyte_downloads,
    window_section,
)
from lps_flows.report.sections.findings import (
    energies_by,
    findings,
    findings_section,
)
from lps_flows.report.sections.free_energies import free_energy_section
from lps_flows.report.sections.jumps import jump_downloads, jump_section
from lps_flows.report.sections.overview import (
    LaunchPadView,
    failure_section,
    overview_section,
)
from lps_flows.report.sections.phase_diagram import phase_diagram_section
from lps_flows.report.sections.potential import potential_section
from lps_flows.report.sections.search import search_section
from lps_flows.report.sections.structure import (
    class_section,
    elasticity_section,
    motif_section,
)
from lps_flows.report.sections.transport import transport_section
from lps_flows.report.sheet import candidate_sheets
from lps_flows.report.structures import EmbeddedStructure, downloads, embed
from lps_flows.report.terms import explained
from lps_flows.report.values import conductivity_values, map_downloads
from lps_flows.runner import prices
from lps_flows.schemas.base import Document
from lps_flows.schemas.damage import left_out
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.selection import SelectionDocument
from lps_flows.schemas.structure import StructureDocument, StructureSet
from lps_flows.settings import CampaignKeys

_LI_P_S = CompositionLine()
_HULL = HullSettings()
_READ: dict[type[Document], dict[str, Any]] = {
    StructureDocument: {
        "fields": (
            *("method", "formula", "relaxed", "converged"),
            *("builder_meta", "remarks"),
        )
    },
    StructureSet: {"fields": ("method", "n_structures", "failures")},
    EvolutionDocument: {"load": True},
    SelectionDocument: {},
    PotentialDocument: {"load": True},
    SamplingDocument: {},
}
"""What is read of the jobs' outputs: fields, or all and what lies in `data`, too."""


@dataclass(frozen=True)
class ReportContent:
    """What page and summary show of a campaign.

    Attributes
    ----------
    energies
        What the energies are by, named as a surrogate where it is one.
    written
        When this was gathered (UTC).
    versions
        Versions of the code that wrote the documents, several where they differ.
    structures
        The structures that travel inside the page, by id.
    results
        The documents, for the figures for print.
    """

    campaign: str
    energies: str
    written: str
    versions: Mapping[str, str]
    sections: Sequence[Section]
    structures: Mapping[str, EmbeddedStructure]
    downloads: Sequence[Download]
    results: Results
    findings: Mapping[str, str]
    settings: Mapping[str, Any]


def _keys(settings: Mapping[str, Any] | None) -> CampaignKeys | None:
    """Return the settings a report is given, where they are those of this version."""
    try:
        return None if settings is None else CampaignKeys.model_validate(dict(settings))
    except ValidationError:
        return None


def gather(
    job_store: JobStore,
    result_store: ResultStore,
    campaign: str,
    *,
    line: CompositionLine = _LI_P_S,
    hull: HullSettings = _HULL,
    settings: Mapping[str, Any] | None = None,
    launchpad: LaunchPadView | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> ReportContent:
    """Read a campaign's documents and make the sections of its report.

    Parameters
    ----------
    line, hull
        Composition line and settings, for the time before the builders have run.
    progress
        Called while documents are read with what is done, how many, and of how many.
    """
    with left_out() as damaged:
        results = read_results(job_store, campaign=campaign, store=result_store)
        error = ""
        if results.diagram is None:
            try:
                heads = relaxed_heads(job_store, campaign)
                results = as_far_as_known(results, heads, hull, line, job_store)
            except HullError as problem:
                error = str(problem)
        left: dict[str, list[JobOutput]] = {}
        for kind, options in _READ.items():
            left[kind.__name__] = checked_parts(job_store, campaign, kind, **options)
            if progress is not None:
                progress("kinds of documents", len(left), len(_READ))
        jobs = list(finished_jobs(job_store, campaign))
        structures, sets = left["StructureDocument"], left["StructureSet"]
        line = results.line if results.diagram else line
        members = line.end_members
        paper = is_papers_line(members)
        versions = _versions(structures)
        sections = [
            phase_diagram_section(results, error),
            candidate_section(
                results.candidates, left["SelectionDocument"], beside_paper=paper
            ),
            window_section(results.windows, line.mobile),
            motif_section(results.trends, results.rdfs, members),
            diffraction_section(results.scattering),
            class_section(results, members),
            potential_section(left["PotentialDocument"], beside_paper=paper),
            search_section(left["EvolutionDocument"], left["SamplingDocument"]),
            transport_section(
                results.transport,
                results.conductivity_maps,
                results.densities.values(),
                line=line,
                beside_paper=paper,
            ),
            jump_section(results.jumps),
            elasticity_section(results.elasticity, results.elastic_tensors),
            free_energy_section(results.free_energies),
        ]
        embedded = embed(job_store, result_store, results)
        sections += [
            failure_section(
                launchpad, structures, sets, left["EvolutionDocument"], list(damaged)
            ),
            overview_section(
                jobs,
                launchpad,
                methods=_methods(structures, sets),
                versions=versions,
                settings=settings,
                prices=prices(
                    job_store,
                    campaign,
                    _keys(settings),
                    launchpad.run_time_s if launchpad else None,
                ),
                beside_paper=paper,
            ),
        ]
        potentials = left["PotentialDocument"]
        answers = findings(
            results,
            potentials[-1].output if potentials else None,
            [section.title for section in sections if not section.blocks],
        )
        sections = [findings_section(answers, results), *sections]
        return ReportContent(
            campaign=campaign,
            energies=energies_by(results.diagram.method if results.diagram else None),
            written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            versions=versions,
            sections=[explained(section) for section in sections],
            structures=embedded,
            downloads=[
                *(hull_downloads(results) if results.diagram else []),
                *electrolyte_downloads(results.windows, results.scattering),
                *conductivity_values(results.transport, line=line, beside_paper=paper),
                *map_downloads(results.conductivity_maps),
                *jump_downloads(results.jumps),
                *candidate_sheets(results, embedded),
                *downloads(list(embedded.values())),
            ],
            results=results,
            findings=answers,
            settings=settings or {},
        )


def _methods(
    structures: Sequence[JobOutput], sets: Sequence[JobOutput]
) -> Counter[str]:
    """Count the structures with an energy by method."""
    counts = Counter(job.output["method"] for job in structures)
    for job in sets:
        counts[job.output["method"]] += job.output["n_structures"]
    return counts


def _versions(structures: Sequence[JobOutput]) -> dict[str, str]:
    """Return what wrote the documents, oldest first; several versions are all named."""
    versions: dict[str, dict[str, None]] = {}
    for job in structures:
        for field, version in job.output["builder_meta"].items():
            package = field.removesuffix("_version").replace("_", "-")
            versions.setdefault(package, {})[version] = None
    return {package: ", ".join(those) for package, those in sorted(versions.items())}
