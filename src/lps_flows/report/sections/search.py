"""Section: the search over removed units, and what the reference engine said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lps_flows.appearance import counted
from lps_flows.chemistry import written_removal
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import Block, Chart, Note, Section, Table, number
from lps_flows.report.charts.evolution import (
    convergence_chart,
    family_chart,
    panel_rows,
    relaxed,
)
from lps_flows.schemas.evolution import STILL_FALLING, fell

_WHERE: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "composition": lambda run: run["formula"],
    "x": lambda run: number(run["x"], 3),
    "parent": lambda run: (
        f"{run['parent']} - {written_removal(run['removed'], run['n_removed'])}"
    ),
}
"""Columns that say what was searched."""


def search_section(
    evolutions: Sequence[JobOutput], samplings: Sequence[JobOutput]
) -> Section:
    """Return the section.

    Parameters
    ----------
    evolutions
        Outputs of class `EvolutionDocument` with their generations.
    """
    blocks: list[Block] = []
    if evolutions:
        runs = [job.output for job in evolutions]
        methods = ", ".join(sorted({run["method"] for run in runs}))
        n_evaluations = sum(run["n_evaluations"] for run in runs)
        blocks.append(
            Chart(
                "convergence-chart",
                convergence_chart(evolutions),
                f"Lowest energy of {counted(len(runs), 'search')} by {methods}, "
                f"{counted(n_evaluations, 'relaxation')} in all, a panel for each "
                "parent crystal; dotted: still falling in the last generations.",
                height=120 + 240 * panel_rows(evolutions),
            )
        )
        blocks.append(_runs_table(evolutions))
        # a round of active learning explores, and its searches need not end
        meant = [job.output for job in evolutions if not job.explores]
        falling = [run for run in meant if (fell(run) or 0.0) > STILL_FALLING]
        if falling:
            blocks.append(
                Note(
                    "Still falling in the last generations: "
                    f"{counted(len(falling), 'search')} of {len(meant)}, dotted above. "
                    "Their energies are upper bounds, and what rests on them is "
                    "undecided. Give the campaign a new `name` and raise "
                    "`sampling.evolution.generations`.",
                    "warning",
                )
            )
        longest = max(evolutions, key=lambda job: job.output["n_generations"])
        run = longest.output
        blocks.append(
            Chart(
                "family-chart",
                family_chart(run),
                f"Family tree of '{longest.name}', the longest search, by "
                f"{run['method']}: the {len(relaxed(run))} relaxed "
                "structures that were not rejected, by the operator that made them; "
                "large: the ancestors of the best.",
                height=500,
            )
        )
    if samplings:
        blocks.append(_samplings_table(samplings))
        poor = [
            job.output["formula"]
            for job in sorted(samplings, key=lambda job: job.output["x"] or 0.0)
            if job.output["needs_active_learning"]
        ]
        if poor:
            blocks.append(Note(_advice(poor), "warning"))
    return Section(
        "search",
        "Sampling",
        blocks,
        missing="No composition has been sampled yet.",
        status="done" if samplings else "partial",
    )


def _advice(poor: Sequence[str]) -> str:
    return (
        "The ANN's order is poor or its committee uncertain for "
        f"{', '.join(poor)}: more reference data would help. Give the campaign a new "
        "`name` and raise `active_learning.rounds`; each round labels the most "
        "uncertain structures of such searches and trains again."
    )


def _runs_table(evolutions: Sequence[JobOutput]) -> Table:
    runs = sorted((job.output for job in evolutions), key=lambda run: run["x"] or 0.0)
    return Table.of(
        runs,
        {
            **_WHERE,
            "generations": lambda run: str(run["n_generations"]),
            "relaxations": lambda run: str(run["n_evaluations"]),
            "rejected": lambda run: _counts(run["rejections"]),
            "ended": lambda run: run["stopped"] or "goes on",
            "last fall (meV/atom)": lambda run: _fall(fell(run)),
        },
        f"Searches over the units removed by "
        f"{', '.join(sorted({run['method'] for run in runs}))}, with the reasons of "
        "rejections.",
        detail=True,
    )


def _fall(last_fall: float | None) -> str:
    """Return the last fall (eV/atom), marked where the search had not ended."""
    if last_fall is None:
        return "-"
    return f"{1000 * last_fall:.1f}" + (", still falling" * (last_fall > STILL_FALLING))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items())) or "none"


def _samplings_table(samplings: Sequence[JobOutput]) -> Table:
    documents = sorted((job.output for job in samplings), key=lambda d: d["x"] or 0.0)
    methods = ", ".join(sorted({document["method"] for document in documents}))
    return Table.of(
        documents,
        {
            **_WHERE,
            "relaxed": lambda d: str(len(_reference(d)) - _reference(d).count(None)),
            "failed": lambda d: str(_reference(d).count(None)),
            "ANN error (meV/atom)": lambda d: number(d["mean_absolute_error"], 1),
            "difference between seeds (meV/atom)": lambda d: _milli(
                d.get("search_error")
            ),
            "rank correlation": lambda d: number(d["rank_correlation"], 2),
            "more data called for": lambda d: (
                "yes" if d["needs_active_learning"] else "no"
            ),
        },
        f"The lowest structures of each search, relaxed again by {methods}: how far "
        "the ANN's energies and order agree with it.",
    )


def _milli(energy: float | None) -> str:
    return number(None if energy is None else 1000 * energy, 1)


def _reference(document: Mapping[str, Any]) -> list[float | None]:
    return list(document["reference_energies"])
