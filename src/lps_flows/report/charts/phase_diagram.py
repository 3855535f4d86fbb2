"""The phase diagram as a figure to hover over and to click."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import plotly.graph_objects as go

from lps_flows.analysis.shown_diagram import hull_curves, named_crystals
from lps_flows.appearance import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    escaped,
    pretty_html,
    style_of,
    styles,
)
from lps_flows.report.charts.style import empty_chart, x_title
from lps_flows.schemas.clusters import ClusterAssignment
from lps_flows.schemas.phase_diagram import LineEntry, PhaseDiagramDocument
from lps_flows.schemas.results import Results

_CURVES = {"hull": (BLACK, "solid"), "metastable hull": (BLUE, "dash")}
_VALLEY = 0.76
_SHADES = {
    "gap": ("miscibility gap", VERMILION),
    "undecided": ("undecided", ORANGE),
    "unsampled": ("unsampled", GREY),
}


def phase_diagram_chart(diagram: PhaseDiagramDocument, results: Results) -> go.Figure:
    """Return formation energy against composition, with hulls and gaps.

    Parameters
    ----------
    diagram
        Hulls and gaps.
    results
        The results it belongs to, with its points and their classes.
    """
    chart = empty_chart(
        x_title(diagram.line.end_members),
        "formation energy (meV/atom)",
        hovermode="closest",
        clickmode="event",
        uirevision=diagram.method,  # new points leave the view as it is
    )
    named: set[str] = set()
    for part in diagram.metastable_hull:
        if part.status in _SHADES:
            name, colour = _SHADES[part.status]
            chart.add_vrect(
                x0=part.x_start,
                x1=part.x_end,
                fillcolor=colour,
                opacity=0.16,
                line={"width": 1, "color": colour},
                layer="below",
                name=name,
                legendgroup=name,
                showlegend=name not in named,
            )
            named.add(name)
    for name, xs, energies in hull_curves(diagram):
        colour, dash = _CURVES[name]
        chart.add_scatter(
            x=xs,
            y=energies,
            mode="lines",
            name=name,
            line={"dash": dash, "color": colour, "width": 1.8},
            hoverinfo="skip",
        )
    look = styles(entry.parent for entry in results.on_line)
    groups: dict[tuple[bool, str], list[LineEntry]] = defaultdict(list)
    for entry in results.on_line:
        name = f"from {entry.parent or 'unknown'}" if entry.glass else "crystals"
        if not entry.glass and entry.source != "crystal":
            name = entry.source
        groups[(not entry.glass, name)].append(entry)
    for (crystal, name), members in sorted(groups.items()):
        style = style_of(members[0].parent, look)
        chart.add_scatter(
            x=[round(p.x, 5) for p in members],
            y=[round(1000 * p.formation_energy_per_atom, 3) for p in members],
            mode="markers",
            name=pretty_html(name),
            marker={
                "color": BLACK if crystal else style.colour,
                "symbol": "star" if crystal else style.symbol,
                "size": 11 if crystal else 9,
                "opacity": 1.0 if crystal else 0.75,
                "line": {"color": "#ffffff", "width": 0.8},
            },
            customdata=[p.structure_id for p in members],
            text=[_hover_text(p, results.classes) for p in members],
            hovertemplate="%{text}<extra></extra>",
        )
    _name_crystals(chart, results)
    _star_candidates(chart, results)
    return chart


def _star_candidates(chart: go.Figure, results: Results) -> None:
    ranks = {c.structure_id: c.rank for c in results.candidates if c.chosen}
    chosen = [entry for entry in results.on_line if entry.structure_id in ranks]
    if not chosen:
        return
    chart.add_scatter(
        x=[entry.x for entry in chosen],
        y=[round(1000 * entry.formation_energy_per_atom, 3) for entry in chosen],
        mode="markers+text",
        name="candidates, by rank",
        marker={
            "symbol": "star-open",
            "size": 18,
            "color": VERMILION,
            "line": {"width": 2},
        },
        text=[f"<b>{ranks[entry.structure_id]}</b>" for entry in chosen],
        textposition="top center",
        textfont={"size": 12, "color": VERMILION},
        hoverinfo="skip",
    )


def _name_crystals(chart: go.Figure, results: Results) -> None:
    crystals = named_crystals(results.entries)
    xs = [x for _, (x, _) in crystals]
    # away from the valley in the middle; the second of a composition on the other side
    right = [(x > _VALLEY) != (x in xs[:k]) for k, x in enumerate(xs)]
    chart.add_scatter(
        x=xs,
        y=[energy for _, (_, energy) in crystals],
        mode="markers+text",
        marker={"size": 14, "opacity": 0},  # keeps the names off the stars
        text=[pretty_html(name) for name, _ in crystals],
        textposition=["bottom right" if side else "bottom left" for side in right],
        textfont={"size": 11},
        name="names",
        showlegend=False,
        hoverinfo="skip",
    )


def _hover_text(entry: LineEntry, classes: Mapping[str, ClusterAssignment]) -> str:
    """Return what a person reads when hovering over a structure."""
    lines = [
        f"<b>{pretty_html(entry.label)}</b>",
        f"{pretty_html(entry.formula_pretty)}, x = {entry.x:.3f}",
        f"{1000 * entry.energy_above_hull:.1f} meV/atom above hull",
        f"source {escaped(entry.source)}, parent {pretty_html(entry.parent or '-')}",
    ]
    place = classes.get(entry.structure_id)
    if place is not None:
        lines.append(f"class {place.label}, nearest {pretty_html(place.nearest)}")
    return "<br>".join(lines)
