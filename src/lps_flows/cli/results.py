"""Verbs that read what a campaign computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lps_flows.cli.application import FAILED, AsJson, CampaignFile, err, out, verb
from lps_flows.cli.opening import gathered, named, submitted
from lps_flows.cli.progress import Step, working

if TYPE_CHECKING:
    from maggma.core import Store

    from lps_flows.runner import Workplace
    from lps_flows.settings import CampaignKeys

OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write into.")]


class ExportFormat(StrEnum):
    """What is exported, and in which files."""

    extxyz = "extxyz"
    labels = "labels"
    xsf = "xsf"
    entries = "entries"
    optimade = "optimade"
    trajectories = "trajectories"
    potential = "potential"
    aenet = "aenet"
    metatomic = "metatomic"


# of these a campaign has one kind, or all are written
_OF_NO_METHOD = {
    ExportFormat.trajectories,
    ExportFormat.potential,
    ExportFormat.aenet,
    ExportFormat.metatomic,
}


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
            "each figure waits for."
        )
        raise typer.Exit(FAILED)


@verb("lps-flows export workflows/demo.yaml --format extxyz --out reference")
def export(
    file: CampaignFile,
    folder: OutFolder,
    file_format: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="Labelled structures (extxyz, ænet's xsf; labels: with the single "
            "points of relaxations, for another campaign), relaxed ones as pymatgen "
            "entries or for an OPTIMADE server, trajectories, or the potential "
            "(potential, aenet, metatomic).",
        ),
    ] = ExportFormat.extxyz,
    method: Annotated[
        str | None,
        typer.Option(
            help="Method of the energies; the reference method by default. None for "
            "trajectories and the potential."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export there.")
    ] = False,
) -> None:
    """Write structures, trajectories or the potential for other codes."""
    if method is not None and file_format in _OF_NO_METHOD:
        from lps_flows.jobs.export import ExportError

        raise ExportError(
            f"{file_format.value} is written whatever the method",
            field="method",
            value=method,
            remedy="Leave it out",
        )
    with named(file) as (place, name, settings), working("reading the store") as step:
        what = _exported(
            place, name, settings, file_format.value, folder, method, overwrite, step
        )
    out.print(f"{what} in {folder}")


def _exported(
    place: Workplace,
    name: str,
    settings: Callable[[], CampaignKeys],
    file_format: str,
    folder: Path,
    method: str | None,
    overwrite: bool,
    step: Step,
) -> str:
    """Write one export; return what was written."""
    from lps_flows.jobs.export import export_structures

    if file_format == "trajectories":
        from lps_flows.jobs.export_results import export_trajectories

        number = export_trajectories(place.job_store, name, folder, overwrite=overwrite)
        return f"{number} runs"
    if file_format == "labels":
        from lps_flows.jobs.export_results import export_labels

        number = export_labels(
            place.job_store, name, folder, method=method, overwrite=overwrite
        )
        return f"{number} labelled structures"
    if file_format in {"potential", "aenet", "metatomic"}:
        from lps_flows.jobs.export_results import export_potential

        identifier = export_potential(
            place.job_store, name, folder, file_format, overwrite=overwrite
        )
        return f"potential {identifier}"
    structures = place.result_store("structures")
    labelled = _labelled(structures, name, settings, method)
    if file_format in {"entries", "optimade"}:
        labelled["relaxed"] = True
    documents = _counted(structures.query(labelled), structures.count(labelled), step)
    if file_format == "optimade":
        from lps_flows.jobs.export_optimade import export_optimade

        placed = place.result_store("phase_diagram_entries").query(
            {"campaign": name}, ["structure_id", "energy_above_hull"]
        )
        above = {each["structure_id"]: each.get("energy_above_hull") for each in placed}
        number = export_optimade(documents, above, folder, overwrite=overwrite)
    else:
        number = export_structures(documents, folder, file_format, overwrite=overwrite)
    return f"{number} structures by {labelled['method']}"


def _labelled(
    structures: Store,
    name: str,
    settings: Callable[[], CampaignKeys],
    method: str | None,
) -> dict[str, Any]:
    """Return the query of a campaign's structures by one method."""
    from lps_flows.jobs.export import ExportError

    there = structures.distinct("method", {"campaign": name})
    if method is None and len(there) == 1:  # without loading an engine
        (method,) = there
    elif method is None:
        from lps_flows.engines import get_engine

        method = get_engine(settings().engine).method
    labelled = {"campaign": name, "method": method}
    if not structures.count(labelled):
        raise ExportError(
            f"the campaign {name!r} has no labelled structure by this method",
            field="method",
            value=labelled["method"],
            remedy=f"Choose one of {', '.join(sorted(there))}"
            if there
            else "Run the campaign, or `lps-flows build` it when it has calculated",
        )
    return labelled


_Item = TypeVar("_Item")


def _counted(items: Iterable[_Item], total: int, step: Step) -> Iterator[_Item]:
    for done, item in enumerate(items, start=1):
        yield item
        step("structures", done, total)
