"""Nearest crystals and classes of structures (the paper's Fig. 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.analysis.shown import by_class, by_nearest, plane, reference_points
from lps_flows.analysis.shown_diagram import above_hull
from lps_flows.appearance import (
    BLACK,
    UNKNOWN,
    Style,
    nth_style,
    pretty,
    style_of,
    styles,
)
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import PAGE, figure_style
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry

Group = tuple[str, Style, list[ClusterAssignment]]
"""Name in the legend, look, members."""

_BREAK = ",\n    "
"""Where a long name in the legend is broken."""


def nearest_crystal_figure(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry] = (),
) -> Figure:
    """Return the structures over x and in the first principal plane by nearest crystal.

    Parameters
    ----------
    entries
        Its phase diagram, which gives the distances above the hull; without it there
        is the plane alone.
    """
    look = styles(model.references)
    groups = [
        (pretty(key), style_of(key, look), members)
        for key, members in by_nearest(model, places)
    ]
    return _figure(model, groups, entries)


def cluster_figure(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry] = (),
) -> Figure:
    """Return the same by class, see `nearest_crystal_figure`."""
    return _figure(model, class_groups(model, places), entries)


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


def over_line(axes: Axes, groups: Sequence[Group], height: Mapping[str, float]) -> None:
    """Draw distances above the hull over x, crystals outlined, and name the axes.

    Parameters
    ----------
    height
        Distance above the hull of a structure (meV/atom), by its id.
    """
    for name, style, members in groups:
        for crystal in (False, True):
            part = [
                member
                for member in members
                if (member.source == "crystal") is crystal
                and member.structure_id in height
            ]
            axes.scatter(
                [float(member.x or 0) for member in part],
                [height[member.structure_id] for member in part],
                color=style.colour,
                marker=style.marker,
                s=40 if crystal else _size(groups),
                edgecolor=BLACK if crystal and style != UNKNOWN else None,
                linewidth=0.8,
                alpha=1.0 if crystal else 0.75,
                label=None if crystal else name,
                zorder=4 if crystal else 3,
            )
    axes.set_xlabel("x")
    axes.set_ylabel("energy above the hull (meV/atom)")


def _figure(
    model: ClusterModelDocument,
    groups: Sequence[Group],
    entries: Sequence[PhaseDiagramEntry],
) -> Figure:
    every = [member for _, _, members in groups for member in members]
    height = {place.structure_id: above for place, above in above_hull(every, entries)}
    with figure_style():
        figure, panels = plt.subplots(
            1, 2 if height else 1, figsize=(PAGE if height else 5.2, 3.4), squeeze=False
        )
        for axes in panels[0, :-1]:
            over_line(axes, groups, height)
        axes = panels[0, -1]
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
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside lower center", ncols=4
        )
        _mark_references(axes, model, shown)
    return figure


def _size(groups: Sequence[Group]) -> float:
    """Return the area of a point: small where there are thousands of them."""
    n_points = sum(len(members) for _, _, members in groups)
    return float(np.clip(14 * np.sqrt(400 / max(n_points, 1)), 3, 14))


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
