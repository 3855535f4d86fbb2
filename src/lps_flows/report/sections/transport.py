"""Section: molecular dynamics, diffusion and conductivity."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lps_flows.analysis.literature import of_the_paper, paper_citation, paper_value
from lps_flows.analysis.shown import shown_run
from lps_flows.appearance import counted
from lps_flows.chemistry import CompositionLine
from lps_flows.plotting.captions import (
    arrhenius_caption,
    conductivity_map_caption,
    density_name,
    msd_caption,
)
from lps_flows.report.blocks import (
    Block,
    Cell,
    Chart,
    Section,
    StructureLink,
    Table,
    number,
)
from lps_flows.report.charts.conductivity_map import conductivity_map_chart
from lps_flows.report.charts.density import SHARE, density_chart, surface_chart
from lps_flows.report.charts.transport import arrhenius_chart, msd_chart
from lps_flows.report.values import (
    COLLECTIVE,
    ENERGY,
    INTACT,
    ROOM,
    SIGMA,
    conductivity_title,
    in_milli,
    measured,
    moiety,
    primary_sources,
    published_values,
    with_interval,
)
from lps_flows.schemas.conductivity_map import ConductivityMapDocument
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.transport import TransportDocument

_LI_P_S = CompositionLine()
_IDS = re.compile(r"\['[0-9a-f-]{36}'(?:, '[0-9a-f-]{36}')*\]")
_LONG_NUMBER = re.compile(r"\d+\.\d{6,}")


def transport_section(
    documents: Sequence[TransportDocument],
    maps: Sequence[ConductivityMapDocument] = (),
    densities: Iterable[MDRunDocument] = (),
    *,
    line: CompositionLine = _LI_P_S,
    beside_paper: bool = True,
) -> Section:
    """Return the section.

    Parameters
    ----------
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
    blocks = _conductivities(ordered, line, beside_paper=beside_paper)
    for k, document in enumerate(maps):
        blocks += [
            Chart(
                f"conductivity-map-{k}",
                conductivity_map_chart(document, line.end_members),
                conductivity_map_caption([document]),
                ["conductivity_map"],
            ),
            _map_table(document),
        ]
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
            fold=f"Mean-squared displacements in {document.label}",
        )
        for k, document in enumerate(ordered)
        if any(run.lags for run in document.runs)
    ]
    for k, run in enumerate(densities):
        blocks += _density(k, run)
    blocks.append(_runs(ordered))
    if beside_paper:
        blocks.append(published_values(ordered, line))
    return Section("conductivity", "Conductivity", blocks)


def _density(k: int, run: MDRunDocument) -> list[Block]:
    """Return where the ions of a run were: as a surface, and along each axis."""
    if run.density is None:
        return []
    of_run = (
        f"{run.mobile} in {run.label} at {run.temperature:g} K, 1 run of "
        f"{run.production / 1000:.3g} ps by {run.method}"
    )
    density = run.density.unpack()
    return [
        Chart(
            f"density-surface-{k}",
            surface_chart(run, density),
            f"Surface around {100 * SHARE:.0f} % of the density of {of_run}; dots: "
            "where the other atoms ended. Drag to turn.",
            height=420,
        ),
        Chart(
            f"density-chart-{k}",
            density_chart(run, density),
            f"Density of {of_run}, averaged along each axis of the cell; dots: where "
            "the other atoms ended.",
            height=360,
            fold=f"Density of {run.mobile} in {run.label} along each axis",
        ),
    ]


