"""Nearest crystals and classes of structures (the paper's Figs. 7 and 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.analysis.clustering import NO_CRYSTAL
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
        (meV/atom); drawn as a line.
    """
    above = {
        e.structure_id: 1000 * e.e_above_hull
        for e in entries
        if e.e_above_hull is not None
    }
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 3.2))
        for label, (colour, marker, _), members in _by_label(model, places):
            chosen = [
                m
                for m in members
                if m.x is not None
                and x_range[0] <= m.x <= x_range[1]
                and m.structure_id in above
            ]
            for crystal in (False, True):
                part = [m for m in chosen if (m.source == "crystal") is crystal]
                axes.scatter(
                    [m.x for m in part],
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
            _name_crystals(axes, chosen, above)
        axes.axhline(max_e_above_hull, color=GREY, linestyle=(0, (4, 2)), linewidth=0.9)
        axes.text(
            x_range[0] + 0.003,
            max_e_above_hull,
            "limit of the candidates",
            va="bottom",
            fontsize=6.5,
            color=GREY,
        )
        axes.set_xlim(*x_range)
        axes.set_ylim(bottom=-0.06 * axes.get_ylim()[1])
        axes.set_xlabel("x")
        axes.set_ylabel("distance above the hull (meV/atom)")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _name_crystals(
    axes: Axes, chosen: Sequence[ClusterAssignment], above: Mapping[str, float]
) -> None:
    for member in chosen:
        if member.source == "crystal" and member.parent is not None:
            axes.annotate(
                pretty(member.parent),
                (float(member.x or 0), above[member.structure_id]),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                zorder=5,
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
        _mark_references(axes, model)
        first, second = _axis_labels(model)
        axes.set_xlabel(first)
        axes.set_ylabel(second)
        figure.legend(loc="outside lower center", ncols=4)
        if silhouette:
            _silhouette_panel(panels[0, 1], model)
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


def _mark_references(axes: Axes, model: ClusterModelDocument) -> None:
    low, high = axes.get_ylim()
    taken: list[tuple[float, float]] = []
    left, right = axes.get_xlim()
    for key, vector in sorted(model.references.items(), key=lambda kv: kv[1][1]):
        x, y = vector[0], vector[1] if len(vector) > 1 else 0.0
        axes.scatter(
            [x], [y], marker="*", s=70, color="white", edgecolor=BLACK, zorder=5
        )
        label_y = y
        while any(
            abs(label_y - other) < 0.05 * (high - low)
            and abs(x - at) < 0.25 * (right - left)
            for at, other in taken
        ):
            label_y += 0.01 * (high - low)
        taken.append((x, label_y))
        on_right = x > left + 0.75 * (right - left)
        axes.annotate(
            pretty(key),
            (x, y),
            xytext=(x + (-0.02 if on_right else 0.02) * (right - left), label_y),
            ha="right" if on_right else "left",
            va="center",
            fontsize=6.5,
            zorder=6,
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
            style = _style(k)
            groups.append((f"class {label}", style, members))
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


def _style(k: int) -> tuple[str, str, str]:
    return (
        CYCLE[k % len(CYCLE)],
        MARKERS[k % len(MARKERS)],
        PLOTLY_MARKERS[k % len(PLOTLY_MARKERS)],
    )
