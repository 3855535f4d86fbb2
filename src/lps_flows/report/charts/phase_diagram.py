"""The phase diagram as a figure to hover over and to click."""

from __future__ import annotations

from collections import defaultdict

import plotly.graph_objects as go

from lps_flows.analysis.hull_gaps import curve_between
from lps_flows.report.charts.style import (
    escaped,
    figure,
    formula_html,
    style_of,
    styles,
    x_title,
)
from lps_flows.report.diagram import Diagram, Point


def phase_diagram_figure(
    diagram: Diagram,
) -> go.Figure:
    """Return formation energy against composition, with hulls and gaps.

    Parameters
    ----------
    diagram
        Points, hulls and gaps.
    """
    made = figure(
        x_title(diagram.line.end_members),
        "formation energy (meV/atom)",
        hovermode="closest",
        clickmode="event",
        uirevision=diagram.method,  # new points leave the view as it is
    )
    for gap in diagram.gaps:
        made.add_vrect(
            x0=gap.x_start,
            x1=gap.x_end,
            fillcolor="#E69F00",
            opacity=0.16,
            line={"width": 1, "color": "#E69F00"},
            layer="below",
        )
    hull = sorted({(p.x, p.formation_energy) for p in diagram.points if p.on_hull})
    for name, vertices, dash in (
        ("convex hull", hull, "solid"),
        ("metastable hull", sorted(diagram.metastable), "dot"),
    ):
        if len(vertices) > 1:
            xs, energies = curve_between(diagram.line, vertices)
            made.add_scatter(
                x=xs.round(5),
                y=(1000 * energies).round(3),
                mode="lines",
                name=name,
                line={"dash": dash, "color": "#1d2733", "width": 1.8},
                hoverinfo="skip",
            )
    style = styles(diagram.crystals)
    groups: dict[tuple[bool, str], list[Point]] = defaultdict(list)
    for point in diagram.points:
        name = f"from {point.parent or 'unknown'}" if point.glass else "crystals"
        if not point.glass and point.source != "crystal":
            name = point.source
        groups[(not point.glass, name)].append(point)
    for (_, name), members in sorted(groups.items()):
        colour, symbol = "#1d2733", "star"
        if members[0].glass:
            colour, symbol = style_of(members[0].parent, style)
        made.add_scatter(
            x=[round(p.x, 5) for p in members],
            y=[round(1000 * p.formation_energy, 3) for p in members],
            mode="markers",
            name=formula_html(name),
            marker={
                "color": colour,
                "symbol": symbol,
                "size": 9 if members[0].glass else 11,
                "opacity": 0.75 if members[0].glass else 1.0,
                "line": {"color": "#ffffff", "width": 0.8},
            },
            customdata=[p.structure_id for p in members],
            text=[hover_text(p) for p in members],
            hovertemplate="%{text}<extra></extra>",
        )
    return made


def hover_text(point: Point) -> str:
    """Return what a person reads when hovering over a structure."""
    lines = [
        f"<b>{formula_html(point.label)}</b>",
        f"{formula_html(point.formula)}, x = {point.x:.3f}",
        f"{1000 * point.e_above_hull:.1f} meV/atom above hull",
        f"source {escaped(point.source)}, parent {formula_html(point.parent or '-')}",
    ]
    if point.class_label is not None:
        lines.append(
            f"class {point.class_label}, nearest {formula_html(point.nearest or '-')}"
        )
    return "<br>".join(lines)
