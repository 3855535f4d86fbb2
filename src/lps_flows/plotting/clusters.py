"""Nearest crystals and classes of structures (the paper's Fig. 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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

Group = tuple[str, tuple[str, str, str], list[ClusterAssignment]]
"""Name in the legend; colour, marker, marker of plotly; members."""

NEW_LINE = "\n    "
"""Where a long name in the legend is broken."""


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
    return _plane(model, by_nearest(model, places))


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
    return _plane(model, by_label(model, places), silhouette=True)


def nearest_crystal_plotly(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> go.Figure:
    """Return the nearest crystals in the first principal plane for hovering.

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    """
    return _plane_plotly(model, by_nearest(model, places, pretty_html))


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
    return _plane_plotly(model, by_label(model, places, pretty_html))


def _plane_plotly(model: ClusterModelDocument, groups: Sequence[Group]) -> go.Figure:
    figure = go.Figure()
    for name, (colour, _, marker), members in groups:
        points = _points(members)
        figure.add_scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            name=f"{name.replace(NEW_LINE, '<br>')} ({len(members)})",
            marker={"color": colour, "symbol": marker, "opacity": 0.75},
            text=[hover_text(m) for m in members],
            hovertemplate="%{text}<extra></extra>",
        )
    stars = _reference_points(model)
    figure.add_scatter(
        x=[x for x, _ in stars.values()],
        y=[y for _, y in stars.values()],
        mode="markers",
        name="reference crystals",
        marker={
            "symbol": "star",
            "size": 13,
            "color": "white",
            "line": {"color": BLACK, "width": 1},
        },
        text=[
            f"<b>{pretty_html(key)}</b><br>class {model.reference_classes[key]}"
            for key in stars
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    first, second = _axis_labels(model)
    figure.update_layout(template="simple_white", xaxis_title=first, yaxis_title=second)
    return figure


def hover_text(place: ClusterAssignment) -> str:
    """Return what is said of a structure when the pointer is over it."""
    similar = max(place.similarities.items(), key=lambda kv: kv[1], default=None)
    most = "" if similar is None else f" (most like {similar[0]}, {similar[1]:.2f})"
    return (
        f"<b>{pretty_html(place.formula)}</b><br>parent {place.parent}, {place.source}"
        f"<br>class {place.label}<br>nearest {place.nearest}{most}"
        f"<br>{place.structure_id}"
    )


def _plane(
    model: ClusterModelDocument,
    groups: Sequence[Group],
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
                s=_size(groups),
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


def _size(groups: Sequence[Group]) -> float:
    """Return the area of a point: small where there are thousands of them."""
    n_points = sum(len(members) for _, _, members in groups)
    return float(np.clip(14 * np.sqrt(400 / max(n_points, 1)), 3, 14))


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
    points = _reference_points(model)
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


def _reference_points(model: ClusterModelDocument) -> dict[str, tuple[float, float]]:
    return {
        key: (vector[0], vector[1] if len(vector) > 1 else 0.0)
        for key, vector in model.references.items()
    }


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


def by_label(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    write: Callable[[str], str] = pretty,
) -> list[Group]:
    """Return name, style and members of every class.

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    write
        How crystals are written: for matplotlib, or `pretty_html` for plotly.
    """
    groups: list[Group] = []
    for k, label in enumerate(sorted(model.labels)):
        members = [p for p in places if p.label == label]
        if members:
            crystals = [
                write(key) for key, of in model.reference_classes.items() if of == label
            ]
            name = f"class {label}"
            if crystals:
                lines = [", ".join(few) for few in _threes(crystals)]
                name += ": " + f",{NEW_LINE}".join(lines)
            groups.append((name, _style(k), members))
    return groups


def by_nearest(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    write: Callable[[str], str] = pretty,
) -> list[Group]:
    """Return name, style and members of every nearest crystal, ``none`` last.

    Parameters
    ----------
    model
        Classes of one campaign by one method.
    places
        The structures' places in it.
    write
        How crystals are written: for matplotlib, or `pretty_html` for plotly.
    """
    groups: list[Group] = []
    for k, key in enumerate([*model.references, NO_CRYSTAL]):
        members = [p for p in places if p.nearest == key]
        if members:
            style = _style(k) if key != NO_CRYSTAL else (GREY, "x", "x")
            groups.append((write(key), style, members))
    return groups


def _threes(names: list[str]) -> list[list[str]]:
    return [names[k : k + 3] for k in range(0, len(names), 3)]


def _style(k: int) -> tuple[str, str, str]:
    return (
        CYCLE[k % len(CYCLE)],
        MARKERS[k % len(MARKERS)],
        PLOTLY_MARKERS[k % len(PLOTLY_MARKERS)],
    )
