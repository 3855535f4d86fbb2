"""Section: the search over removed units, and what the reference engine said."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.report.blocks import Block, Chart, Section, Table
from lps_flows.report.charts.evolution import (
    convergence_figure,
    family_figure,
    relaxed,
)
from lps_flows.report.documents import JobOutput
from lps_flows.report.summary import counted, number


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
        runs = {found.name: found.output for found in evolutions}
        methods = ", ".join(sorted({run["method"] for run in runs.values()}))
        n_evaluations = sum(run["n_evaluations"] for run in runs.values())
        blocks.append(
            Chart(
                "convergence-chart",
                convergence_figure(runs),
                f"Lowest energy of {counted(len(runs), 'search')} by {methods}, "
                f"{counted(n_evaluations, 'relaxation')} in all.",
            )
        )
        blocks.append(_runs_table(evolutions))
        longest = max(runs, key=lambda name: runs[name]["n_generations"])
        blocks.append(
            Chart(
                "family-chart",
                family_figure(runs[longest]),
                f"Family tree of '{longest}', the longest search, by "
                f"{runs[longest]['method']}: the {len(relaxed(runs[longest]))} relaxed "
                "structures that were not rejected, by the operator that made them; "
                "large: the ancestors of the best.",
                500,
            )
        )
    if samplings:
        blocks.append(_samplings_table(samplings))
    return Section(
        "search",
        "Sampling",
        blocks,
        missing="No composition has been sampled yet.",
        status="done" if samplings else "partial",
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
                (found.output for found in evolutions), key=lambda run: run["x"]
            )
        ],
        f"Searches over the units removed by "
        f"{', '.join(sorted({found.output['method'] for found in evolutions}))}, with "
        "the reasons of rejections.",
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items())) or "none"


def _samplings_table(samplings: Sequence[JobOutput]) -> Table:
    documents = sorted((f.output for f in samplings), key=lambda d: d["x"] or 0.0)
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
