"""Verbs that read what a campaign computed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from lps_flows.cli.application import FAILED, AsJson, CampaignFile, err, out, verb
from lps_flows.cli.campaign import gathered, submitted
from lps_flows.cli.progress import Step, working

OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write into.")]


class ExportFormat(StrEnum):
    """File formats of the labelled structures."""

    extxyz = "extxyz"
    xsf = "xsf"


@verb("lps-flows build workflows/demo.yaml")
def build(file: CampaignFile, as_json: AsJson = False) -> None:
    """Run the builders; on unchanged sources they write nothing."""
    from lps_flows.builders import build_all

    with submitted(file) as (place, settings), working("reading the store") as step:
        written = build_all(
            place.job_store,
            settings.analysis,
            line=settings.line,
            campaign=settings.name,
            progress=step,
        )
    if as_json:
        typer.echo(json.dumps(written, indent=2))
        return
    for name, number in written.items():
        out.print(f"{name:20} {number} documents written")


@verb("lps-flows figures workflows/demo.yaml --out figures")
def figures(file: CampaignFile, folder: OutFolder) -> None:
    """Draw every figure for print, and the report's page for hovering."""
    from lps_flows.foundation.writing import write_text
    from lps_flows.plotting import write_figures
    from lps_flows.report import render_page

    with submitted(file) as (place, settings), working("drawing") as step:
        content = gathered(place, settings, step)
        written = write_figures(content.results, folder, progress=step)
    page = folder / "report.html"
    write_text(page, render_page(content))
    for path in (*written.files, page):
        out.print(str(path))
    if not written.pictures:
        err.print(
            f"There is nothing to draw yet. Run the campaign, or `lps-flows build "
            f"{file}` when its calculations are done; {folder}/captions.md says what "
            "each figure waits for.",
        )
        raise typer.Exit(FAILED)


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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export there.")
    ] = False,
) -> None:
    """Write the labelled structures for other codes."""
    from lps_flows.engines import get_engine
    from lps_flows.jobs.export import ExportError, export_structures

    with submitted(file) as (place, settings), working("reading the store") as step:
        structures = place.result_store("structures")
        there = structures.distinct("method", {"campaign": settings.name})
        if method is None and len(there) == 1:  # without loading an engine
            method = there[0]
        wanted = method or get_engine(settings.engine).method
        labelled = {"campaign": settings.name, "method": wanted}
        total = structures.count(labelled)
        if not total:
            raise ExportError(
                f"the campaign {settings.name!r} has no labelled structure by this "
                "method",
                field="method",
                value=wanted,
                remedy=f"Choose one of {', '.join(sorted(there))}"
                if there
                else f"Run the campaign, or `lps-flows build {file}` when its "
                "calculations are done",
            )
        documents = _counted(structures.query(labelled), total, step)
        number = export_structures(
            documents, folder, file_format.value, overwrite=overwrite
        )
    out.print(f"{number} structures by {wanted} in {folder}")


_Item = TypeVar("_Item")


def _counted(items: Iterable[_Item], total: int, step: Step) -> Iterator[_Item]:
    for done, item in enumerate(items, start=1):
        yield item
        step("structures", done, total)
