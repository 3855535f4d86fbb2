"""Section: the search over removed units, and what the reference engine said."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.appearance import counted
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import Block, Chart, Note, Section, Table, number
from lps_flows.report.charts.evolution import (
    convergence_chart,
    family_chart,
    relaxed,
)


def search_section(
    evolutions: Sequence[JobOutput], samplings: Sequence[JobOutput]
) -> Section:
    """Return the section.

    Parameters
    ----------
    evolutions
        Outputs of class `EvolutionDocument` with their generations.
    samplings
        Outputs of class `SamplingDocument`.
    """
    blocks: list[Block] = []
    if evolutions:
        runs = {job.name: job.output for job in evolutions}
        methods = ", ".join(sorted({run["method"] for run in runs.values()}))
        n_evaluations = sum(run["n_evaluations"] for run in runs.values())
        blocks.append(
            Chart(
                "convergence-chart",
                convergence_chart(runs),
                f"Lowest energy of {counted(len(runs), 'search')} by {methods}, "
                f"{counted(n_evaluations, 'relaxation')} in all.",
            )
        )
        blocks.append(_runs_table(evolutions))
        longest = max(runs, key=lambda name: runs[name]["n_generations"])
        blocks.append(
            Chart(
                "family-chart",
                family_chart(runs[longest]),
                f"Family tree of '{longest}', the longest search, by "
                f"{runs[longest]['method']}: the {len(relaxed(runs[longest]))} relaxed "
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
    return Table(
        (
            "composition",
            "x",
            "parent",
            "generations",
            "relaxations",
            "rejected",
            "ended",
        ),
        [
            (
                run["formula"],
                f"{run['x']:.3f}",
                f"{run['parent']} - {run['n_removed']} {run['removed']}",
                str(run["n_generations"]),
                str(run["n_evaluations"]),
                _counts(run["rejections"]),
                run["stopped"] or "goes on",
            )
            for run in sorted(
                (job.output for job in evolutions), key=lambda run: run["x"]
            )
        ],
        f"Searches over the units removed by "
        f"{', '.join(sorted({job.output['method'] for job in evolutions}))}, with "
        "the reasons of rejections.",
        detail=True,
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items())) or "none"


def _samplings_table(samplings: Sequence[JobOutput]) -> Table:
    documents = sorted((job.output for job in samplings), key=lambda d: d["x"] or 0.0)
    methods = ", ".join(sorted({doc["method"] for doc in documents}))
    return Table(
        (
            "composition",
            "x",
            "parent",
            "relaxed",
            "failed",
            "ANN error (meV/atom)",
            "rank correlation",
            "more data called for",
        ),
        [
            (
                doc["formula"],
                number(doc["x"], 3),
                f"{doc['parent']} - {doc['n_removed']} {doc['removed']}",
                str(sum(e is not None for e in doc["reference_energies"])),
                str(sum(e is None for e in doc["reference_energies"])),
                number(doc["mean_absolute_error"], 1),
                number(doc["rank_correlation"], 2),
                "yes" if doc["needs_active_learning"] else "no",
            )
            for doc in documents
        ],
        f"The lowest structures of each search, relaxed again by {methods}: how far "
        "the ANN's energies and order agree with it.",
    )
