"""The region around Li3PS4: hull distance and class (the paper's Fig. 9)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.analysis.shown_diagram import REGION, in_region
from lps_flows.appearance import BLACK, GREY, pretty
from lps_flows.plotting.clusters import class_groups
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import figure_style
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry


def region_figure(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    *,
    x_range: tuple[float, float] = REGION,
    max_e_above_hull: float = 30.0,
) -> Figure:
    """Return hull distance over x around Li3PS4, coloured by class.

    Parameters
    ----------
    model, places, entries
        Classes and phase diagram of one campaign by one method.
    x_range
        Stretch of the composition line.
    max_e_above_hull
        Distance above the hull up to which a composition can be a candidate
        (meV/atom); drawn as a line. Structures above four times this are left out.
    """
    inside = in_region(places, entries, max_e_above_hull, x_range)
    height = {place.structure_id: above for place, above in inside}
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 3.8))
        for name, style, members in class_groups(model, [place for place, _ in inside]):
            for crystal in (False, True):
                part = [m for m in members if (m.source == "crystal") is crystal]
                axes.scatter(
                    [float(m.x or 0) for m in part],
                    [height[m.structure_id] for m in part],
                    color=style.colour,
                    marker=style.marker,
                    s=40 if crystal else 16,
                    edgecolor=BLACK if crystal else "none",
                    linewidth=0.8,
                    alpha=1.0 if crystal else 0.75,
                    label=None if crystal else name,
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
        named = [
            ((float(place.x or 0), above), pretty(place.parent))
            for place, above in inside
            if place.source == "crystal" and place.parent is not None
        ]
        place_labels(
            axes,
            [point for point, _ in named],
            [name for _, name in named],
            directions=AROUND,
            obstacles=[(float(place.x or 0), above) for place, above in inside],
        )
    return figure
