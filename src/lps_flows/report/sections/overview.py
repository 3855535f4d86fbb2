"""Sections: what was run, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from lps_flows.analysis.literature import paper_citation
from lps_flows.appearance import counted
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import Block, Listing, Note, Section, Table
from lps_flows.runner import Failure, Price, Progress


@dataclass(frozen=True)
class LaunchPadView:
    """What the LaunchPad knows of a campaign, where there is one."""

    progress: Progress
    failures: Sequence[Failure]
    run_time_s: Mapping[str, float]
    """Wall time spent in launches by stage (s)."""


def overview_section(
    jobs: Sequence[tuple[str, str]],
    launchpad: LaunchPadView | None,
    *,
    methods: Mapping[str, int],
    versions: Mapping[str, str],
    settings: Mapping[str, Any] | None,
    prices: Mapping[str, Price],
    beside_paper: bool,
) -> Section:
    """Return the section.

    Parameters
    ----------
    versions
        Versions of the code that wrote the documents, several where they differ.
    beside_paper
        Whether the paper's numbers stand in the tables: its line is this one.
    """
    blocks: list[Block] = []
    if not jobs and launchpad is None:
        return Section("overview", "How this was made", missing="Nothing has run yet.")
    times = sorted(time for _, time in jobs if time)
    if times:
        blocks.append(
            Note(
                f"{len(jobs)} jobs ended between {times[0][:16].replace('T', ' ')} and "
                f"{times[-1][:16].replace('T', ' ')}."
            )
        )
    if launchpad is not None and launchpad.progress.stages:
        blocks.append(_progress_table(launchpad))
    else:
        blocks.append(
            Table(
                ("stage", "jobs done"),
                [(stage, str(n)) for stage, n in Counter(s for s, _ in jobs).items()],
                "Jobs that have ended, by stage. Their time is not on record: it is "
                "the LaunchPad that keeps it, and none was read.",
            )
        )
    if prices["total"].evaluations:
        blocks.append(_price_table(prices))
    blocks += [
        Table(
            ("method", "structures with an energy"),
            [(method, str(n)) for method, n in sorted(methods.items())],
            "Reference methods. Energies of different methods never share a figure.",
        ),
        Table(
            ("package", "version"),
            sorted(versions.items()),
            "Versions that wrote the structure documents.",
            detail=True,
        ),
    ]
    if beside_paper:
        text = (
            "Where a table has a column 'paper', it holds PBE and AIMD values of "
            f"{paper_citation()}; ours are by the method named, at the size of this "
            "campaign."
        )
        blocks.append(Note(text))
    if settings is not None:
        text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
        blocks.append(Listing("settings", "Settings, defaults included", text))
    done = launchpad is None or launchpad.progress.complete
    return Section(
        "overview", "How this was made", blocks, status="done" if done else "partial"
    )


def _progress_table(view: LaunchPadView) -> Table:
    run_time = {**view.run_time_s, "total": sum(view.run_time_s.values())}
    return Table.of(
        [*view.progress.stages, replace(view.progress.total, stage="total")],
        {
            "stage": lambda stage: stage.stage,
            "done": lambda stage: str(stage.completed),
            "running": lambda stage: str(stage.running),
            "waiting": lambda stage: str(stage.ready + stage.waiting),
            "failed": lambda stage: str(stage.failed),
            "stopped": lambda stage: str(stage.stopped),
            "wall time": lambda stage: _duration(run_time.get(stage.stage, 0.0)),
        },
        "Fireworks by stage, and the wall time their launches took.",
    )


def _price_table(prices: Mapping[str, Price]) -> Table:
    def number(value: float | None, how: str) -> str:
        return "" if value is None else format(value, how)

    return Table(
        ("stage", "reference evaluations", "foretold", "core-hours", "foretold"),
        [
            (
                stage,
                f"{price.evaluations:,}",
                number(price.foretold_evaluations, ",.0f"),
                number(price.core_hours, ",.2f"),
                number(price.foretold_core_hours, ",.2f"),
            )
            for stage, price in prices.items()
        ],
        "Evaluations of energy and forces by the reference methods, and hours of all "
        "jobs with one core per worker, beside what `--dry-run` foretells (at most).",
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def failure_section(
    launchpad: LaunchPadView | None,
    structures: Sequence[JobOutput],
    sets: Sequence[JobOutput],
    evolutions: Sequence[JobOutput],
    damaged: Sequence[str] = (),
) -> Section:
    """Return the section on failures and rejections.

    Parameters
    ----------
    structures
        Outputs of class `StructureDocument`, for relaxations that did not converge.
    sets
        Outputs of class `StructureSet`, their failures.
    evolutions
        Outputs of class `EvolutionDocument`, their rejections.
    damaged
        What could not be read, and is left out of the page.
    """
    unread = [*damaged, *(launchpad.progress.damaged if launchpad is not None else ())]
    stopped = [
        job
        for job in structures
        if job.output["relaxed"] and not job.output["converged"]
    ]
    methods = ", ".join(sorted({job.output["method"] for job in stopped}))
    rejected: Counter[str] = Counter()
    for job in evolutions:
        rejected.update(job.output["rejections"])
    tables = [
        Table(
            ("damaged",),
            [(problem,) for problem in unread],
            "Documents that could not be read; nothing else here rests on them.",
        ),
        Table(
            ("firework", "stage", "job", "reason"),
            [
                (str(failed.fw_id), failed.stage, failed.name, failed.reason)
                for failed in (launchpad.failures if launchpad is not None else ())
            ],
            "Fireworks that failed; mend the cause and run the campaign again with "
            "--retry-failed.",
        ),
        Table(
            ("set", "formula", "reason"),
            [
                (job.name, failure["formula"], failure["reason"])
                for job in sets
                for failure in job.output["failures"]
            ],
            "Members of labelled sets for which the reference gave no energy.",
        ),
        Table(
            ("job", "formula"),
            [(job.name, job.output["formula"]) for job in stopped],
            f"Relaxations by {methods} that ended with forces or stress above their "
            f"thresholds: {counted(len(stopped), 'structure')} with an energy that is "
            "an upper bound.",
        ),
        Table(
            ("job", "formula", "remark"),
            [
                (job.name, job.output["formula"], remark)
                for job in structures
                for remark in job.output.get("remarks") or ()
            ],
            "What to bear in mind with these energies.",
        ),
        Table(
            ("reason", "number"),
            [(reason, str(n)) for reason, n in rejected.most_common()],
            "Structures the searches rejected, over all searches.",
        ),
    ]
    blocks: list[Block] = [table for table in tables if table.rows]
    if not blocks:
        blocks.append(Note("No failure and no rejection is on record."))
    return Section("failures", "Failures and rejections", blocks)
