"""Section: how the ions move."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.appearance import counted
from lps_flows.plotting.captions import jump_caption
from lps_flows.report.blocks import Block, Chart, Download, Note, Section, Table, number
from lps_flows.report.charts.jumps import jump_chart
from lps_flows.schemas.jumps import JumpAnalysis, JumpDocument


def jump_section(documents: Sequence[JumpDocument]) -> Section:
    """Return the section on sites, jumps, barriers and turning units."""
    runs = sorted(
        ((d, d.analysis) for d in documents if d.analysis is not None),
        key=lambda run: (run[0].label, run[0].temperature),
    )
    blocks: list[Block] = []
    if any(analysis.n_jumps for _, analysis in runs):
        caption = jump_caption(documents)
        blocks.append(Chart("jump-chart", jump_chart(documents), caption, ["jumps"]))
    if runs:
        blocks.append(_table(runs))
    refused = {f"{d.label}, {d.temperature:g} K: {d.note}" for d in documents if d.note}
    blocks += [Note(f"No jumps: {note}", "warning") for note in sorted(refused)]
    return Section(
        "jumps",
        "How the ions move",
        blocks,
        missing="No run of molecular dynamics has been analysed for jumps yet.",
        status="done" if runs and not refused else "partial",
    )


def _table(runs: Sequence[tuple[JumpDocument, JumpAnalysis]]) -> Table:
    mobile = runs[0][0].mobile
    return Table.of(
        runs,
        {
            "structure": lambda run: run[0].label,
            "T (K)": lambda run: f"{run[0].temperature:g}",
            "sites": lambda run: str(len(run[1].sites)),
            "jumps": lambda run: str(run[1].n_jumps),
            "per ion (1/ps)": lambda run: (
                f"{run[1].rate:.3g} ± {run[1].rate_error:.1g}"
            ),
            "length (Å)": lambda run: number(run[1].mean_length, 2),
            "on a site (ps)": lambda run: number(run[1].residence, 2),
            "dimensions": lambda run: str(run[1].dimensions),
            "barriers along a, b, c (eV)": lambda run: ", ".join(
                number(barrier, 2) for barrier in run[1].barriers
            ),
            "turning beside a jump": lambda run: (
                f"{turning.ratio:.2f} ± {turning.ratio_error:.2f}"
                if (turning := run[1].turning)
                else "-"
            ),
        },
        f"Jumps of {mobile} between maxima of its density, by {runs[0][0].method}, "
        f"{counted(len(runs), 'run')}. Dimensions: directions in which the jumps that "
        "were seen connect without end. Barriers: free energy to be climbed from the "
        "most visited place to its image, a dash where no ion went all the way; rare "
        "jumps that a short run does not see are in neither. Turning: angle by which "
        "the unit nearest to a jump turns around it, over the mean of the same units "
        "at all times; 1 without a connection.",
    )


def jump_downloads(documents: Sequence[JumpDocument]) -> list[Download]:
    """Return the jumps by pair of sites as CSV."""
    rows = [(d, pair) for d in documents if d.analysis for pair in d.analysis.pairs]
    if not rows:
        return []
    columns = {
        "structure": lambda row: row[0].label,
        "method": lambda row: row[0].method,
        "temperature (K)": lambda row: row[0].temperature,
        "from": lambda row: row[1].start,
        "to": lambda row: row[1].end,
        "length (Å)": lambda row: row[1].length,
        "jumps": lambda row: row[1].n_jumps,
        "rate (1/ps)": lambda row: row[1].rate,
    }
    return [Download.csv("jumps.csv", rows, columns, "jumps by pair of sites")]
