"""Hulls of several campaigns over each other."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lps_flows.analysis.shown_diagram import hull_curves
from lps_flows.appearance import escaped, nth_style, pretty_html
from lps_flows.report.charts.style import empty_chart, x_title
from lps_flows.schemas.phase_diagram import LineEntry
from lps_flows.schemas.results import Results


def hull_comparison_chart(campaigns: Sequence[Results]) -> go.Figure:
    """Return formation energies and hulls of campaigns that have a diagram."""
    lines = list(dict.fromkeys(results.line.end_members for results in campaigns))
    chart = empty_chart(
        " or ".join(x_title(members) for members in lines),
        "formation energy (meV/atom)",
        hovermode="closest",
    )
    for k, results in enumerate(campaigns):
        if results.diagram is None:
            continue
        style = nth_style(k)
        name = escaped(results.campaign)
        for curve, xs, energies in hull_curves(results.diagram):
            chart.add_scatter(
                x=xs,
                y=energies,
                mode="lines",
                name=f"{name}: {curve}",
                line={
                    "color": style.colour,
                    "dash": "solid" if curve == "hull" else "dash",
                    "width": 1.8,
                },
                hoverinfo="skip",
            )
        lowest: dict[str, LineEntry] = {}
        for entry in sorted(results.on_line, key=lambda e: e.formation_energy_per_atom):
            lowest.setdefault(entry.label, entry)
        chart.add_scatter(
            x=[round(entry.x, 5) for entry in lowest.values()],
            y=[round(1000 * e.formation_energy_per_atom, 3) for e in lowest.values()],
            mode="markers",
            name=name,
            marker={"color": style.colour, "symbol": style.symbol, "size": 8},
            text=[
                f"{name}: <b>{pretty_html(entry.label)}</b><br>x = {entry.x:.3f}, "
                f"{1000 * entry.energy_above_hull:.1f} meV/atom above its hull"
                for entry in lowest.values()
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    return chart
