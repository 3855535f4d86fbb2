"""Section: molecular dynamics, diffusion and conductivity."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lps_flows.analysis.literature import (
    LiteratureValue,
    literature_for,
    of_the_paper,
    paper_citation,
    paper_value,
)
from lps_flows.analysis.shown import shown_run
from lps_flows.appearance import counted
from lps_flows.plotting.captions import arrhenius_caption, density_name, msd_caption
from lps_flows.report.blocks import Block, Chart, Download, Section, Table, number
from lps_flows.report.charts.transport import arrhenius_chart, msd_chart
from lps_flows.schemas.transport import TransportDocument

_ENERGY, _SIGMA = "activation energy", "RT ionic conductivity"
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
    blocks: list[Block] = [_conductivities(ordered, beside_paper=beside_paper)]
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
            arrhenius_chart(ordered),
            arrhenius_caption(ordered),
            ["fig8a_arrhenius", *_densities(ordered)],
        )
    )
    blocks += [
        Chart(
            f"msd-chart-{k}",
            msd_chart(document),
            msd_caption([document]),
            ["figS2_msd"],
        )
        for k, document in enumerate(ordered)
        if any(run.lags for run in document.runs)
    ]
    blocks.append(_runs(ordered))
    if beside_paper:
        blocks.append(_published(ordered))
    return Section("conductivity", "Conductivity", blocks)


def _conductivities(
    documents: Sequence[TransportDocument], *, beside_paper: bool
) -> Table:
    """Return Table 1; beside the paper's, its other structures are listed, too."""
    methods = ", ".join(sorted({d.method for d in documents}))
    n_runs = sum(len(d.runs) for d in documents)
    caption = f"Table 1: from {counted(n_runs, 'run')} by {methods}, 68 % intervals"
    rows = [
        (
            d.label,
            d.method,
            _with_interval(d.activation_energy, d.activation_energy_interval, _energy),
            _with_interval(d.conductivity, d.conductivity_interval, _millisiemens),
            f"{sum(run.used for run in d.runs)} of {len(d.runs)}",
        )
        for d in documents
    ]
    header = ("structure", "method", "Ea (eV)", "conductivity at 300 K (mS/cm)")
    if not beside_paper:
        return Table((*header, "runs used"), rows, f"{caption}.")
    run_here = {d.label for d in documents}
    rows += [
        (answer.phase, "not run here", "-", "-", "-")
        for answer in of_the_paper(_ENERGY)
        if answer.phase not in run_here
    ]
    return Table(
        (*header[:3], "paper", header[3], "paper", "runs used"),
        [
            (
                label,
                method,
                energy,
                number(paper_value(label, _ENERGY), 3),
                sigma,
                _paper_sigma(label),
                used,
            )
            for label, method, energy, sigma, used in rows
        ],
        f"{caption}. The paper's: AIMD, {paper_citation()}.",
    )


def _with_interval(
    value: float | None,
    interval: tuple[float, float] | None,
    written: Callable[[float], str],
) -> str:
    if value is None:
        return "-"
    if interval is None:
        return written(value)
    return f"{written(value)} ({written(interval[0])} to {written(interval[1])})"


def _energy(value: float) -> str:
    return f"{value:.3f}"


def _millisiemens(value: float) -> str:
    """Return a conductivity (S/cm) in mS/cm, large numbers without an exponent."""
    return f"{1000 * value:,.0f}" if value >= 1 else f"{1000 * value:.3g}"


def _paper_sigma(label: str) -> str:
    sigma = paper_value(label, _SIGMA)
    return "-" if sigma is None else f"{sigma:g}"


def _densities(documents: Sequence[TransportDocument]) -> list[str]:
    """Return the names of the printed densities of these structures."""
    return [
        f"fig8b_density_{density_name(document.label, run.temperature)}"
        for document in documents
        if (run := shown_run(document)) is not None
    ]


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
        detail=True,
    )


_COLUMNS = (
    "structure",
    "quantity",
    "unit",
    "source",
    "value",
    "low",
    "high",
    "method",
    "citation",
    "remarks",
)


def conductivity_values(
    documents: Sequence[TransportDocument], *, beside_paper: bool = True
) -> list[Download]:
    """Return ours beside every published value, one number a row, as ``table_1.csv``.

    On another line than the paper's, ours alone. The interval of our own numbers is the
    central 68 %; published ranges stand as they were published.
    """
    if not documents:
        return []
    table = _published(documents, literature=beside_paper)
    text = "conductivities, ours and published ones"
    return [Download.csv("table_1.csv", table.header, table.rows, text)]


def _published(
    documents: Sequence[TransportDocument], *, literature: bool = True
) -> Table:
    rows: list[tuple[str, ...]] = []
    for document in documents:
        for quantity, unit in ((_ENERGY, "eV"), (_SIGMA, "mS/cm")):
            rows.append(_ours(document, quantity, unit))
            known = literature_for(document.label, quantity) if literature else []
            rows += [
                _theirs(document.label, value)
                for value in sorted(known, key=lambda v: not v.by_the_paper)
            ]
    return Table(
        _COLUMNS,
        rows,
        "Ours beside every published value of the same structures; low and high bound "
        "the central 68 % of ours, published ranges stand as published.",
        detail=True,
    )


def _ours(document: TransportDocument, quantity: str, unit: str) -> tuple[str, ...]:
    used = [run for run in document.runs if run.used]
    temperatures = ", ".join(f"{run.temperature:g}" for run in used)
    length = min((run.production for run in used), default=0.0) / 1000
    how = f"MD {temperatures} K, {length:.3g} ps" if used else "no usable run"
    value, interval, written = (
        (document.activation_energy, document.activation_energy_interval, _energy)
        if quantity == _ENERGY
        else (document.conductivity, document.conductivity_interval, _millisiemens)
    )
    numbers = (value, *(interval or (None, None)))
    return (
        document.label,
        quantity,
        unit,
        "this work",
        *("" if n is None else written(n).replace(",", "") for n in numbers),
        f"{document.method}; {how}",
        "",
        "; ".join(document.warnings),
    )


def _theirs(label: str, value: LiteratureValue) -> tuple[str, ...]:
    ends = value.values
    is_range = len(ends) == 2 and "-" in value.text
    return (
        label,
        value.quantity,
        value.unit,
        "the paper, AIMD" if value.by_the_paper else value.method,
        value.text,
        *((f"{min(ends):g}", f"{max(ends):g}") if is_range else ("", "")),
        value.method,
        value.citation,
        value.phase,
    )
