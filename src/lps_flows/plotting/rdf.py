"""Stacked radial distribution functions (the paper's Figs. 6 and S1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
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
            [f"{pretty(d.formula)}  {d.x:.3f}" for d in shown],
            fontsize=6.5,
        )
        axes[0, 0].set_ylim(-0.3, len(shown) + 0.6)
        axes[0, 0].tick_params(axis="y", length=0)
        axes[0, 0].set_ylabel("composition and x;  g(r), each scaled to its maximum")
        handles = [
            Line2D([], [], color=colour, label=pretty(name))
            for name, (colour, _) in styles.items()
        ]
        handles.append(
            Line2D(
                [], [], color=BLACK, marker="|", linestyle="none", label="first minimum"
            )
        )
        figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


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
