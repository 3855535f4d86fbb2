"""Verbs that look at the installation and the crystal library."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Column, Table

from lps_flows.cli.application import FAILED, AsJson, out, verb
from lps_flows.cli.progress import working


@verb("lps-flows crystals")
def crystals(as_json: AsJson = False) -> None:
    """List the crystal library: x, space group, source and confidence."""
    from lps_flows.chemistry import crystals as list_crystals

    entries = list_crystals()
    if as_json:
        typer.echo(
            json.dumps([entry.model_dump(mode="json") for entry in entries], indent=2)
        )
        return
    table = Table("key", "formula", "x", "space group", "confidence", "source")
    for entry in entries:
        source = entry.citations[0] if entry.citations else None
        table.add_row(
            entry.key,
            entry.formula,
            "" if entry.x() is None else f"{entry.x():.3f}",
            entry.space_group,
            entry.confidence,
            "" if source is None else f"{source.authors} {source.year}",
        )
    out.print(table)


@verb("lps-flows doctor")
def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out stores, queue and engines.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check what is installed and reachable, with the remedy for what is not."""
    from lps_flows.runner import check_everything, check_quickly

    with working("checking"):
        checks = check_quickly() if quick else check_everything()
    if as_json:
        typer.echo(json.dumps([check._asdict() for check in checks], indent=2))
    else:
        # long paths go on in the next line: cut, they would be of no use
        words = (Column(name, overflow="fold") for name in ("finding", "remedy"))
        table = Table("", "check", *words)
        for check in checks:
            table.add_row(
                "ok" if check.ok else "-",
                check.name,
                check.detail,
                "" if check.ok else check.remedy,
            )
        out.print(table)
    if any(check.required and not check.ok for check in checks):
        raise typer.Exit(FAILED)
