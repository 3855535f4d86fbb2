"""Stacked radial distribution functions (the paper's Figs. 6 and S1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from plotly.subplots import make_subplots
from pymatgen.core import Element

from lps_flows.foundation import LpsFlowsError
from lps_flows.plotting.style import (
    BLACK,
    GREY,
    PAGE,
    figure_style,
    parent_name,
    parent_styles,
    pretty,
    pretty_html,
    sampled_parents,
)
from lps_flows.schemas.rdf import PartialDistribution, RDFDocument

Pairs = tuple[tuple[str, str], ...]


class NothingToPlotError(LpsFlowsError):
    """There is no document a figure could show."""


def pair_groups(rdfs: Sequence[RDFDocument]) -> tuple[Pairs, Pairs]:
    """Return the pairs of Fig. 6 and those of Fig. S1.

    Fig. 6 shows every element with the most electronegative one, which binds them:
    Li-S and P-S of Li2S-P2S5.

    Parameters
    ----------
    rdfs
        Distributions of one campaign by one method.
    """
    elements = sorted({e for d in rdfs for partial in d.partials for e in partial.pair})
    if not elements:
        return (), ()
    anion = max(elements, key=lambda symbol: Element(symbol).X)
    main = tuple((element, anion) for element in elements if element != anion)
    others = combinations_with_replacement(elements, 2)
    return main, tuple(pair for pair in others if pair not in main)


def rdf_figure(
    rdfs: Sequence[RDFDocument],
    pairs: Sequence[tuple[str, str]] | None = None,
    r_max: float = 8.0,
) -> Figure:
    """Return stacked RDFs, one row per composition, coloured by parent (Figs. 6, S1).

    Parameters
    ----------
    rdfs
        Distributions of one campaign by one method; those off the line are left out,
        and so are crystals nothing else descends from, when others do.
    pairs
        One panel per pair; the first group of `pair_groups` by default.
    r_max
        End of the abscissa (Å).

    Raises
    ------
    NothingToPlotError
        When no composition has one of the pairs.
    """
    pairs = pair_groups(rdfs)[0] if pairs is None else pairs
    shown = _shown(rdfs, pairs)
    styles = parent_styles(d.parent for d in shown)
    with figure_style():
        height = 1.6 + 0.26 * len(shown)
        figure, axes = plt.subplots(
            1, len(pairs), figsize=(PAGE, height), sharey=True, squeeze=False
        )
        for panel, pair in zip(axes[0], pairs, strict=True):
            for row, document in enumerate(shown):
                partial = _find(document, pair)
                colour, _ = styles[parent_name(document.parent)]
                panel.axhline(row, color=GREY, linewidth=0.3, zorder=0)
                if partial is not None:
                    _curve(panel, partial, row, colour)
            panel.set_title("-".join(pair), pad=3)
            panel.set_xlim(1.0 if r_max > 2 else 0.0, r_max)
            panel.set_xlabel("r (Å)")
        axes[0, 0].set_yticks(
            range(len(shown)),
            [f"{pretty(d.formula)}, x = {d.x:.3f}" for d in shown],
            fontsize=6.5,
        )
        axes[0, 0].set_ylim(-0.3, len(shown) + 0.6)
        axes[0, 0].tick_params(axis="y", length=0)
        axes[0, 0].set_ylabel("g(r), each scaled to its maximum")
        handles = [
            Line2D([], [], color=colour, label=pretty(name))
            for name, (colour, _) in styles.items()
        ]
        handles.append(
            Line2D(
                [], [], color=BLACK, marker="|", linestyle="none", label="first minimum"
            )
        )
        figure.legend(handles=handles, loc="outside lower center", ncols=6)
    return figure


def rdf_plotly(
    rdfs: Sequence[RDFDocument], pairs: Sequence[tuple[str, str]] | None = None
) -> go.Figure:
    """Return the same distributions, not stacked, for hovering and choosing.

    A click on a composition in the legend hides it in all panels.

    Parameters
    ----------
    rdfs
        Distributions of one campaign by one method.
    pairs
        One panel per pair; the first group of `pair_groups` by default.

    Raises
    ------
    NothingToPlotError
        When no composition has one of the pairs.
    """
    pairs = pair_groups(rdfs)[0] if pairs is None else pairs
    shown = _shown(rdfs, pairs)
    styles = parent_styles(d.parent for d in shown)
    figure = make_subplots(
        rows=1, cols=len(pairs), subplot_titles=["-".join(pair) for pair in pairs]
    )
    named: set[str] = set()
    for column, pair in enumerate(pairs, start=1):
        for document in shown:
            partial = _find(document, pair)
            if partial is None:
                continue
            name = f"{document.x:.3f} {pretty_html(document.formula)}"
            coordination = (
                "no first minimum"
                if partial.coordination is None
                else f"{partial.coordination:.2f} {partial.pair[1]} around "
                f"{partial.pair[0]} up to {partial.first_minimum:.2f} Å"
            )
            figure.add_scatter(
                x=partial.r,
                y=partial.g,
                mode="lines",
                name=f"{name}, {pretty_html(parent_name(document.parent))}",
                legendgroup=document.rdf_id,
                showlegend=document.rdf_id not in named,
                line={"color": styles[parent_name(document.parent)][0], "width": 1.2},
                hovertemplate=f"<b>{name}</b>, parent {document.parent}<br>r = "
                f"%{{x:.2f}} Å, g = %{{y:.2f}}<br>{coordination}<extra></extra>",
                row=1,
                col=column,
            )
            named.add(document.rdf_id)
    figure.update_layout(template="simple_white")
    figure.update_xaxes(title_text="r (Å)")
    figure.update_yaxes(title_text="g(r)", col=1)
    return figure


def _shown(
    rdfs: Sequence[RDFDocument], pairs: Sequence[tuple[str, str]]
) -> list[RDFDocument]:
    """Return the distributions on the line, ascending in x."""
    sampled = sampled_parents(rdfs)
    shown = sorted(
        (
            d
            for d in rdfs
            if d.x is not None
            and any(_find(d, p) for p in pairs)
            and (not sampled or parent_name(d.parent) in sampled)
        ),
        key=lambda d: (d.x, parent_name(d.parent)),
    )
    if not shown:
        raise NothingToPlotError(
            "no composition on the line has any of these pairs",
            field="pairs",
            value=list(pairs),
            remedy="build the RDFs of a campaign first",
        )
    return shown


def _curve(
    panel: plt.Axes, partial: PartialDistribution, row: int, colour: str
) -> None:
    r, g = np.array(partial.r), np.array(partial.g)
    scale = 1.1 / max(float(g.max()), 1e-12)
    panel.fill_between(r, row, row + g * scale, color=colour, alpha=0.25, linewidth=0)
    panel.plot(r, row + g * scale, color=colour, linewidth=0.9)
    if partial.first_minimum is not None:
        panel.plot([partial.first_minimum], [row], "|", color=BLACK, markersize=5)


def _find(document: RDFDocument, pair: tuple[str, str]) -> PartialDistribution | None:
    for partial in document.partials:
        if set(partial.pair) == set(pair) and len(set(pair)) == len(set(partial.pair)):
            return partial
    return None