def _conductivities(
    documents: Sequence[TransportDocument],
    line: CompositionLine,
    *,
    beside_paper: bool,
) -> list[Block]:
    """Return Table 1 in two parts; beside the paper's, its other structures, too."""
    methods = ", ".join(sorted({d.method for d in documents}))
    n_runs = sum(len(d.runs) for d in documents)
    temperatures = {d.reference_temperature for d in documents}
    title = conductivity_title(temperatures)
    columns: dict[str, Callable[[TransportDocument], Cell]] = {
        "structure": lambda d: d.label,
        "method": lambda d: d.method,
        "Ea (eV)": lambda d: with_interval(d, ENERGY),
        "paper (eV)": lambda d: _papers(d.label, ENERGY),
        title: lambda d: (
            with_interval(d, SIGMA)
            + (
                f" at {d.reference_temperature:g} K"
                if len(temperatures) > 1 and d.conductivity is not None
                else ""
            )
        ),
        "paper (mS/cm)": lambda d: _at_room(d, _papers(d.label, SIGMA)),
        "runs used": lambda d: f"{sum(run.used for run in d.runs)} of {len(d.runs)}",
    }
    more: dict[str, Callable[[TransportDocument], Cell]] = {
        "structure": lambda d: d.label,
        "moiety": lambda d: moiety(d.structure, line),
        "x": lambda d: number(d.x, 3),
        "measured (eV)": lambda d: measured(d.label, ENERGY),
        "measured (mS/cm)": lambda d: _at_room(d, measured(d.label, SIGMA)),
        "measured by": lambda d: primary_sources(d.label),
        "intact runs alone (mS/cm)": lambda d: with_interval(d, INTACT),
        "Haven ratio": _haven,
        "collective (mS/cm)": lambda d: with_interval(d, COLLECTIVE),
    }
    run_here = {d.label for d in documents}
    others = [
        {
            "structure": value.phase,
            "method": "not run here",
            "paper (eV)": value.text,
            "x": number(value.x, 3),
            "measured (eV)": measured(value.phase, ENERGY),
            **(
                {
                    "paper (mS/cm)": _papers(value.phase, SIGMA),
                    "measured (mS/cm)": measured(value.phase, SIGMA),
                }
                if ROOM in temperatures
                else {}
            ),
            "measured by": primary_sources(value.phase),
        }
        for value in (of_the_paper(ENERGY) if beside_paper else [])
        if value.phase not in run_here
    ]
    first = f"Table 1: from {counted(n_runs, 'run')} by {methods}, 68 % intervals."
    second = (
        "Table 1, continued: motifs of the cell, and what intact runs alone and the "
        f"collective motion give, {methods}."
    )
    if beside_paper:
        first += f" The paper's: AIMD, {paper_citation()}."
        second += " Measured: the range of all published values, by the works named "
        second += "as far as they are verified."
    blocks: list[Block] = []
    for part, caption in ((columns, first), (more, second)):
        shown = {
            name: cell
            for name, cell in part.items()
            if beside_paper or not name.startswith(("paper", "measured"))
        }
        table = Table.of(documents, shown, caption)
        rows = [tuple(row.get(name, "-") for name in shown) for row in others]
        blocks.append(replace(table, rows=[*table.rows, *rows]))
    return blocks


def _haven(document: TransportDocument) -> str:
    if document.haven_ratio is None or document.haven_ratio_interval is None:
        return "-"
    low, high = document.haven_ratio_interval
    return f"{document.haven_ratio:.2f} ({low:.2f} to {high:.2f})"


def _map_table(document: ConductivityMapDocument) -> Table:
    return Table.of(
        document.points,
        {
            "structure": lambda p: StructureLink(p.structure_id, p.label),
            "x": lambda p: f"{p.x:.3f}",
            "parent": lambda p: p.parent or "-",
            "class": lambda p: "-" if p.class_label is None else str(p.class_label),
            "most similar to": lambda p: p.nearest or "-",
            "Ea (eV)": lambda p: number(p.activation_energy, 3),
            f"conductivity at {document.reference_temperature:g} K (mS/cm)": (
                lambda p: in_milli(p.conductivity) or "-"
            ),
            "trusted": lambda p: "yes" if p.trusted else f"no: {p.why_not}",
        },
        f"Conductivity over x by {document.dynamics_method}, structures by "
        f"{document.method}: what it is made of, what it descends from, its class by "
        "the fingerprint, and what it conducts.",
    )


def _papers(label: str, quantity: str) -> str:
    value = paper_value(label, quantity)
    return "-" if value is None else f"{value:g}"


def _at_room(document: TransportDocument, published: str) -> str:
    """Return what was published of room temperature, where ours is of it, too."""
    return published if document.reference_temperature == ROOM else "-"


def _densities(documents: Sequence[TransportDocument]) -> list[str]:
    """Return the names of the printed densities of these structures."""
    return [
        f"fig8b_density_{density_name(document.label, run.temperature)}"
        for document in documents
        if (run := shown_run(document)) is not None
    ]


def _readable(text: str) -> str:
    """Count the jobs that a message lists by their ids, and round its numbers."""
    text = _IDS.sub(lambda ids: counted(ids[0].count(",") + 1, "job"), text)
    return _LONG_NUMBER.sub(lambda digits: f"{float(digits[0]):.4g}", text)


def _runs(documents: Sequence[TransportDocument]) -> Table:
    return Table.of(
        [
            (document.label, run)
            for document in documents
            for run in sorted(document.runs, key=lambda r: r.temperature)
        ],
        {
            "structure": lambda row: row[0],
            "T (K)": lambda row: f"{row[1].temperature:g}",
            "mean T (K)": lambda row: number(row[1].mean_temperature, 0),
            "production (ps)": lambda row: f"{row[1].production / 1000:.1f}",
            "D (cm²/s)": lambda row: "-" if row[1].D is None else f"{row[1].D:.2e}",
            "lost a ligand": lambda row: number(row[1].framework_lost, 2),
            "condensed": lambda row: number(row[1].framework_condensed, 2),
            "used": lambda row: "yes" if row[1].used else "no",
            "reason": lambda row: _readable(row[1].reason),
        },
        f"Every run by {', '.join(sorted({d.method for d in documents}))}, whether the "
        "Arrhenius fit used it, and why; the fractions of the network former that lost "
        "a ligand, and that condensed with a neighbour without losing any.",
        detail=True,
    )
