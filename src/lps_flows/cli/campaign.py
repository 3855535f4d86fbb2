"""Verbs that launch and follow a campaign."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lps_flows.cli.application import (
    FAILED,
    AsJson,
    CampaignFile,
    err,
    interrupted,
    out,
    verb,
)
from lps_flows.cli.opening import gathered, named, submitted, to_be_run, workplace
from lps_flows.cli.plan import print_plan
from lps_flows.cli.progress import Display, stage_table, working
from lps_flows.cli.telling import (
    DELETED,
    print_failures,
    print_set_aside,
    print_stopped,
)

if TYPE_CHECKING:
    from jobflow import Flow

    from lps_flows.runner import Failure, Glance, Submission, Workplace
    from lps_flows.settings import CampaignKeys, CampaignSettings

# of a worker's silence: a century
_LONGEST_S = 3.2e9

Files = Annotated[
    bool,
    typer.Option(
        "--files", help="Use JSON files instead of a server; cannot be resumed."
    ),
]


ReferenceWorker = Annotated[
    str | None,
    typer.Option(
        help="Name of the workers that run the reference engine (my_fworker.yaml)."
    ),
]
OtherWorker = Annotated[
    str | None,
    typer.Option("--worker", help="Name of the workers that run everything else."),
]


@verb("lps-flows run workflows/demo.yaml --out results/demo")
def run(
    file: CampaignFile,
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Write figures and the summary table here."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Fireworks run at once, each in a process.")
    ] = 1,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed fireworks again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the calculations; start nothing.")
    ] = False,
    cost_model: Annotated[
        Path | None,
        typer.Option("--cost-model", help="YAML of costs per engine, for --dry-run."),
    ] = None,
    files: Files = False,
    as_json: AsJson = False,
) -> None:
    """Submit a campaign and run it here; a second run goes on where it stopped."""
    if cost_model is not None and not dry_run:
        raise typer.BadParameter("it is for --dry-run.", param_hint="--cost-model")
    if files and workers > 1:
        raise typer.BadParameter(
            "only one process may use the files of --files.", param_hint="--workers"
        )
    settings = to_be_run(file, start=not dry_run)
    if dry_run:
        print_plan(settings, cost_model, as_json=as_json)
        return
    settings.maker()
    if out_folder is not None:
        out_folder.mkdir(parents=True, exist_ok=True)  # now, not after the last job
    with workplace(files=files) as place:
        complete, failed = _run_in(place, settings, file, workers, retry_failed)
        written = [] if out_folder is None else _results(place, settings, out_folder)
        if as_json:
            result = _state(replace(_glance(place, settings), failures=failed))
            result |= {"complete": complete, "files": [str(path) for path in written]}
            typer.echo(json.dumps(result, indent=2))
        elif out_folder is not None:
            out.print(f"{len(written)} files in {out_folder}")
            summary = out_folder / "summary.md"
            out.print(summary.read_text(encoding="utf-8"))
    if not complete:
        raise typer.Exit(FAILED)


def _results(place: Workplace, settings: CampaignSettings, folder: Path) -> list[Path]:
    from lps_flows.report import write_results

    with working("drawing the results") as step:
        return write_results(gathered(place, settings, step), folder)


def _state(found: Glance) -> dict[str, Any]:
    """Return progress, failures and cost as plain data."""
    return {
        **asdict(found.progress),
        "damaged": [*found.progress.damaged, *found.unread],
        "failures": [asdict(entry) for entry in found.failures],
        "cost": {name: asdict(price) for name, price in found.prices.items()},
    }


def _glance(place: Workplace, settings: CampaignKeys) -> Glance:
    from lps_flows.runner import foretell, glance

    foretold = foretell(settings)
    return glance(place.job_store, place.launchpad, settings.name, foretold)


def _run_in(
    place: Workplace, settings: CampaignSettings, file: Path, workers: int, retry: bool
) -> tuple[bool, list[Failure]]:
    """Run a campaign where the workplace is; return if it is complete, and failures."""
    from lps_flows.runner import run as run_campaign

    if place.launchpad is None:
        return _run_in_files(place, settings)
    if err.is_terminal and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        err.print(
            "Closing this terminal ends the run; nothing is lost, and the same command "
            "goes on. To let it run without one: nohup lps-flows run ... &"
        )
    submission = _submit(place, settings, file)
    with Display() as display:
        result = run_campaign(
            place,
            _routed(settings, None, None),
            settings.name,
            settings.settings_hash,
            settings=settings,
            workers=workers,
            on_progress=display.show,
            retry_failed=retry,
        )
    print_set_aside(submission.campaign, submission.set_aside, DELETED)
    if result.recovered:
        err.print("An earlier run had been killed; its lost fireworks ran again.")
    print_failures(result.failures)
    if result.interrupted:
        raise interrupted()
    print_stopped(result.progress)
    if not (result.complete or result.failures or result.progress.stopped):
        err.print(
            "Nothing is left that could run, and yet it is not complete: "
            "`lps-flows recover` mends what the LaunchPad lost track of."
        )
    return result.complete, list(result.failures)


def _run_in_files(
    place: Workplace, settings: CampaignSettings
) -> tuple[bool, list[Failure]]:
    from lps_flows.runner import run_in_files

    try:
        result = run_in_files(place, settings.flow(), settings.name, settings)
    except KeyboardInterrupt:
        remedy = "Files keep no state to go on from: run it again from the start."
        raise interrupted(remedy) from None
    print_set_aside(
        settings.name, result.set_aside, "Files keep no state to go on from"
    )
    print_failures(result.failures, "the same command, which starts again")
    return result.complete, list(result.failures)


def _submit(
    place: Workplace,
    settings: CampaignSettings,
    file: Path,
    reference_worker: str | None = None,
    worker: str | None = None,
) -> Submission:
    from lps_flows.runner import foretell, keep_for_glances
    from lps_flows.runner import submit as submit_campaign

    submission = submit_campaign(
        place,
        _routed(settings, reference_worker, worker),
        settings.name,
        settings.settings_hash,
        settings,
    )
    keep_for_glances(place, settings, file, foretell(settings))
    return submission


@verb("lps-flows submit workflows/demo.yaml")
def submit(
    file: CampaignFile,
    reference_worker: ReferenceWorker = None,
    other_worker: OtherWorker = None,
    as_json: AsJson = False,
) -> None:
    """Put a campaign on the LaunchPad for stock `rlaunch rapidfire`."""
    settings = to_be_run(file)
    with workplace() as place, working("submitting"):
        submission = _submit(place, settings, file, reference_worker, other_worker)
        private = place.source == "private"
    print_set_aside(submission.campaign, submission.set_aside, DELETED)
    if as_json:
        typer.echo(json.dumps(asdict(submission), indent=2))
        return
    state = "submitted" if submission.new else "was submitted before"
    out.print(
        f"{submission.campaign} {state}: {submission.n_fireworks} fireworks, "
        f"workflow of firework {submission.workflow_id}"
    )
    set_up = " (`lps-flows db env` sets it up)" if private else ""
    out.print(f"Run it with `rlaunch rapidfire`{set_up}.")


@verb("lps-flows status workflows/demo.yaml")
def status(file: CampaignFile, as_json: AsJson = False) -> None:
    """Show progress per stage, and failures with their reasons."""
    from lps_flows.runner import glance_at

    found = glance_at(file) or _first_glance(file)
    state = found.progress
    if as_json:
        typer.echo(json.dumps(_state(found), indent=2))
        return
    if not state.stages:
        state_of_it = "was deleted (lpad reset or delete_wflows)"
        if not found.deleted:
            state_of_it = "has not been submitted"
        out.print(f"{state.campaign} {state_of_it}. Use `lps-flows run {file}`.")
        return
    out.print(stage_table(state, found.prices))
    print_failures(found.failures)
    print_stopped(state)
    for problem in (*state.damaged, *found.unread):
        err.print(f"Damaged: {problem}")


def _first_glance(file: Path) -> Glance:
    """Open everything to look at a campaign; the next look at this file need not."""
    from lps_flows.runner import foretell, glance, keep_for_glances
    from lps_flows.settings import CampaignSettings

    with submitted(file) as (place, settings):
        queue, foretold = place.require_launchpad(), foretell(settings)
        if isinstance(settings, CampaignSettings):
            keep_for_glances(place, settings, file, foretold)
        return glance(place.job_store, queue, settings.name, foretold)


def _seconds(after: float | None) -> float | None:
    if after is not None and not 0 <= after <= _LONGEST_S:
        raise typer.BadParameter(f"{after} is not from 0 to {_LONGEST_S:.0f} s.")
    return after


@verb("lps-flows recover workflows/paper.yaml")
def recover(
    file: CampaignFile,
    after: Annotated[
        float | None,
        typer.Option(
            callback=_seconds,
            help="Seconds without a sign of life after which a worker counts as dead; "
            "by default RUN_EXPIRATION_SECS of FW_config.yaml. Those of an earlier "
            "`run` from here are known.",
        ),
    ] = None,
) -> None:
    """Mend what killed workers left on the LaunchPad; run nothing."""
    from lps_flows.runner import find_deleted, recover_lost

    with named(file) as (place, name, _):
        if find_deleted(place, name) is not None:
            out.print(
                f"{name} was deleted (lpad reset or delete_wflows): nothing is left to "
                f"mend. `lps-flows run {file}` begins it anew."
            )
            return
        silence = {} if after is None else {"silence_s": after}
        recovery = recover_lost(place, name, **silence)
    for what, ids in (
        ("lost, will run again", recovery.rerun),
        ("reserved and never started, ready again", recovery.released),
        ("contradictory, refreshed", recovery.refreshed),
        ("failed while the server was away, ready again", recovery.unanswered),
    ):
        if ids:
            out.print(f"{what}: {', '.join(map(str, ids))}")
    if recovery.deleted:
        out.print(f"{recovery.deleted} additions without a workflow deleted")
    if not recovery:
        out.print("Nothing to mend.")


@verb("lps-flows graph workflows/demo.yaml > campaign.mmd")
def graph(
    file: CampaignFile,
    every_job: Annotated[
        bool, typer.Option("--jobs", help="Draw every job instead of the stages.")
    ] = False,
) -> None:
    """Print the campaign as a mermaid diagram: its stages, and what each calculates."""
    from jobflow.utils.graph import to_mermaid

    from lps_flows.cli.diagram import stage_diagram

    with working("making the flow"):
        settings = to_be_run(file, start=False)
        flow = settings.flow()
        drawn = (
            to_mermaid(flow, show_flow_boxes=True)
            if every_job
            else stage_diagram(settings, flow)
        )
    typer.echo(drawn)


def _routed(
    settings: CampaignSettings, reference_worker: str | None, worker: str | None
) -> Callable[[], Flow]:
    """Return a function that makes the flow with priorities, tags and workers."""
    from lps_flows.engines import get_engine
    from lps_flows.runner import RoutingSettings, route

    routing = RoutingSettings(reference_worker=reference_worker, worker=worker)
    return lambda: route(settings.flow(), routing, get_engine(settings.engine))
