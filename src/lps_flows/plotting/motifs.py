"""Motif fractions over the composition line (the paper's Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.analysis import MOTIFS
from lps_flows.analysis.shown import by_parent
from lps_flows.appearance import GREY, motif_title, pretty, styles
from lps_flows.plotting.style import PAGE, NothingToPlotError, figure_style
from lps_flows.schemas.motifs import MotifTrendDocument


def motif_figure(trends: Sequence[MotifTrendDocument]) -> Figure:
    """Return the fraction of the former per motif over x, one panel per motif.

    Every point is the mean over the lowest structures of one composition from one
    parent, the bar its standard deviation.

    Raises
    ------
    NothingToPlotError
        When no composition on the line has any.
    """
    groups, crystals = by_parent(trends)
    if not groups:
        raise NothingToPlotError("there are no motif trends")
    look = styles(groups)
    elements = trends[0].elements
    with figure_style():
        figure, axes = plt.subplots(2, 4, figsize=(PAGE, 4.0), sharex=True, sharey=True)
        for panel, above in zip(axes.flat[len(MOTIFS) :], axes[0, ::-1], strict=False):
            panel.remove()
            above.xaxis.set_tick_params(labelbottom=True)
        for panel, motif in zip(axes.flat, MOTIFS, strict=False):
            if crystals:
                panel.plot(
                    [float(m.x or 0) for m in crystals],
                    [getattr(m.mean, motif) for m in crystals],
                    linestyle="none",
                    marker="D",
                    markersize=6,
                    markerfacecolor="none",
                    markeredgecolor=GREY,
                    markeredgewidth=0.7,
                    label="other crystals",
                )
            for parent, members in groups.items():
                panel.errorbar(
                    [m.x for m in members],
                    [getattr(m.mean, motif) for m in members],
                    yerr=[getattr(m.std, motif) for m in members],
                    color=look[parent].colour,
                    marker=look[parent].marker,
                    linestyle="-" if len(members) > 1 else "none",
                    linewidth=0.7,
                    capsize=1.5,
                    elinewidth=0.6,
                    label=pretty(parent),
                )
            panel.set_title(pretty(motif_title(motif, *elements)), pad=3)
            panel.set_ylim(-0.05, 1.05)
        for panel in axes[:, 0]:
            panel.set_ylabel(f"fraction of {elements[0]}")
        for panel in axes[-1]:
            panel.set_xlabel("x")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=min(6, max(len(labels), 1)),
        )
    return figure
