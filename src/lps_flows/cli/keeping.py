"""Verbs that list, keep, move and delete campaigns."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from lps_flows.cli.application import AsJson, err, out, verb
from lps_flows.cli.opening import workplace
from lps_flows.cli.progress import working

Campaign = Annotated[str, typer.Argument(help="Name of the campaign.")]
ArchiveFile = Annotated[Path, typer.Argument(help="Archive, for example demo.lps.")]


@verb("lps-flows archive demo demo.lps")
def archive(campaign: Campaign, file: ArchiveFile) -> None:
    """Write everything of a campaign into one file; it may go on running meanwhile."""
    from lps_flows.runner import archive as write_archive
    from lps_flows.runner.archiving import lost_files

    with workplace() as place, working("archiving"):
        write_archive(place, campaign, file)
        lost = lost_files(place, campaign)
    for path in lost:
        err.print(
            f"{path} is gone, or not as it was when {campaign} was submitted: it is "
            "not in the archive.",
            style="yellow",
        )
    size = _size(file.stat().st_size)
    out.print(f"{campaign} is in {file} ({size}).")


@verb("lps-flows restore demo.lps")
def restore(
    file: ArchiveFile,
    settings: Annotated[
        Path | None, typer.Option(help="Write the campaign file here, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an archived campaign onto this server, to go on from there.

    It holds jobs, which run when the campaign does: restore those of people you trust.
    """
    from lps_flows.runner import restore as restore_archive
    from lps_flows.settings.written import write_campaign_file

    if settings is not None:  # what cannot be written is told before anything is done
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.touch(exist_ok=False)
        settings.unlink()
    with workplace() as place, working("restoring"):
        restored = restore_archive(place, file)
    if restored.settings is None:  # an old version did not record them
        settings = None
    if settings is not None and restored.settings is not None:
        lost = write_campaign_file(settings, restored.settings, restored.given)
        for problem in lost:
            err.print(problem, style="yellow")
    if as_json:
        typer.echo(json.dumps(asdict(restored), indent=2))
        return
    out.print(
        f"{restored.campaign}: {restored.n_fireworks} fireworks, "
        f"{restored.n_documents} documents and {restored.n_files} files of its runs "
        "are restored.",
    )
    if restored.put_back:
        out.print(
            f"{len(restored.put_back)} fireworks that were running will run again."
        )
    where = settings or f"its campaign file ({restored.campaign}.yaml)"
    out.print(f"Go on with `lps-flows run` and {where}.")


@verb("lps-flows campaigns --json")
def campaigns(as_json: AsJson = False) -> None:
    """List the campaigns of the server: name, state, size, last change."""
    from lps_flows.runner import campaigns as list_campaigns

    with workplace() as place, working("looking"):
        summaries = list_campaigns(place)
    if as_json:
        typer.echo(json.dumps([_plain(asdict(each)) for each in summaries], indent=2))
        return
    table = Table("campaign", "state", "done", "size", "last change (UTC)")
    for each in summaries:
        done = f"{each.n_completed}/{each.holds.n_fireworks}"
        size, changed = _size(each.holds.n_bytes), (each.last_change or "")[:16]
        table.add_row(each.campaign, each.state, done, size, changed.replace("T", " "))
    out.print(table)


def _plain(summary: dict[str, Any]) -> dict[str, Any]:
    holds = summary.pop("holds")
    return {
        "name": summary.pop("campaign"),
        **summary,
        "size": holds["n_bytes"],
        **holds,
    }


@verb("lps-flows delete demo")
def delete(
    campaign: Campaign,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a campaign whole, after showing what goes: nothing brings it back."""
    from lps_flows.runner import delete as delete_campaign
    from lps_flows.runner import inventory
    from lps_flows.runner.run_folders import run_folders

    with workplace() as place:
        holds = inventory(place, campaign)
        out.print(
            f"{campaign}: {holds.n_fireworks} fireworks, {holds.n_documents} "
            f"documents, {holds.n_arrays} arrays, {holds.n_results} results, "
            f"{holds.n_files} files of runs; {_size(holds.n_bytes)} in all",
        )
        for folder in run_folders(place, campaign)[1:]:
            out.print(f"{folder} goes, too")
        if not yes and not typer.confirm("Delete all of it?", err=True):
            err.print("Nothing is deleted.")
            raise typer.Exit(1)
        with working("deleting"):
            delete_campaign(place, campaign)
    out.print(f"{campaign} is deleted.")


def _size(n_bytes: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"
