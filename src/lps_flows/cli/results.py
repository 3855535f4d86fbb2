"""Verbs that read what a campaign computed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lps_flows.cli.application import CampaignFile, out, verb
from lps_flows.cli.campaign import workplace

OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write into.")]


class ExportFormat(StrEnum):
    """File formats of the labelled structures."""

    extxyz = "extxyz"
    xsf = "xsf"


@verb("lps-flows build workflows/demo.yaml")
def build(file: CampaignFile) -> None:
    """Run the builders; on unchanged sources they write nothing."""
    from lps_flows.builders import build_all
    from lps_flows.settings import load_campaign

    settings = load_campaign(file)
    with workplace() as place:
        written = build_all(place.job_store, settings.analysis, campaign=settings.name)
    for name, number in written.items():
        out.print(f"{name:20} {number} documents written")


@verb("lps-flows figures workflows/demo.yaml --out figures")
def figures(file: CampaignFile, folder: OutFolder) -> None:
    """Draw every figure from the stored documents."""
    from lps_flows.report import write_figures
    from lps_flows.settings import load_campaign

    settings = load_campaign(file)
    with workplace() as place:
        for path in write_figures(place.result_store, settings.name, folder):
            out.print(str(path), markup=False)


@verb("lps-flows export workflows/demo.yaml --format extxyz --out reference")
def export(
    file: CampaignFile,
    folder: OutFolder,
    file_format: Annotated[
        ExportFormat, typer.Option("--format", help="extxyz, or ænet's XSF.")
    ] = ExportFormat.extxyz,
    method: Annotated[
        str | None,
        typer.Option(help="Method of the energies; the reference method by default."),
    ] = None,
) -> None:
    """Write the labelled structures for other codes."""
    from lps_flows.engines import get_engine
    from lps_flows.jobs.export import export_structures
    from lps_flows.settings import load_campaign

    settings = load_campaign(file)
    wanted = method or get_engine(settings.engine).method
    with workplace() as place:
        documents = place.result_store("structures").query(
            {"campaign": settings.name, "method": wanted}
        )
        number = export_structures(documents, folder, file_format.value)
    out.print(f"{number} structures by {wanted} in {folder}")
