"""Section: molecular dynamics, diffusion and conductivity."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lps_flows.analysis.literature import of_the_paper, paper_citation
from lps_flows.report.blocks import Block, Chart, Section, Table
from lps_flows.report.charts.transport import arrhenius_figure, msd_figure
from lps_flows.report.summary import conductivity_cells, counted, paper_transport
from lps_flows.schemas.transport import TransportDocument

_IDS = re.compile(r"\['[0-9a-f-]{36}'(?:, '[0-9a-f-]{36}')*\]")
_LONG_NUMBER = re.compile(r"\d+\.\d{6,}")


def transport_section(
    documents: Sequence[TransportDocument], *, beside_paper: bool = True
) -> Section:
    """Return the section.

    Parameters
    ----------
    documents
        One per structure and method.
    beside_paper
        Whether the paper's Table 1 stands beside it: its line is this one.
    """
    if not documents:
        return Section(
            "conductivity",
            "Conductivity",
            missing="No molecular dynamics has been analysed yet.",
        )
    ordered = sorted(documents, key=lambda d: (d.label, d.method))
    methods = ", ".join(sorted({d.method for d in ordered}))
    n_runs = sum(len(d.runs) for d in ordered)
    blocks: list[Block] = [_table(ordered, n_runs, methods, beside_paper=beside_paper)]
    warnings = [
        (document.label, _readable(warning))
        for document in ordered
        for warning in dict.fromkeys(document.warnings)
    ]
    if warnings:
        caption = "What to bear in mind with these numbers."
        blocks.append(Table(("structure", "warning"), warnings, caption))
    blocks.append(
        Chart(
            "arrhenius-chart",
            arrhenius_figure(ordered),
            f"Arrhenius plot of {counted(len(ordered), 'structure')} by {methods}: "
            "diffusivities with 68 % intervals; open: not used in the fit.",
        )
    )
    blocks += [
        Chart(
            f"msd-chart-{k}",
            msd_figure(document),
            f"Mean-squared displacement of {document.mobile} in {document.label} "
            f"({document.n_atoms} atoms), {counted(len(document.runs), 'run')} by "
            f"{document.method}; dotted: not used.",
        )
        for k, document in enumerate(ordered)
        if any(run.lags for run in document.runs)
    ]
    blocks.append(_runs(ordered))
    return Section("conductivity", "Conductivity", blocks)


def _table(
    documents: Sequence[TransportDocument],
    n_runs: int,
    methods: str,
    *,
    beside_paper: bool,
) -> Table:
    """Return Table 1; beside the paper's, its other structures are listed, too."""
    rows = [(d.label, d.method, *conductivity_cells(d)) for d in documents]
    header = ("structure", "method", "Ea (eV)", "conductivity at 300 K (mS/cm)")
    caption = f"Table 1: from {counted(n_runs, 'run')} by {methods}, 68 % intervals"
    if not beside_paper:
        return Table(header, rows, f"{caption}.")
    run = {d.label for d in documents}
    published = [value.phase for value in of_the_paper("activation energy")]
    rows += [(key, "not run here", "-", "-") for key in published if key not in run]
    papers = [paper_transport(row[0]) for row in rows]
    return Table(
        (*header[:3], "paper", header[3], "paper"),
        [
            (label, method, energy, paper_energy, sigma, paper_sigma)
            for (label, method, energy, sigma), (paper_energy, paper_sigma) in zip(
                rows, papers, strict=True
            )
        ],
        f"{caption}. The paper's: AIMD, {paper_citation()}.",
    )


def _readable(text: str) -> str:
    """Count the jobs that a message lists by their ids, and round its numbers."""
    text = _IDS.sub(lambda found: counted(found[0].count(",") + 1, "job"), text)
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.4g}", text)


def _runs(documents: Sequence[TransportDocument]) -> Table:
    return Table(
        (
            "structure",
            "T (K)",
            "mean T (K)",
            "production (ps)",
            "D (cm²/s)",
            "used",
            "reason",
        ),
        [
            (
                document.label,
                f"{run.temperature:g}",
                "-" if run.mean_temperature is None else f"{run.mean_temperature:.0f}",
                f"{run.production / 1000:.1f}",
                "-" if run.D is None else f"{run.D:.2e}",
                "yes" if run.used else "no",
                _readable(run.reason),
            )
            for document in documents
            for run in sorted(document.runs, key=lambda r: r.temperature)
        ],
        f"Every run by {', '.join(sorted({d.method for d in documents}))}, whether the "
        "Arrhenius fit used it, and why.",
    )
