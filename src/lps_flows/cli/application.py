"""The application object, and what all verbs share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from lps_flows.foundation import LpsFlowsError

FAILED = 1
INTERRUPTED = 130

# A terminal shows what it can; in a pipe, lines are not wrapped and tables are wide.
_PIPED = not sys.stdout.isatty()
out = Console(soft_wrap=_PIPED, width=160 if _PIPED else None, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

CampaignFile = Annotated[
    Path, typer.Argument(help="Campaign file, for example workflows/demo.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


class Verbs(TyperGroup):
    """A group that turns a user's mistake into one message and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb; with --debug errors keep their stack trace."""
        try:
            return super().invoke(ctx)
        except LpsFlowsError as error:
            if ctx.params.get("debug"):
                raise
            err.print("Error:", style="bold red", end=" ")
            err.print(str(error), markup=False)
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            err.print("Interrupted. The same command goes on from here.")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="lps-flows",
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Map glass-ceramic electrolytes from first principles.\n\n"
    "Exit codes: 0 done, 1 failed or wrong input, 2 wrong usage, 130 interrupted.",
)


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error.")
    ] = False,
) -> None:
    """Options of every verb."""
    # Read by `Verbs.invoke` from the context.
    del debug


def verb(example: str, **kwargs: Any) -> Callable[[Callable[..., Any]], Any]:
    """Register a verb whose help ends with an example.

    Parameters
    ----------
    example
        A command line that works in the repository's root.
    kwargs
        Passed to `typer.Typer.command`.
    """
    return app.command(epilog=f"Example: {example}", **kwargs)
