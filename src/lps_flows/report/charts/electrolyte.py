"""Electrochemical windows and structure factors, to hover over."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lps_flows.analysis.shown import stacked_rows
from lps_flows.analysis.shown_electrolyte import (
    OPEN,
    RADIATIONS,
    stacked,
    window_rows,
)
from lps_flows.appearance import BLUE, ORANGE, name_of, pretty_html, styles
from lps_flows.report.charts.style import INK, empty_chart
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.scattering import ScatteringDocument


def window_chart(documents: Sequence[WindowDocument]) -> go.Figure:
    """Return the windows as bars over the voltage; steps tell their products."""
    rows = window_rows(documents)
    mobile = rows[0][2].mobile if rows else "Li"
    chart = empty_chart(f"voltage against {mobile} (V)", "", showlegend=False)
    names = [pretty_html(name) for name, *_ in rows]
    chart.add_bar(
        orientation="h",
        y=names,
        base=[window.reduction for *_, window in rows],
        x=[
            max(min(window.oxidation, OPEN) - window.reduction, 0.015)
            for *_, window in rows
        ],
        marker={"color": [ORANGE if d.glass else BLUE for _, d, _ in rows]},
        hoverinfo="skip",
    )
    steps = [
        (name, step)
        for name, (*_, window) in zip(names, rows, strict=True)
        for step in window.steps
        if step.voltage <= OPEN
    ]
    chart.add_scatter(
        x=[step.voltage for _, step in steps],
        y=[name for name, _ in steps],
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 10, "color": INK},
        text=[" + ".join(map(pretty_html, step.products)) for _, step in steps],
        hovertemplate="%{y} from %{x:.2f} V: %{text}<extra></extra>",
    )
    chart.update_xaxes(range=[-0.05, OPEN])
    return chart


def scattering_chart(
    documents: Sequence[ScatteringDocument],
) -> tuple[go.Figure, list[tuple[str, list[bool]]]]:
    """Return stacked structure factors, and the traces of each radiation by name."""
    chart = empty_chart("Q (1/Å)", "S(Q) - 1, each scaled to its maximum")
    rows = stacked_rows(documents)
    look = styles(document.parent for document in rows)
    owners: list[str] = []
    for name, radiation in RADIATIONS.items():
        named: set[str] = set()
        for row, document in enumerate(rows):
            pattern = document.pattern(radiation)
            if pattern is None:
                continue
            parent = name_of(document.parent)
            chart.add_scatter(
                x=document.q.round(3),
                y=stacked(pattern.s, row).round(3),
                mode="lines",
                line={"color": look[parent].colour, "width": 1.3},
                name=pretty_html(parent),
                legendgroup=parent,
                showlegend=parent not in named,
                visible=name == "neutrons",
                customdata=pattern.s.round(3),
                hovertemplate=f"{pretty_html(document.formula_pretty)} from "
                f"{pretty_html(parent)}<br>Q = %{{x:.2f}} 1/Å, S = "
                "%{customdata:.2f}<extra></extra>",
            )
            named.add(parent)
            owners.append(name)
    chart.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[f"{pretty_html(d.formula_pretty)}, x = {d.x:.3f}" for d in rows],
        tickfont={"size": 11},
    )
    return chart, [(name, [o == name for o in owners]) for name in RADIATIONS]
