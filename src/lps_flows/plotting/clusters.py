"""Nearest crystals and classes of structures (the paper's Figs. 7 and 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.analysis.clustering import NO_CRYSTAL
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import (
    BLACK,
    CYCLE,
    GREY,
    MARKERS,
    PAGE,
    PLOTLY_MARKERS,
    figure_style,
    pretty,
    pretty_html,
)
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry

_Group = tuple[str, tuple[str, str, str], list[ClusterAssignment]]


def nearest_crystal_figure(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> Figure:
    """Return the structures in the first principal plane by nearest crystal (Fig. 7a).

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    """
    return _plane(model, _by_nearest(model, places))


def cluster_figure(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> Figure:
    """Return the structures in the first principal plane by class (Fig. 7b).

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    """
    return _plane(model, _by_label(model, places), silhouette=True)


def region_figure(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    *,
    x_range: tuple[float, float] = (0.65, 0.80),
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
    above = {
        e.structure_id: 1000 * e.e_above_hull
        for e in entries
        if e.e_above_hull is not None
    }
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 3.8))
        top = 4 * max_e_above_hull
        inside = [
            m
            for m in places
            if m.x is not None
            and x_range[0] <= m.x <= x_range[1]
            and above.get(m.structure_id, np.inf) <= top
        ]
        for label, (colour, marker, _), chosen in _by_label(model, inside):
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


def cluster_plotly(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> go.Figure:
    """Return the classes in the first principal plane for hovering.

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    """
    figure = go.Figure()
    for name, (colour, _, marker), members in _by_label(model, places):
        points = _points(members)
        figure.add_scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            name=f"{name} ({len(members)})",
            marker={"color": colour, "symbol": marker},
            text=[
                f"<b>{pretty_html(m.formula)}</b><br>parent {m.parent}, {m.source}"
                f"<br>nearest {m.nearest}"
                f" ({m.similarities.get(m.nearest, max(m.similarities.values())):.2f})"
                f"<br>{m.structure_id}"
                for m in members
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    first, second = _axis_labels(model)
    figure.update_layout(template="simple_white", xaxis_title=first, yaxis_title=second)
    return figure


def _plane(
    model: ClusterModelDocument,
    groups: Sequence[_Group],
    *,
    silhouette: bool = False,
) -> Figure:
    with figure_style():
        figure, panels = plt.subplots(
            1,
            2 if silhouette else 1,
            figsize=(PAGE if silhouette else 5.2, 3.4),
            width_ratios=(2.4, 1) if silhouette else None,
            squeeze=False,
        )
        axes = panels[0, 0]
        for name, (colour, marker, _), members in groups:
            points = _points(members)
            axes.scatter(
                *points.T[:2],
                s=14,
                color=colour,
                marker=marker,
                alpha=0.75,
                linewidth=0.6 if marker in "xX+" else 0,
                label=f"{name} ({len(members)})",
            )
        shown = [tuple(p) for _, _, members in groups for p in _points(members)]
        first, second = _axis_labels(model)
        axes.set_xlabel(first)
        axes.set_ylabel(second)
        figure.legend(loc="outside lower center", ncols=3 if silhouette else 4)
        if silhouette:
            _silhouette_panel(panels[0, 1], model)
        _mark_references(axes, model, shown)
    return figure


def _silhouette_panel(axes: Axes, model: ClusterModelDocument) -> None:
    k = sorted(int(n) for n in model.silhouette)
    scores = [model.silhouette[str(n)] for n in k]
    axes.plot(k, scores, marker="o", color=BLACK, linewidth=0.8)
    chosen = len(model.labels)
    axes.plot([chosen], [model.silhouette[str(chosen)]], "o", color=CYCLE[1], ms=7)
    axes.set_xlabel("number of classes k")
    axes.set_ylabel("silhouette score")
    axes.set_xticks(k)


def _mark_references(
    axes: Axes, model: ClusterModelDocument, shown: Sequence[tuple[float, float]]
) -> None:
    points = {
        key: (vector[0], vector[1] if len(vector) > 1 else 0.0)
        for key, vector in model.references.items()
    }
    if not points:
        return
    axes.scatter(
        [x for x, _ in points.values()],
        [y for _, y in points.values()],
        marker="*",
        s=70,
        color="white",
        edgecolor=BLACK,
        zorder=5,
    )
    axes.margins(0.08)
    place_labels(
        axes,
        list(points.values()),
        [pretty(key) for key in points],
        directions=AROUND,
        obstacles=shown,
    )


def _points(members: Sequence[ClusterAssignment]) -> np.ndarray:
    points = np.array([m.coordinates for m in members])
    if points.shape[1] == 1:
        points = np.column_stack([points, np.zeros(len(points))])
    return points[:, :2]


def _axis_labels(model: ClusterModelDocument) -> tuple[str, str]:
    shares = [100 * share for share in model.explained_variance] + [0.0]
    return (
        f"first component ({shares[0]:.0f} % of the variance)",
        f"second component ({shares[1]:.0f} %)",
    )


def _by_label(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[_Group]:
    groups: list[_Group] = []
    for k, label in enumerate(sorted(model.labels)):
        members = [p for p in places if p.label == label]
        if members:
            crystals = [
                pretty(key)
                for key, of in model.reference_classes.items()
                if of == label
            ]
            name = f"class {label}"
            if crystals:
                lines = [", ".join(few) for few in _threes(crystals)]
                name += ": " + ",\n    ".join(lines)
            groups.append((name, _style(k), members))
    return groups


def _by_nearest(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[_Group]:
    groups: list[_Group] = []
    for k, key in enumerate([*model.references, NO_CRYSTAL]):
        members = [p for p in places if p.nearest == key]
        if members:
            style = _style(k) if key != NO_CRYSTAL else (GREY, "x", "x")
            groups.append((pretty(key), style, members))
    return groups


def _threes(names: list[str]) -> list[list[str]]:
    return [names[k : k + 3] for k in range(0, len(names), 3)]


def _style(k: int) -> tuple[str, str, str]:
    return (
        CYCLE[k % len(CYCLE)],
        MARKERS[k % len(MARKERS)],
        PLOTLY_MARKERS[k % len(PLOTLY_MARKERS)],
    )
