"""What the structures look like: motifs and distances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from lps_flows.analysis import MOTIFS
from lps_flows.analysis.rdf import measured_peaks
from lps_flows.analysis.shown import by_parent, pair_groups
from lps_flows.appearance import (
    GREY,
    UNKNOWN,
    Style,
    Styles,
    escaped,
    motif_title,
    name_of,
    pretty_html,
    styles,
)
from lps_flows.report.charts.style import INK, panels
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.rdf import PartialDistribution, RDFDocument


def motif_chart(trends: Sequence[MotifTrendDocument], along: str) -> go.Figure:
    """Return the fraction of the former per motif against x, one panel per motif.

    Parameters
    ----------
    trends
        Trends of one campaign by one method; those off the line do not appear.
    along
        Title of the axis along the composition line.
    """
    former, ligand = trends[0].elements
    chart = panels(
        2,
        4,
        subplot_titles=[pretty_html(motif_title(m, former, ligand)) for m in MOTIFS],
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.12,
    )
    groups, crystals = by_parent(trends)
    look = styles(groups)
    rows = [(pretty_html(name), groups[name], look[name], "lines") for name in groups]
    if crystals:
        other = Style(GREY, UNKNOWN.marker, "diamond-open")
        rows.append(("other crystals", crystals, other, ""))
    for name, members, style, lines in rows:
        for k, motif in enumerate(MOTIFS):
            chart.add_scatter(
                x=[t.x for t in members],
                y=[round(getattr(t.mean, motif), 4) for t in members],
                error_y={
                    "array": [round(getattr(t.std, motif), 4) for t in members],
                    "thickness": 1,
                    "width": 2,
                },
                mode=f"{lines}+markers".removeprefix("+"),
                line={"color": style.colour, "width": 1},
                marker={"color": style.colour, "symbol": style.symbol, "size": 7},
                name=name,
                legendgroup=name,
                showlegend=k == 0,
                text=[
                    f"{pretty_html(t.formula_pretty)} from "
                    f"{pretty_html(name_of(t.parent))}, {t.n_structures} structures"
                    for t in members
                ],
                hovertemplate="%{text}<br>x = %{x:.3f}: %{y:.2f}<extra></extra>",
                row=1 + k // 4,
                col=1 + k % 4,
            )
    chart.update_annotations(font_size=11)
    chart.update_yaxes(range=[-0.05, 1.05])
    chart.update_xaxes(title=along, row=2, col=2)
    chart.update_yaxes(title=f"fraction of {former}", col=1)
    chart.update_layout(margin={"t": 64, "l": 64, "r": 40, "b": 56})
    chart.update_layout(legend={"y": 1.12})
    return chart


def rdf_chart(
    documents: Sequence[RDFDocument],
) -> tuple[go.Figure, list[tuple[str, list[bool]]]]:
    """Return stacked distribution functions, and the traces of each choice by name.

    Two pairs stand side by side, at first those that bind (Li-S and P-S).

    Parameters
    ----------
    documents
        Distributions of one campaign by one method; x from below, those off it on top.
    """
    ordered = sorted(documents, key=lambda d: (d.x is None, d.x, name_of(d.parent)))
    look = styles(document.parent for document in ordered)
    binding, others = pair_groups(ordered)
    pairs = [
        pair for pair in (*binding, *others) if any(d.partial(pair) for d in ordered)
    ]
    sides = [pairs[k : k + 2] for k in range(0, len(pairs), 2)]
    chart = panels(1, 2, shared_yaxes=True, horizontal_spacing=0.03)
    owners: list[int] = []
    for shown, side in enumerate(sides):
        named: set[str] = set()
        for column, pair in enumerate(side, start=1):
            here = {"row": 1, "col": column, "visible": shown == 0}
            for trace, parent in _curves(ordered, pair, look):
                trace["showlegend"] = parent not in named
                chart.add_scatter(**trace, **here)
                named.add(parent)
                owners.append(shown)
            chart.add_scatter(
                x=[max(d.partials[0].r[-1] for d in ordered)],
                y=[len(ordered) + 0.25],
                mode="text",
                text=[f"<b>{'-'.join(pair)}</b>"],
                textposition="middle left",
                showlegend=False,
                hoverinfo="skip",
                **here,
            )
            owners.append(shown)
    chart.update_yaxes(
        tickvals=list(range(len(ordered))),
        ticktext=[_row(document) for document in ordered],
        tickfont={"size": 11},
        range=[-0.3, len(ordered) + 0.6],
    )
    chart.update_xaxes(title="r (Å)")
    chart.update_layout(margin={"t": 64, "l": 64, "r": 40, "b": 56})
    choices = [
        (
            " and ".join("-".join(pair) for pair in side),
            [owner == k for owner in owners],
        )
        for k, side in enumerate(sides)
    ]
    return chart, choices


def _curves(
    ordered: Sequence[RDFDocument], pair: tuple[str, str], look: Styles
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the curve of a pair in each document and its parent; then first minima."""
    minima: list[tuple[float, int]] = []
    for row, document in enumerate(ordered):
        partial = document.partial(pair)
        if partial is None:
            continue
        if partial.first_minimum is not None:
            minima.append((partial.first_minimum, row))
        parent = name_of(document.parent)
        yield (
            {
                "x": [round(r, 3) for r in partial.r],
                "y": [round(row + height, 3) for height in partial.scaled()],
                "mode": "lines",
                "line": {"color": look[parent].colour, "width": 1.4},
                "name": pretty_html(parent),
                "legendgroup": parent,
                "customdata": [round(g, 3) for g in partial.g],
                "hovertemplate": f"{_of(document, partial)}<br>r = %{{x:.2f}} Å, "
                "g = %{customdata:.2f}<extra></extra>",
            },
            parent,
        )
    name = "first minimum"
    yield (
        {
            "x": [r for r, _ in minima],
            "y": [row for _, row in minima],
            "mode": "markers",
            "marker": {"symbol": "line-ns-open", "size": 9, "color": INK},
            "name": name,
            "legendgroup": name,
            "hoverinfo": "skip",
        },
        name,
    )
    for crystal, (distance, citation) in measured_peaks(pair).items():
        name = f"{pretty_html(crystal)}, measured"
        yield (
            {
                "x": [round(distance, 3)] * 2,
                "y": [-0.3, len(ordered) + 0.6],
                "mode": "lines",
                "line": {"color": styles([crystal])[crystal].colour, "dash": "dash"},
                "name": name,
                "legendgroup": name,
                "hovertemplate": f"{escaped(citation)}<br>%{{x:.2f}} Å<extra></extra>",
            },
            name,
        )


def _row(document: RDFDocument) -> str:
    where = "" if document.x is None else f", x = {document.x:.3f}"
    return pretty_html(document.formula_pretty) + where


def _of(document: RDFDocument, partial: PartialDistribution) -> str:
    around = "no first minimum"
    if partial.coordination is not None and partial.first_minimum is not None:
        around = (
            f"{partial.coordination:.2f} {partial.pair[1]} around {partial.pair[0]} "
            f"up to {partial.first_minimum:.2f} Å"
        )
    return f"{_row(document)}, from {pretty_html(name_of(document.parent))}<br>{around}"
