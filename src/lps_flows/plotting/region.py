"""The region around Li3PS4: hull distance and class (the paper's Fig. 9)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.analysis.shown_diagram import REGION, chosen_points, in_region
from lps_flows.appearance import BLACK, GREY, ORANGE, pretty
from lps_flows.plotting.clusters import class_groups, over_line
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import figure_style
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry


def region_figure(
    model: ClusterModelDocument,
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    *,
    candidates: Sequence[CandidateDocument] = (),
    x_range: tuple[float, float] = REGION,
    max_e_above_hull: float = 30.0,
) -> Figure:
    """Return hull distance over x around Li3PS4, coloured by class.

    Parameters
    ----------
    max_e_above_hull
        Distance above the hull up to which a composition can be a candidate
        (meV/atom); drawn as a line. Structures above four times this are left out.
    """
    inside = in_region(places, entries, max_e_above_hull, x_range)
    height = {place.structure_id: above for place, above in inside}
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 3.8))
        over_line(axes, class_groups(model, [place for place, _ in inside]), height)
        chosen = chosen_points(candidates, height)
        if chosen:
            axes.scatter(
                [x for (x, _), _ in chosen],
                [above for (_, above), _ in chosen],
                marker="*",
                s=120,
                color=ORANGE,
                edgecolor=BLACK,
                linewidth=0.8,
                label="candidate",
                zorder=6,
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
        figure.legend(loc="outside lower center", ncols=2)
        named = [
            *chosen,
            *(
                ((float(place.x or 0), above), place.parent)
                for place, above in inside
                if place.source == "crystal" and place.parent is not None
            ),
        ]
        place_labels(
            axes,
            [point for point, _ in named],
            [pretty(name) for _, name in named],
            directions=AROUND,
            obstacles=[(float(place.x or 0), above) for place, above in inside],
        )
    return figure
