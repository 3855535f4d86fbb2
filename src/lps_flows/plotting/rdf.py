"""Stacked radial distribution functions (the paper's Figs. 6 and S1)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lps_flows.analysis.rdf import measured_peaks
from lps_flows.analysis.shown import pair_groups, stacked_rows
from lps_flows.appearance import BLACK, GREY, name_of, pretty, styles
from lps_flows.plotting.style import PAGE, NothingToPlotError, figure_style
from lps_flows.schemas.rdf import PartialDistribution, RDFDocument


def rdf_figure(
    rdfs: Sequence[RDFDocument],
    pairs: Sequence[tuple[str, str]] | None = None,
    r_max: float = 8.0,
) -> Figure:
    """Return stacked RDFs, one row per composition, coloured by parent.

    Parameters
    ----------
    rdfs
        Distributions of one campaign by one method; those off the line are left out,
        and so are crystals nothing else descends from, when others do.
    pairs
        One panel per pair; those that bind (see `pair_groups`) by default.

    Raises
    ------
    NothingToPlotError
        When no composition has one of the pairs.
    """
    pairs = pair_groups(rdfs)[0] if pairs is None else pairs
    shown = [
        document
        for document in stacked_rows(rdfs)
        if any(document.partial(pair) for pair in pairs)
    ]
    if not shown:
        raise NothingToPlotError(
            "no composition on the line has any of these pairs",
            field="pairs",
            value=list(pairs),
            remedy="build the RDFs of a campaign first",
        )
    look = styles(document.parent for document in shown)
    with figure_style():
        height = 1.6 + 0.26 * len(shown)
        figure, axes = plt.subplots(
            1, len(pairs), figsize=(PAGE, height), sharey=True, squeeze=False
        )
        for panel, pair in zip(axes[0], pairs, strict=True):
            for row, document in enumerate(shown):
                partial = document.partial(pair)
                panel.axhline(row, color=GREY, linewidth=0.3, zorder=0)
                if partial is not None:
                    _curve(panel, partial, row, look[name_of(document.parent)].colour)
            for crystal, (distance, _) in measured_peaks(pair).items():
                colour = styles([crystal])[crystal].colour
                panel.axvline(distance, color=colour, linewidth=0.8, linestyle="--")
            panel.set_title("-".join(pair), pad=3)
            panel.set_xlim(1.0 if r_max > 2 else 0.0, r_max)
            panel.set_xlabel("r (Å)")
        axes[0, 0].set_yticks(
            range(len(shown)),
            [f"{pretty(d.formula_pretty)}, x = {d.x:.3f}" for d in shown],
            fontsize=6.5,
        )
        axes[0, 0].set_ylim(-0.3, len(shown) + 0.6)
        axes[0, 0].tick_params(axis="y", length=0)
        axes[0, 0].set_ylabel("g(r), each scaled to its maximum")
        handles = [
            Line2D([], [], color=style.colour, label=pretty(name))
            for name, style in look.items()
        ]
        handles.append(
            Line2D(
                [], [], color=BLACK, marker="|", linestyle="none", label="first minimum"
            )
        )
        handles.append(
            Line2D([], [], color=GREY, linestyle="--", label="measured in crystals")
        )
        figure.legend(handles=handles, loc="outside lower center", ncols=6)
    return figure


def _curve(
    panel: plt.Axes, partial: PartialDistribution, row: int, colour: str
) -> None:
    r, height = np.array(partial.r), row + np.array(partial.scaled())
    panel.fill_between(r, row, height, color=colour, alpha=0.25, linewidth=0)
    panel.plot(r, height, color=colour, linewidth=0.9)
    if partial.first_minimum is not None:
        panel.plot([partial.first_minimum], [row], "|", color=BLACK, markersize=5)
