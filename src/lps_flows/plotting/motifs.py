"""Motif fractions over the composition line (the paper's Fig. 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import matplotlib.pyplot as plt
import plotly.graph_objects as go
from matplotlib.figure import Figure
from plotly.subplots import make_subplots

from lps_flows.analysis import MOTIFS
from lps_flows.plotting.style import (
    GREY,
    PAGE,
    PLOTLY_MARKERS,
    figure_style,
    parent_name,
    parent_styles,
    pretty,
    pretty_html,
    sampled_parents,
)
from lps_flows.schemas.motifs import MotifTrendDocument

TITLES = {
    "PS4": "PS$_4^{3-}$ tetrahedra",
    "P2S7": "P$_2$S$_7^{4-}$ corner-sharing",
    "P2S6_edge": "P$_2$S$_6^{2-}$ edge-sharing",
    "P2S6_PP": "P$_2$S$_6^{4-}$ with P-P bond",
    "chain": "PS$_3^-$ chains",
    "other": "other",
}


def motif_figure(trends: Sequence[MotifTrendDocument]) -> Figure:
    """Return the fraction of P per motif over x, one panel per motif (Fig. 3).

    Every point is the mean over the lowest structures of one composition from one
    parent, the bar its standard deviation.

    Parameters
    ----------
    trends
        Trends of one campaign by one method; those off the line do not appear.
    """
    groups = _by_parent(trends)
    sampled = sampled_parents(trends) or set(groups)
    unsampled = [m for name in groups if name not in sampled for m in groups[name]]
    styles = parent_styles(sampled)
    with figure_style():
        figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.0), sharex=True, sharey=True)
        for panel, motif in zip(axes.flat, MOTIFS, strict=True):
            _crystals(panel, unsampled, motif)
            for parent, members in groups.items():
                if parent not in sampled:
                    continue
                colour, marker = styles[parent]
                panel.errorbar(
                    [m.x for m in members],
                    [getattr(m.mean, motif) for m in members],
                    yerr=[getattr(m.std, motif) for m in members],
                    color=colour,
                    marker=marker,
                    linestyle="-" if len(members) > 1 else "none",
                    linewidth=0.7,
                    capsize=1.5,
                    elinewidth=0.6,
                    label=pretty(parent),
                )
            panel.set_title(TITLES[motif], pad=3)
            panel.set_ylim(-0.05, 1.05)
        for panel in axes[:, 0]:
            panel.set_ylabel("fraction of P")
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


def _crystals(
    panel: plt.Axes, members: Sequence[MotifTrendDocument], motif: str
) -> None:
    if members:
        panel.plot(
            [float(m.x or 0) for m in members],
            [getattr(m.mean, motif) for m in members],
            linestyle="none",
            marker="D",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=GREY,
            markeredgewidth=0.7,
            label="other crystals",
        )


def motif_plotly(trends: Sequence[MotifTrendDocument]) -> go.Figure:
    """Return the same panels for hovering.

    Parameters
    ----------
    trends
        Trends of one campaign by one method.
    """
    groups = _by_parent(trends)
    styles = parent_styles(groups)
    figure = make_subplots(
        rows=2, cols=3, shared_xaxes=True, shared_yaxes=True, subplot_titles=MOTIFS
    )
    for k, motif in enumerate(MOTIFS):
        for n, (parent, members) in enumerate(groups.items()):
            figure.add_scatter(
                x=[m.x for m in members],
                y=[getattr(m.mean, motif) for m in members],
                error_y={"array": [getattr(m.std, motif) for m in members]},
                mode="markers",
                name=pretty_html(parent),
                legendgroup=parent,
                showlegend=k == 0,
                marker={
                    "color": styles[parent][0],
                    "symbol": PLOTLY_MARKERS[n % len(PLOTLY_MARKERS)],
                },
                text=[
                    f"{pretty_html(m.formula)}, {m.n_structures} structures"
                    for m in members
                ],
                hovertemplate="%{text}<br>x = %{x:.3f}: %{y:.2f}<extra></extra>",
                row=k // 3 + 1,
                col=k % 3 + 1,
            )
    figure.update_layout(template="simple_white")
    figure.update_yaxes(range=[-0.05, 1.05])
    return figure


def _by_parent(
    trends: Sequence[MotifTrendDocument],
) -> dict[str, list[MotifTrendDocument]]:
    groups: dict[str, list[MotifTrendDocument]] = defaultdict(list)
    for trend in sorted(trends, key=lambda t: (parent_name(t.parent), t.x or 0.0)):
        if trend.x is not None:
            groups[parent_name(trend.parent)].append(trend)
    return dict(groups)
