"""The result folder of a campaign: summary, hull table, figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jobflow import JobStore

from lps_flows.analysis import HullError, HullSettings
from lps_flows.analysis.literature import is_papers_line
from lps_flows.jobs.outputs import relaxed_heads
from lps_flows.plotting import write as plotting
from lps_flows.plotting.transport_files import shown_run, write_transport
from lps_flows.plotting.write import FigureDocuments, WrittenFigures
from lps_flows.report.collections import ResultStore, read
from lps_flows.report.diagram import (
    Diagram,
    built_diagram,
    provisional_diagram,
)
from lps_flows.report.documents import outputs
from lps_flows.report.hull_table import hull_rows, write_hull_table
from lps_flows.report.summary import (
    candidates_text,
    conductivity_text,
    hull_text,
    potential_text,
    sampling_text,
    summary_text,
)
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.elasticity import ElasticityDocument
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.transport import TransportDocument

PROVISIONAL = (
    "Provisional: the builders have not run, this is computed from the relaxed "
    "structures there are."
)

_LINE = HullSettings()


def write_results(
    job_store: JobStore,
    result_store: ResultStore,
    campaign: str,
    folder: Path,
    line: HullSettings = _LINE,
) -> list[Path]:
    """Write the result folder of a campaign, complete or not.

    What has not run yet is named as such in the summary.

    Parameters
    ----------
    job_store
        Connected store of the job outputs.
    result_store
        Gives the store of a builder's collection, `Workplace.result_store`.
    campaign
        Name of the campaign.
    folder
        Folder to write into; made when it does not exist.
    line
        End members of the campaign's line, ``settings.analysis.hull``.

    Returns
    -------
    list of Path
        ``summary.md``, ``hull.csv``, the figures, and the folder ``conductivity``
        with figures, tables and densities.
    """
    folder.mkdir(parents=True, exist_ok=True)
    potentials = outputs(
        job_store,
        campaign,
        "PotentialDocument",
        fields=("method", "n_members", "n_structures", "validation", "training"),
    )
    written = []
    try:
        diagram = current_diagram(job_store, result_store, campaign, line)
        rows = hull_rows(diagram)
        hull = hull_text(rows, beside_paper=diagram is None or diagram.papers_line)
        if diagram is not None and diagram.provisional:
            hull += f"\n\n{PROVISIONAL}"
    except HullError as error:
        diagram, rows, hull = None, [], f"No hull yet: {error}"
    paper = is_papers_line(diagram.line.end_members if diagram else line.end_members)
    if rows:
        written.append(folder / "hull.csv")
        with written[-1].open("w", newline="", encoding="utf-8") as stream:
            write_hull_table(rows, stream)
    drawn = plotting.write_figures(
        figure_documents(result_store, campaign), folder / "figures", ("png",)
    )
    figures = figures_text(drawn, folder)
    transport = transport_documents(job_store, campaign)
    conductivity = WrittenFigures(
        write_transport(
            transport,
            folder / "conductivity",
            runs=density_runs(job_store, transport),
        )
    )
    moving = [
        conductivity_text(transport, beside_paper=paper),
        figures_text(conductivity, folder),
    ]
    sections = [
        ("Phase diagram", hull),
        ("Potential", potential_text(potentials)),
        ("Sampling", sampling_text(outputs(job_store, campaign, "SamplingDocument"))),
        (
            "Candidates",
            candidates_text(outputs(job_store, campaign, "SelectionDocument")),
        ),
        ("Conductivity", "\n\n".join(moving).strip()),
        ("Figures", figures),
    ]
    text = summary_text(
        campaign,
        sections,
        methods=[diagram.method] if diagram else [],
        beside_paper=paper,
        versions=versions_of(job_store, campaign),
    )
    summary = folder / "summary.md"
    summary.write_text(text, encoding="utf-8")
    return [summary, *written, *drawn.files, *conductivity.files]


def write_figures(
    result_store: ResultStore,
    campaign: str,
    folder: Path,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> list[Path]:
    """Write every figure the builders' documents allow; return the files.

    Parameters
    ----------
    result_store
        Gives the store of a builder's collection.
    campaign
        Name of the campaign.
    folder
        Folder to write into; made when it does not exist.
    progress
        Called after every figure with what is done, how many, and of how many.
    """
    documents = figure_documents(result_store, campaign)
    return plotting.write_figures(documents, folder, progress=progress).files


def figure_documents(result_store: ResultStore, campaign: str) -> FigureDocuments:
    """Return what the figures show: the results of the campaign's main method."""
    diagram = built_diagram(result_store, campaign)
    if diagram is None:
        return FigureDocuments()
    mine = {"campaign": campaign, "method": diagram.method}
    models = read(result_store, "cluster_models", ClusterModelDocument, mine)
    places = read(result_store, "clusters", ClusterAssignment, mine)
    return FigureDocuments(
        diagram=diagram.document,
        entries=read(result_store, "phase_diagram_entries", PhaseDiagramEntry, mine),
        trends=read(result_store, "motif_trends", MotifTrendDocument, mine),
        rdfs=read(result_store, "rdfs", RDFDocument, mine),
        model=models[0] if models else None,
        places=[p for p in places if models and p.element == models[0].element],
        candidates=read(result_store, "candidates", CandidateDocument, mine),
        elasticity=read(result_store, "elasticity", ElasticityDocument, mine),
    )


def figures_text(drawn: WrittenFigures, folder: Path) -> str:
    """Return the pictures, and which are missing and why."""
    shown = [file for file in drawn.files if file.suffix == ".png"]
    lines = [f"![{file.stem}]({file.relative_to(folder)})" for file in shown]
    lines += [f"- {name}: not made, {why}." for name, why in drawn.missing.items()]
    return "\n\n".join(lines)


def transport_documents(job_store: JobStore, campaign: str) -> list[TransportDocument]:
    """Return the transport documents of a campaign."""
    return [
        TransportDocument.model_validate(found.output)
        for found in outputs(job_store, campaign, "TransportDocument", load=True)
    ]


def density_runs(
    job_store: JobStore, documents: list[TransportDocument]
) -> dict[str, MDRunDocument]:
    """Return the runs whose density is shown, by their job."""
    shown = [run for document in documents if (run := shown_run(document)) is not None]
    criteria = {
        "uuid": {"$in": [run.run_uuid for run in shown]},
        "output.@class": "MDRunDocument",
    }
    found = {}
    for job in job_store.query(criteria, sort={"index": 1}, load=True):
        plain = {key: value for key, value in job["output"].items() if key[0] != "@"}
        found[job["uuid"]] = MDRunDocument.model_validate(plain)
    return found


def versions_of(job_store: JobStore, campaign: str) -> dict[str, str]:
    """Return the versions that wrote a campaign's structure documents, oldest first.

    Where documents were written by several versions of a package, all are named.
    """
    found: dict[str, dict[str, None]] = {}
    for job in outputs(job_store, campaign, "StructureDocument", fields=("versions",)):
        for package, version in job.output["versions"].items():
            found.setdefault(package, {})[version] = None
    return {package: ", ".join(versions) for package, versions in found.items()}


def current_diagram(
    job_store: JobStore,
    result_store: ResultStore,
    campaign: str,
    line: HullSettings = _LINE,
) -> Diagram | None:
    """Return the builders' diagram, before they ran a provisional one, or None.

    Raises
    ------
    HullError
        When the builders have not run and an end member is missing.
    """
    return built_diagram(result_store, campaign) or provisional_diagram(
        relaxed_heads(job_store, campaign), line
    )
