"""The region around Li3PS4: hull distance and class (the paper's Fig. 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.plotting.clusters import NEW_LINE, by_label, hover_text
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import BLACK, GREY, figure_style, pretty, pretty_html
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry

_X_RANGE = (0.65, 0.80)


def region_figure(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    *,
    x_range: tuple[float, float] = _X_RANGE,
    max_e_above_hull: float = 30.0,
) -> Figure:
    """Return hull distance over x around Li3PS4, coloured by class (Fig. 9).

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    entries
        Entries of the phase diagram of the same campaign and method.
    x_range
        Stretch of the composition line.
    max_e_above_hull
        Distance above the hull up to which a composition can be a candidate
        (meV/atom); drawn as a line. Structures above four times this are left out.
    """
    above = hull_distances(entries)
    inside = in_region(places, above, x_range, max_e_above_hull)
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 3.8))
        for label, (colour, marker, _), chosen in by_label(model, inside):
            for crystal in (False, True):
                part = [m for m in chosen if (m.source == "crystal") is crystal]
                axes.scatter(
                    [float(m.x or 0) for m in part],
                    [above[m.structure_id] for m in part],
                    color=colour,
                    marker=marker,
                    s=40 if crystal else 16,
                    edgecolor=BLACK if crystal else "none",
                    linewidth=0.8,
                    alpha=1.0 if crystal else 0.75,
                    label=None if crystal else label,
                    zorder=4 if crystal else 3,
                )
        axes.axhline(max_e_above_hull, color=GREY, linestyle=(0, (4, 2)), linewidth=0.9)
        axes.text(
            x_range[1] - 0.002,
            max_e_above_hull,
            "limit of the candidates",
            va="bottom",
            ha="right",
            fontsize=6.5,
            color=GREY,
        )
        axes.set_xlim(*x_range)
        axes.set_ylim(-0.1 * axes.get_ylim()[1], 1.05 * axes.get_ylim()[1])
        axes.set_xlabel("x")
        axes.set_ylabel("distance above the hull (meV/atom)")
        figure.legend(loc="outside lower center", ncols=2)
        _name_crystals(axes, inside, above)
    return figure


def region_plotly(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    *,
    x_range: tuple[float, float] = _X_RANGE,
    max_e_above_hull: float = 30.0,
) -> go.Figure:
    """Return the same region for hovering.

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    entries
        Entries of the phase diagram of the same campaign and method.
    x_range
        Stretch of the composition line.
    max_e_above_hull
        Distance above the hull up to which a composition can be a candidate
        (meV/atom).
    """
    above = hull_distances(entries)
    inside = in_region(places, above, x_range, max_e_above_hull)
    figure = go.Figure()
    for name, (colour, _, marker), chosen in by_label(model, inside, pretty_html):
        crystals = [m.source == "crystal" for m in chosen]
        figure.add_scatter(
            x=[m.x for m in chosen],
            y=[above[m.structure_id] for m in chosen],
            mode="markers",
            name=name.replace(NEW_LINE, "<br>"),
            marker={
                "color": colour,
                "symbol": marker,
                "size": [11 if crystal else 6 for crystal in crystals],
                "line": {"color": BLACK, "width": [int(c) for c in crystals]},
            },
            text=[hover_text(m) for m in chosen],
            hovertemplate="%{text}<br>x = %{x:.3f}, %{y:.1f} meV/atom above the hull"
            "<extra></extra>",
        )
    figure.add_hline(
        y=max_e_above_hull,
        line={"color": GREY, "dash": "dash"},
        annotation_text="limit of the candidates",
    )
    figure.update_layout(
        template="simple_white",
        xaxis_title="x",
        xaxis_range=list(x_range),
        yaxis_title="distance above the hull (meV/atom)",
    )
    return figure


def hull_distances(entries: Sequence[PhaseDiagramEntry]) -> dict[str, float]:
    """Return the distance above the hull of the line (meV/atom) by structure.

    Parameters
    ----------
    entries
        Entries of a phase diagram; those off the line are left out.
    """
    return {
        e.structure_id: 1000 * e.e_above_hull
        for e in entries
        if e.e_above_hull is not None
    }


def in_region(
    places: Sequence[ClusterAssignment],
    above: Mapping[str, float],
    x_range: tuple[float, float] = _X_RANGE,
    max_e_above_hull: float = 30.0,
) -> list[ClusterAssignment]:
    """Return the structures the figure shows: up to four times the limit.

    Parameters
    ----------
    places
        Structures.
    above
        Their distance above the hull (meV/atom), by id.
    x_range
        Stretch of the composition line.
    max_e_above_hull
        Limit of the candidates (meV/atom).
    """
    return [
        place
        for place in places
        if place.x is not None
        and x_range[0] <= place.x <= x_range[1]
        and above.get(place.structure_id, np.inf) <= 4 * max_e_above_hull
    ]


def _name_crystals(
    axes: Axes, chosen: Sequence[ClusterAssignment], above: Mapping[str, float]
) -> None:
    points = [(float(m.x or 0), above[m.structure_id]) for m in chosen]
    named = [
        (point, m.parent)
        for point, m in zip(points, chosen, strict=True)
        if m.source == "crystal" and m.parent is not None
    ]
    place_labels(
        axes,
        [point for point, _ in named],
        [pretty(parent) for _, parent in named],
        directions=AROUND,
        obstacles=points,
    )
