"""Conductivity over composition, parent crystal and class."""

from __future__ import annotations

from collections.abc import Iterable

import plotly.graph_objects as go

from lps_flows.appearance import escaped, name_of, pretty_html, styles
from lps_flows.report.charts.style import empty_chart, log_axis, x_title
from lps_flows.schemas.conductivity_map import (
    ConductivityMapDocument,
    ConductivityPoint,
)


def conductivity_map_chart(
    document: ConductivityMapDocument, end_members: Iterable[str]
) -> go.Figure:
    """Return conductivity over x, by parent; open symbols are not trusted."""
    chart = empty_chart(
        x_title(end_members),
        f"conductivity at {document.reference_temperature:g} K (mS/cm)",
        hovermode="closest",
        clickmode="event",
    )
    points = [point for point in document.points if point.conductivity]
    chart.update_yaxes(log_axis(1000 * (p.conductivity or 0.0) for p in points))
    for parent, style in styles(point.parent for point in points).items():
        for trusted in (True, False):
            members = [
                point
                for point in points
                if name_of(point.parent) == parent and point.trusted is trusted
            ]
            if members:
                chart.add_scatter(
                    x=[round(point.x, 5) for point in members],
                    y=[1000 * (point.conductivity or 0.0) for point in members],
                    error_y=_bars(members),
                    mode="markers+text",
                    name=f"from {pretty_html(parent)}"
                    + ("" if trusted else ", not trusted"),
                    marker={
                        "color": style.colour,
                        "symbol": style.symbol + ("" if trusted else "-open"),
                        "size": 11,
                    },
                    text=[_class(point) for point in members],
                    textposition="middle right",
                    textfont={"size": 10},
                    customdata=[point.structure_id for point in members],
                    hovertext=[_hover_text(point) for point in members],
                    hovertemplate="%{hovertext}<extra></extra>",
                )
    return chart


def _bars(points: list[ConductivityPoint]) -> dict[str, object]:
    bounds = [
        (sigma, *(p.conductivity_interval or (sigma, sigma)))
        for p in points
        if (sigma := p.conductivity)
    ]
    return {
        "symmetric": False,
        "array": [1000 * (high - sigma) for sigma, _, high in bounds],
        "arrayminus": [1000 * (sigma - low) for sigma, low, _ in bounds],
        "thickness": 1,
    }


def _class(point: ConductivityPoint) -> str:
    return "" if point.class_label is None else f" class {point.class_label}"


def _hover_text(point: ConductivityPoint) -> str:
    lines = [
        f"<b>{pretty_html(point.label)}</b>, x = {point.x:.3f}",
        f"parent {pretty_html(name_of(point.parent))}",
        f"{_class(point) or 'no class'}, nearest {pretty_html(point.nearest or '-')}",
        f"{1000 * (point.conductivity or 0.0):.3g} mS/cm",
    ]
    if not point.trusted:
        lines.append(f"not trusted: {escaped(point.why_not)}")
    return "<br>".join(lines)
