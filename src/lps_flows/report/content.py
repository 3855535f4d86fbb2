"""Everything the page shows, gathered from the stores."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobflow import JobStore

from lps_flows.analysis import HullError, HullSettings
from lps_flows.analysis.literature import is_papers_line
from lps_flows.report.blocks import Download, Section
from lps_flows.report.collections import ResultStore, read
from lps_flows.report.diagram import LIGHT_FIELDS, Diagram, with_classes
from lps_flows.report.documents import finished_jobs, outputs
from lps_flows.report.hull_table import hull_rows, write_hull_table, write_points
from lps_flows.report.results import (
    current_diagram,
    transport_documents,
    versions_of,
)
from lps_flows.report.sections.candidates import candidate_section
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
from lps_flows.report.structures import EmbeddedStructure, downloads, embed
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.elasticity import ElasticityDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.rdf import RDFDocument

_LINE = HullSettings()


@dataclass(frozen=True)
class ReportContent:
    """What the page shows."""

    campaign: str
    method: str | None
    sections: Sequence[Section]
    structures: Mapping[str, EmbeddedStructure]
    downloads: Sequence[Download]


def gather(
    job_store: JobStore,
    result_store: ResultStore,
    campaign: str,
    *,
    line: HullSettings = _LINE,
    settings: Mapping[str, Any] | None = None,
    launchpad: LaunchPadView | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> ReportContent:
    """Read a campaign's documents and make the sections of its report.

    Parameters
    ----------
    job_store
        Connected store of the job outputs.
    result_store
        Gives the store of a builder's collection.
    campaign
        Name of the campaign.
    line
        End members, for the time before the builders have run.
    settings
        The campaign file, to show.
    launchpad
        Progress, failures and cost, if there is a LaunchPad.
    progress
        Called after every section with its name, how many are done, and of how many.
    """
    error = ""
    try:
        diagram = current_diagram(job_store, result_store, campaign, line)
    except HullError as found:
        diagram, error = None, str(found)
    mine = {"campaign": campaign}
    if diagram is not None:
        mine["method"] = diagram.method

    models = read(result_store, "cluster_models", ClusterModelDocument, mine)
    assigned = read(result_store, "clusters", ClusterAssignment, mine)
    if models:
        assigned = [found for found in assigned if found.element == models[0].element]
    if diagram is not None:
        diagram = with_classes(diagram, assigned)
    paper = is_papers_line(diagram.line.end_members if diagram else line.end_members)
    evolutions = outputs(job_store, campaign, "EvolutionDocument", load=True)
    selections = outputs(job_store, campaign, "SelectionDocument")
    # in the order of the page; read one after the other, so that progress is seen
    makers: dict[str, Callable[[], Section]] = {
        "overview": lambda: overview_section(
            list(finished_jobs(job_store, campaign)),
            launchpad,
            methods=_methods(job_store, campaign),
            versions=versions_of(job_store, campaign),
            settings=settings,
        ),
        "phase diagram": lambda: phase_diagram_section(diagram, error),
        "candidates": lambda: candidate_section(
            read(result_store, "candidates", CandidateDocument, mine),
            selections,
            beside_paper=paper,
        ),
        "motifs": lambda: motif_section(
            read(result_store, "motif_trends", MotifTrendDocument, mine),
            read(result_store, "rdfs", RDFDocument, mine),
            diagram,
        ),
        "classes": lambda: class_section(assigned, models, diagram),
        "potential": lambda: potential_section(
            outputs(job_store, campaign, "PotentialDocument", load=True)
        ),
        "search": lambda: search_section(
            evolutions, outputs(job_store, campaign, "SamplingDocument")
        ),
        "conductivity": lambda: transport_section(
            transport_documents(job_store, campaign), beside_paper=paper
        ),
        "elasticity": lambda: elasticity_section(
            read(result_store, "elasticity", ElasticityDocument, mine)
        ),
        "failures": lambda: failure_section(
            launchpad,
            outputs(job_store, campaign, "StructureDocument", fields=LIGHT_FIELDS),
            outputs(job_store, campaign, "StructureSet", fields=("failures",)),
            evolutions,
        ),
    }
    sections = []
    for make in makers.values():
        sections.append(make())
        if progress is not None:
            progress("sections", len(sections), len(makers))
    structures = embed(job_store, result_store, diagram) if diagram else {}
    return ReportContent(
        campaign,
        diagram.method if diagram else None,
        sections,
        structures,
        [*_tables(diagram), *downloads(list(structures.values()))],
    )


def _methods(job_store: JobStore, campaign: str) -> Counter[str]:
    single = outputs(job_store, campaign, "StructureDocument", fields=("method",))
    sets = outputs(
        job_store, campaign, "StructureSet", fields=("method", "n_structures")
    )
    counts = Counter(found.output["method"] for found in single)
    for found in sets:
        counts[found.output["method"]] += found.output["n_structures"]
    return counts


def _tables(diagram: Diagram | None) -> list[Download]:
    if diagram is None:
        return []
    text = io.StringIO()
    write_hull_table(hull_rows(diagram), text)
    everything = io.StringIO()
    write_points(diagram, everything)
    return [
        Download("hull.csv", "text/csv", text.getvalue().encode(), "hull table, CSV"),
        Download(
            "points.csv",
            "text/csv",
            everything.getvalue().encode(),
            f"all {len(diagram.points)} points of the phase diagram, CSV",
        ),
    ]
