"""Verbs that show what a campaign found: a page to keep, and a live one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from lps_flows.cli.application import CampaignFile, out, verb
from lps_flows.cli.opening import gathered, submitted
from lps_flows.cli.progress import working


@verb("lps-flows report workflows/demo.yaml --out results/demo/report.html")
def report(
    file: CampaignFile,
    other: Annotated[
        Path | None, typer.Argument(help="Another campaign, to set beside it.")
    ] = None,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="HTML file to write; by default NAME-report.html."),
    ] = None,
) -> None:
    """Write one HTML page with everything the campaign found; it needs no network.

    With two campaigns it compares them: what came out, the hulls over each other, and
    what their settings differ in.
    """
    from lps_flows.foundation.writing import write_text
    from lps_flows.report import compare, render_page

    contents = []
    for each in [file] if other is None else [file, other]:
        with submitted(each) as (place, settings), working("reading the store") as step:
            contents.append(gathered(place, settings, step))
    name = "-and-".join(content.campaign for content in contents)
    target = out_file or Path(f"{name}-report.html")
    page = render_page(contents[0] if other is None else compare(*contents))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, page)
    out.print(f"{target} ({target.stat().st_size / 1e6:.1f} MB)")


@verb("lps-flows serve workflows/demo.yaml")
def serve(
    file: CampaignFile,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")
    ] = 8300,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; beyond loopback nothing is hidden."),
    ] = "127.0.0.1",
    open_to_all: Annotated[
        bool,
        typer.Option("--open", help="Need no token: every user of this machine reads."),
    ] = False,
) -> None:
    """Show progress and the phase diagram live; Ctrl-C ends it.

    The address that it prints holds a token, and whoever has it may read.
    """
    from lps_flows.report import LiveCampaign, live_server

    with submitted(file) as (place, settings):
        live = LiveCampaign(
            place,
            settings.name,
            settings.line,
            settings.analysis.hull,
            settings.model_dump(mode="json"),
        )
        with live_server(live, port, host=host, open_to_all=open_to_all) as server:
            shows = f"{server.address} shows {settings.name}; Ctrl-C ends it."
            out.print(shows)
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_forever()
