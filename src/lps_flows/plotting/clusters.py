"""Nearest crystals and classes of structures (the paper's Fig. 7)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.analysis.shown import by_class, by_nearest, plane, reference_points
from lps_flows.appearance import (
    BLACK,
    VERMILION,
    Style,
    nth_style,
    pretty,
    style_of,
    styles,
)
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import PAGE, figure_style
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument

Group = tuple[str, Style, list[ClusterAssignment]]
"""Name in the legend, look, members."""

_BREAK = ",\n    "
"""Where a long name in the legend is broken."""


def nearest_crystal_figure(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> Figure:
    """Return the structures in the first principal plane by nearest crystal."""
    look = styles(model.references)
    groups = [
        (pretty(key), style_of(key, look), members)
        for key, members in by_nearest(model, places)
    ]
    return _plane(model, groups)


def cluster_figure(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> Figure:
    """Return the structures in the first principal plane by class."""
    return _plane(model, class_groups(model, places), silhouette=True)


def class_groups(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[Group]:
    """Return name with reference crystals, look and members of every class."""
    groups = []
    for label, crystals, members in by_class(model, places):
        threes = [crystals[k : k + 3] for k in range(0, len(crystals), 3)]
        lines = [", ".join(pretty(key) for key in few) for few in threes]
        name = ": ".join([f"class {label}", *([_BREAK.join(lines)] if lines else [])])
        groups.append((name, nth_style(label), members))
    return groups


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
        shown = []
        for name, style, members in groups:
            points = [plane(member.coordinates) for member in members]
            shown += points
            axes.scatter(
                *np.array(points).T,
                s=_size(groups),
                color=style.colour,
                marker=style.marker,
                alpha=0.75,
                linewidth=0.6 if style.marker in "xX+" else 0,
                label=f"{name} ({len(members)})",
            )
        shares = [100 * share for share in plane(model.explained_variance)]
        axes.set_xlabel(f"first component ({shares[0]:.0f} % of the variance)")
        axes.set_ylabel(f"second component ({shares[1]:.0f} %)")
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
    axes.plot([chosen], [model.silhouette[str(chosen)]], "o", color=VERMILION, ms=7)
    axes.set_xlabel("number of classes k")
    axes.set_ylabel("silhouette score")
    axes.set_xticks(k)


def _mark_references(
    axes: Axes, model: ClusterModelDocument, shown: Sequence[tuple[float, float]]
) -> None:
    points = reference_points(model)
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
