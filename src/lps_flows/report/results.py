"""The result folder of a campaign: summary, hull table, figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jobflow import JobStore
from maggma.core import Store

from lps_flows.analysis import HullError, HullSettings
from lps_flows.report.documents import outputs
from lps_flows.report.hull_table import LIGHT_FIELDS, hull_rows, write_hull_table
from lps_flows.report.summary import (
    candidates_text,
    hull_text,
    potential_text,
    sampling_text,
    summary_text,
)

ResultStore = Callable[[str, str], Store]
"""Gives the connected store of a builder's collection, by name and key field."""

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
    structures = outputs(job_store, campaign, "StructureDocument", fields=LIGHT_FIELDS)
    potentials = outputs(
        job_store,
        campaign,
        "PotentialDocument",
        fields=("method", "n_members", "n_structures", "validation", "training"),
    )
    written = []
    try:
        rows = hull_rows(structures, line)
        hull = hull_text(rows)
    except HullError as error:
        rows, hull = [], f"No hull yet: {error}"
    if rows:
        written.append(write_hull_table(rows, folder / "hull.csv"))
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
        methods=sorted({found.output["method"] for found in structures}),
        versions=versions_of(job_store, campaign),
    )
    summary = folder / "summary.md"
    summary.write_text(text, encoding="utf-8")
    return [summary, *written]


def versions_of(job_store: JobStore, campaign: str) -> dict[str, str]:
    """Return the versions that wrote a campaign's newest structure document."""
    found = outputs(job_store, campaign, "StructureDocument", fields=("versions",))
    return dict(found[-1].output["versions"]) if found else {}
