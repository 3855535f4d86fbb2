"""The result folder of a campaign: summary, hull table, figures."""

from __future__ import annotations

from pathlib import Path

from jobflow import JobStore

from lps_flows.analysis import HullError, HullSettings
from lps_flows.report.collections import ResultStore
from lps_flows.report.diagram import (
    LIGHT_FIELDS,
    Diagram,
    built_diagram,
    provisional_diagram,
)
from lps_flows.report.documents import outputs
from lps_flows.report.hull_table import hull_rows, write_hull_table
from lps_flows.report.summary import (
    candidates_text,
    hull_text,
    potential_text,
    sampling_text,
    summary_text,
)

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
        ``summary.md``, ``hull.csv`` and the figures.
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
        hull = hull_text(rows)
        if diagram is not None and diagram.provisional:
            hull += f"\n\n{PROVISIONAL}"
    except HullError as error:
        diagram, rows, hull = None, [], f"No hull yet: {error}"
    if rows:
        written.append(folder / "hull.csv")
        with written[-1].open("w", newline="", encoding="utf-8") as stream:
            write_hull_table(rows, stream)
    sections = [
        ("Phase diagram", hull),
        ("Potential", potential_text(potentials)),
        ("Sampling", sampling_text(outputs(job_store, campaign, "SamplingDocument"))),
        (
            "Candidates",
            candidates_text(outputs(job_store, campaign, "SelectionDocument")),
        ),
    ]
    text = summary_text(
        campaign,
        sections,
        methods=[diagram.method] if diagram else [],
        versions=versions_of(job_store, campaign),
    )
    summary = folder / "summary.md"
    summary.write_text(text, encoding="utf-8")
    return [summary, *written]


def versions_of(job_store: JobStore, campaign: str) -> dict[str, str]:
    """Return the versions that wrote a campaign's newest structure document."""
    found = outputs(job_store, campaign, "StructureDocument", fields=("versions",))
    return dict(found[-1].output["versions"]) if found else {}


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
        outputs(job_store, campaign, "StructureDocument", fields=LIGHT_FIELDS), line
    )
