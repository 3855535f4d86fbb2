"""Verbs that launch and follow a campaign."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import asdict
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
from lps_flows.cli.opening import gathered, submitted, workplace
from lps_flows.cli.plan import print_plan
from lps_flows.cli.progress import Display, stage_table, working
from lps_flows.cli.telling import print_failures, print_set_aside, print_stopped

if TYPE_CHECKING:
    from jobflow import Flow

    from lps_flows.runner import Price, Workplace
    from lps_flows.settings import CampaignKeys, CampaignSettings

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
    from lps_flows.settings import load_campaign

    settings = load_campaign(file)
    if dry_run:
        print_plan(settings, cost_model, as_json=as_json)
        return
    settings.maker()
    if out_folder is not None:
        out_folder.mkdir(parents=True, exist_ok=True)  # now, not after the last job
    with workplace(files=files) as place:
        complete = _run_in(place, settings, workers, retry_failed)
        written = [] if out_folder is None else _results(place, settings, out_folder)
        if as_json:
            result = _state(place, settings)
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


def _state(place: Workplace, settings: CampaignKeys) -> dict[str, Any]:
    """Return progress, failures and cost as plain data."""
    from lps_flows.runner import failures, progress

    campaign = settings.name
    prices, unread = _prices(place, settings)
    cost = {name: asdict(price) for name, price in prices.items()}
    if place.launchpad is None:
        nothing: dict[str, Any] = {"stages": [], "running": [], "failures": []}
        return {"campaign": campaign, **nothing, "cost": cost}
    failed = failures(place.launchpad, campaign)
    state = progress(place.launchpad, campaign)
    return {
        **asdict(state),
        "damaged": [*state.damaged, *unread],
        "failures": [asdict(entry) for entry in failed],
        "cost": cost,
    }


def _prices(
    place: Workplace, settings: CampaignKeys
) -> tuple[dict[str, Price], list[str]]:
    """Return the cost by stage, and what could not be read for it."""
    from lps_flows.runner import launch_times, prices
    from lps_flows.schemas.damage import left_out

    launchpad, name = place.launchpad, settings.name
    times, lost = (None, []) if launchpad is None else launch_times(launchpad, name)
    with left_out() as unread:
        return prices(place.job_store, name, settings, times), [*lost, *unread]


def _run_in(
    place: Workplace, settings: CampaignSettings, workers: int, retry: bool
) -> bool:
    """Run a campaign where the workplace is; return whether it is complete."""
    from lps_flows.runner import run as run_campaign
    from lps_flows.runner import run_in_files

    if place.launchpad is None:
        try:
            run_in_files(place, settings.flow(), settings.name, settings)
        except KeyboardInterrupt:
            remedy = "Files keep no state to go on from: run it again from the start."
            raise interrupted(remedy) from None
        return True
    if err.is_terminal and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        err.print(
            "Closing this terminal ends the run; nothing is lost, and the same command "
            "goes on. To let it run without one: nohup lps-flows run ... &"
        )
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
    print_set_aside(result.submission)
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
    return result.complete


@verb("lps-flows submit workflows/demo.yaml")
def submit(
    file: CampaignFile,
    reference_worker: ReferenceWorker = None,
    other_worker: OtherWorker = None,
    as_json: AsJson = False,
) -> None:
    """Put a campaign on the LaunchPad for stock `rlaunch rapidfire`."""
    from lps_flows.runner import submit as submit_campaign
    from lps_flows.settings import load_campaign

    settings = load_campaign(file)
    with workplace() as place, working("submitting"):
        submission = submit_campaign(
            place,
            _routed(settings, reference_worker, other_worker),
            settings.name,
            settings.settings_hash,
            settings,
        )
    print_set_aside(submission)
    if as_json:
        typer.echo(json.dumps(asdict(submission), indent=2))
        return
    state = "submitted" if submission.new else "was submitted before"
    out.print(
        f"{submission.campaign} {state}: {submission.n_fireworks} fireworks, "
        f"workflow of firework {submission.workflow_id}"
    )
    out.print("Run it with `rlaunch rapidfire` (`lps-flows db env` sets it up).")


@verb("lps-flows status workflows/demo.yaml")
def status(file: CampaignFile, as_json: AsJson = False) -> None:
    """Show progress per stage, and failures with their reasons."""
    from lps_flows.runner import failures, find_deleted, progress

    with submitted(file) as (place, settings):
        launchpad, name = place.require_launchpad(), settings.name
        if as_json:
            typer.echo(json.dumps(_state(place, settings), indent=2))
            return
        state, failed = progress(launchpad, name), failures(launchpad, name)
        gone = find_deleted(place, name)
        cost, unread = _prices(place, settings)
    if not state.stages:
        state_of_it = "was deleted (lpad reset or delete_wflows)"
        if gone is None:
            state_of_it = "has not been submitted"
        out.print(f"{name} {state_of_it}. Use `lps-flows run {file}`.")
        return
    out.print(stage_table(state, cost))
    print_failures(failed)
    print_stopped(state)
    for problem in (*state.damaged, *unread):
        err.print(f"Damaged: {problem}")


@verb("lps-flows recover workflows/paper.yaml")
def recover(
    file: CampaignFile,
    after: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds without a sign of life after which a worker counts as dead; "
            "by default RUN_EXPIRATION_SECS of FW_config.yaml.",
        ),
    ] = None,
) -> None:
    """Mend what killed workers left on the LaunchPad; run nothing."""
    from fireworks.fw_config import RUN_EXPIRATION_SECS

    from lps_flows.runner import find_deleted, silent_for
    from lps_flows.runner import recover as recover_campaign

    with submitted(file) as (place, settings):
        name = settings.name
        if find_deleted(place, name) is not None:
            out.print(
                f"{name} was deleted (lpad reset or delete_wflows): nothing is left to "
                f"mend. `lps-flows run {file}` begins it anew."
            )
            return
        dead = silent_for(RUN_EXPIRATION_SECS if after is None else after)
        recovery = recover_campaign(place.require_launchpad(), name, dead)
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
    from lps_flows.settings import load_campaign

    with working("making the flow"):
        settings = load_campaign(file)
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
