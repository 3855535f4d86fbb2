"""The diagram of all elements, to hover over."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from pymatgen.core import Composition

from lps_flows.analysis.shown_diagram import stable_and_above, tie_lines
from lps_flows.appearance import BLACK, BLUE, GREY, escaped, pretty_html
from lps_flows.report.charts.style import TEMPLATE
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry


def ternary_chart(
    diagram: PhaseDiagramDocument, entries: Sequence[PhaseDiagramEntry]
) -> go.Figure:
    """Return the triangle with tie lines and the phases above the hull."""
    left, right, top = diagram.elements
    corners = {"a": top, "b": left, "c": right}
    chart = go.Figure()
    stable, above = stable_and_above(entries)
    first, second = (Composition(end.formula) for end in diagram.end_members)
    for name, pairs, line in (
        ("tie lines", tie_lines(stable, diagram.elements), {"color": GREY, "width": 1}),
        ("composition line", [(first, second)], {"color": BLUE, "dash": "dash"}),
    ):
        chart.add_scatterternary(
            **{
                axis: [
                    value
                    for pair in pairs
                    for value in (*(c.get_atomic_fraction(el) for c in pair), None)
                ]
                for axis, el in corners.items()
            },
            mode="lines",
            name=name,
            line=line,
            hoverinfo="skip",
        )
    scale = {"title": "meV/atom above the hull", "thickness": 12, "len": 0.6}
    for name, phases, marker in (
        ("stable", stable, {"symbol": "circle", "color": BLACK, "size": 9}),
        (
            "above the hull",
            above,
            {
                "symbol": "square",
                "color": [_above(entry) for entry in above],
                "cmin": 0,
                "colorscale": "Viridis_r",
                "colorbar": scale,
                "size": 8,
                "line": {"color": BLACK, "width": 0.6},
            },
        ),
    ):
        chart.add_scatterternary(
            **{
                axis: [
                    Composition(entry.composition).get_atomic_fraction(el)
                    for entry in phases
                ]
                for axis, el in corners.items()
            },
            mode="markers",
            name=name,
            marker=marker,
            text=[
                f"<b>{pretty_html(entry.formula_pretty)}</b> ({escaped(entry.parent)})"
                f"<br>{_above(entry):.1f} meV/atom above the hull"
                for entry in phases
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    chart.update_traces(cliponaxis=False)
    chart.update_layout(
        template=TEMPLATE,
        legend={"orientation": "h", "x": 0, "y": 1.18, "yanchor": "top"},
        margin={"l": 48, "r": 48, "t": 72, "b": 40},
        ternary={f"{axis}axis_title": element for axis, element in corners.items()},
    )
    return chart


def _above(entry: PhaseDiagramEntry) -> float:
    return 1000 * entry.ternary.energy_above_hull if entry.ternary else 0.0
