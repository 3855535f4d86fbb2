"""The application object, and what all verbs share."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from lps_flows import __version__
from lps_flows.foundation import LpsFlowsError, printable

FAILED = 1
INTERRUPTED = 130
_DEBUG = "--debug"

# A terminal shows what it can; in a pipe, lines are not wrapped, tables are wide, and
# nothing moves or has colours, whatever FORCE_COLOR says.
_PIPED = sys.stdout is None or not sys.stdout.isatty()


class PlainConsole(Console):
    """Shows text as text: square brackets are no mark-up, control characters escaped.

    Names, reasons and file names are other people's.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return text without what would steer the terminal."""
        return super().render_str(printable(text), **options)


out = PlainConsole(
    soft_wrap=_PIPED,
    width=160 if _PIPED else None,
    force_terminal=False if _PIPED else None,
)
err = PlainConsole(
    stderr=True,
    soft_wrap=True,
    force_terminal=None if sys.stderr and sys.stderr.isatty() else False,
)

CampaignFile = Annotated[
    Path, typer.Argument(help="Campaign file, for example workflows/demo.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


class Verbs(TyperGroup):
    """A group that turns a user's mistake into one message and exit code 1."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; a terminal that knows ASCII alone gets question marks, no traceback."""
        _reopen_closed_streams()
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="replace")
        return super().main(*args, **kwargs)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --debug before or after the verb."""
        if ctx.parent is None and _DEBUG in args:
            args = [_DEBUG, *(arg for arg in args if arg != _DEBUG)]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a verb; with --debug errors keep their stack trace."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise interrupted() from None
        except Exception as error:
            message = _explained(error) or _misconfigured()
            if message is None or ctx.find_root().params.get("debug"):
                raise
            err.print("Error:", style="bold red", end=" ")
            err.print(message)
            raise typer.Exit(FAILED) from None


def _reopen_closed_streams() -> None:
    """Send to nowhere what nobody reads.

    A closed descriptor is what the next file or connection gets, and what a child
    process prints to would go there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for good


def interrupted(remedy: str | None = None) -> typer.Exit:
    """Say how to go on after Ctrl-C; return what ends the command.

    Parameters
    ----------
    remedy
        What to do, when it is not the same command again.
    """
    again = shlex.join(["lps-flows", *sys.argv[1:]])
    err.print(
        f"Interrupted. {remedy or f'What is done stays done; go on with: {again}'}"
    )
    return typer.Exit(INTERRUPTED)


def _explained(error: Exception) -> str | None:
    """Return what to tell a person, None for an error that is ours to mend."""
    if isinstance(error, LpsFlowsError):
        return str(error)
    if isinstance(error, OSError) and error.errno not in {None, errno.EPIPE}:
        place = f"{error.filename}: " if error.filename else ""
        return (
            f"{place}{error.strerror}. Name a file or folder that can be read and "
            "written, with space left on its disk."
        )
    if type(error).__name__ == "FWConfigurationError":
        return f"{error}. Correct FW_config.yaml."
    if type(error).__module__.startswith("pymongo"):
        first = str(error).partition(",")[0][:200]
        return (
            f"the database does not answer as it should ({first}). `lps-flows doctor` "
            "says which one is configured and what is wrong."
        )
    return None


def _misconfigured() -> str | None:
    """Return what is wrong with files that FireWorks and jobflow read at import."""
    from lps_flows.runner.configuration import choose
    from lps_flows.runner.home import Home

    try:
        choose(Home())
    except LpsFlowsError as error:
        return str(error)
    return None


app = typer.Typer(
    name="lps-flows",
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Map glass-ceramic electrolytes, by DFT or a surrogate of it.\n\n"
    "Exit codes: 0 done, 1 failed or wrong input, 2 wrong usage, 130 interrupted.",
    epilog="Example: lps-flows run workflows/demo.yaml --out results/demo",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lps-flows {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option(_DEBUG, help="Show the stack trace of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Options of every verb."""
    # Read by `Verbs.invoke` from the context, and by the callback.
    del debug, version
    # pymatgen's word on the PAW sets that the paper's settings name on purpose
    warnings.filterwarnings("ignore", message="Overriding POTCARs")


def verb(example: str, **kwargs: Any) -> Callable[[Callable[..., Any]], Any]:
    """Register a verb whose help ends with an example."""
    return app.command(epilog=f"Example: {example}", **kwargs)
