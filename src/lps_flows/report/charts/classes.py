"""Which structures are alike: classes, nearest crystals, the region around Li3PS4."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go

from lps_flows.analysis.shown import by_class, by_nearest, plane, reference_points
from lps_flows.analysis.shown_diagram import (
    REGION,
    above_hull,
    chosen_points,
    in_region,
)
from lps_flows.appearance import (
    BLACK,
    GREY,
    ORANGE,
    Style,
    escaped,
    nth_style,
    pretty_html,
    style_of,
    styles,
)
from lps_flows.report.charts.style import INK, empty_chart, panels
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry

Group = tuple[str, Style, list[ClusterAssignment]]
"""Name in the legend, look, members."""
_STAR = {
    "symbol": "star",
    "size": 16,
    "color": ORANGE,
    "line": {"color": BLACK, "width": 1},
}


def class_chart(
    places: Sequence[ClusterAssignment],
    model: ClusterModelDocument,
    entries: Sequence[PhaseDiagramEntry],
    along: str,
) -> tuple[go.Figure, list[tuple[str, list[bool]]]]:
    """Return structures over the line and in the first principal plane.

    Parameters
    ----------
    places, model, entries
        Classes and phase diagram of one campaign by one method.
    along
        Title of the axis along the composition line.

    Returns
    -------
    Figure, list
        The chart, and the traces of each way to colour it.
    """
    shares = [100 * share for share in plane(model.explained_variance)]
    height = {
        place.structure_id: round(above, 3)
        for place, above in above_hull(places, entries)
    }
    chart = panels(1, 2, horizontal_spacing=0.1).update_layout(clickmode="event")
    titles = (
        (along, "energy above the hull (meV/atom)"),
        (
            f"first component ({shares[0]:.0f} % of the variance)",
            f"second component ({shares[1]:.0f} %)",
        ),
    )
    for col, (x_title, y_title) in enumerate(titles, start=1):
        chart.update_xaxes(title=x_title, col=col)
        chart.update_yaxes(title=y_title, col=col)
    look = styles(model.references)
    nearest = [
        (pretty_html(key), style_of(key, look), members)
        for key, members in by_nearest(model, places)
    ]
    ways: dict[str, list[Group]] = {
        "class": _class_groups(model, places),
        "nearest crystal": nearest,
    }
    owners: list[str] = []
    for way, groups in ways.items():
        for name, style, members in groups:
            high = [member for member in members if member.structure_id in height]
            over = [
                (float(member.x or 0), height[member.structure_id]) for member in high
            ]
            points = [plane(member.coordinates) for member in members]
            for col, shown, where in ((1, high, over), (2, members, points)):
                chart.add_scatter(
                    row=1,
                    col=col,
                    x=[round(x, 4) for x, _ in where],
                    y=[round(y, 4) for _, y in where],
                    mode="markers",
                    name=f"{name} ({len(members)})",
                    legendgroup=f"{way} {name}",
                    showlegend=col == 2,
                    visible=way == "class",
                    marker={
                        "color": style.colour,
                        "symbol": style.symbol,
                        "size": 8,
                        "opacity": 0.75,
                    },
                    customdata=[member.structure_id for member in shown],
                    text=[_hover_text(member) for member in shown],
                    hovertemplate="%{text}<extra></extra>",
                )
                owners.append(way)
    stars = sorted(reference_points(model).items())
    chart.add_scatter(
        row=1,
        col=2,
        x=[round(x, 4) for _, (x, _) in stars],
        y=[round(y, 4) for _, (_, y) in stars],
        mode="markers+text",
        name="reference crystals",
        marker={"symbol": "star", "size": 14, "color": INK},
        text=[pretty_html(key) for key, _ in stars],
        textposition="top center",
        customdata=[model.reference_classes[key] for key, _ in stars],
        hovertemplate="%{text}, class %{customdata}<extra></extra>",
    )
    return chart, [(way, [owner == way for owner in owners] + [True]) for way in ways]


def _class_groups(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[Group]:
    return [
        (f"class {label}", nth_style(label), members)
        for label, _, members in by_class(model, places)
    ]


def _hover_text(place: ClusterAssignment) -> str:
    """Return what is said of a structure when the pointer is over it."""
    similar = max(place.similarities.items(), key=lambda kv: kv[1], default=None)
    most = (
        ""
        if similar is None
        else f" (most like {pretty_html(similar[0])}, {similar[1]:.2f})"
    )
    return (
        f"<b>{pretty_html(place.formula_pretty)}</b><br>parent "
        f"{pretty_html(place.parent or '-')}, {escaped(place.source)}<br>class "
        f"{place.label}<br>nearest {pretty_html(place.nearest)}{most}"
    )


def nearest_chart(places: Sequence[ClusterAssignment], along: str) -> go.Figure:
    """Return how many structures of each composition are nearest to which crystal."""
    counts: dict[str, Counter[float]] = defaultdict(Counter)
    total: Counter[float] = Counter()
    for place in places:
        if place.x is not None and place.source != "crystal":
            counts[place.nearest][round(place.x, 4)] += 1
            total[round(place.x, 4)] += 1
    chart = empty_chart(along, "fraction of the structures", barmode="stack")
    look = styles(key for place in places for key in place.similarities)
    xs = sorted(total)
    for name in sorted(counts):
        chart.add_bar(
            x=[f"{x:.3f}" for x in xs],
            y=[round(counts[name][x] / total[x], 4) for x in xs],
            name=pretty_html(name),
            marker={"color": style_of(name, look).colour},
            customdata=[f"{counts[name][x]} of {total[x]}" for x in xs],
            hovertemplate=pretty_html(name) + ": %{customdata}<extra></extra>",
        )
    chart.update_xaxes(type="category")
    return chart


def region_chart(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    limit: float,
    *,
    along: str,
    candidates: Sequence[CandidateDocument] = (),
) -> go.Figure:
    """Return hull distance over x around Li3PS4, coloured by class.

    Parameters
    ----------
    model, places, entries
        Classes and phase diagram of one campaign by one method.
    limit
        Largest distance above the hull of a candidate (meV/atom), drawn as a line.
    along
        Title of the axis along the composition line.
    candidates
        Verdicts; the structures of the chosen compositions get a star.
    """
    inside = in_region(places, entries, limit)
    height = {place.structure_id: round(above, 3) for place, above in inside}
    chart = empty_chart(along, "distance above the hull (meV/atom)", clickmode="event")
    for name, style, members in _class_groups(model, [place for place, _ in inside]):
        crystals = [member.source == "crystal" for member in members]
        chart.add_scatter(
            x=[member.x for member in members],
            y=[height[member.structure_id] for member in members],
            mode="markers",
            name=name,
            marker={
                "color": style.colour,
                "symbol": style.symbol,
                "size": [12 if crystal else 8 for crystal in crystals],
                "line": {"color": BLACK, "width": [int(c) for c in crystals]},
            },
            customdata=[member.structure_id for member in members],
            text=[_hover_text(member) for member in members],
            hovertemplate="%{text}<br>x = %{x:.3f}, %{y:.1f} meV/atom above the hull"
            "<extra></extra>",
        )
    named = [
        ((float(place.x or 0), height[place.structure_id]), place.parent or "")
        for place, _ in inside
        if place.source == "crystal"
    ]
    for name, mark, points in (
        ("crystals", {"size": 0}, named),
        ("candidate", _STAR, chosen_points(candidates, height)),
    ):
        chart.add_scatter(
            x=[x for (x, _), _ in points],
            y=[above for (_, above), _ in points],
            mode="markers+text",
            name=name,
            showlegend=name == "candidate" and bool(points),
            marker=mark,
            text=[pretty_html(title) for _, title in points],
            textposition="top center",
            hoverinfo="skip",
        )
    chart.add_hline(
        y=limit,
        line={"color": GREY, "dash": "dash"},
        annotation_text="limit of the candidates",
    )
    chart.update_xaxes(range=list(REGION))
    return chart
