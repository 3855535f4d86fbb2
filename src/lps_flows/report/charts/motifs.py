"""What the structures look like: motifs and distances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go

from lps_flows.analysis import MOTIFS
from lps_flows.analysis.rdf import measured_peaks
from lps_flows.analysis.shown import by_parent, pair_groups
from lps_flows.appearance import (
    GREY,
    MOTIF_TITLES,
    UNKNOWN,
    Style,
    escaped,
    name_of,
    pretty_html,
    styles,
)
from lps_flows.report.charts.style import INK, empty_chart, panels
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.rdf import PartialDistribution, RDFDocument


def motif_chart(trends: Sequence[MotifTrendDocument], along: str) -> go.Figure:
    """Return the fraction of P per motif against x, one panel per motif.

    Parameters
    ----------
    trends
        Trends of one campaign by one method; those off the line do not appear.
    along
        Title of the axis along the composition line.
    """
    chart = panels(
        2,
        4,
        subplot_titles=[pretty_html(MOTIF_TITLES[motif]) for motif in MOTIFS],
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
                    f"{pretty_html(t.formula)} from {pretty_html(name_of(t.parent))}, "
                    f"{t.n_structures} structures"
                    for t in members
                ],
                hovertemplate="%{text}<br>x = %{x:.3f}: %{y:.2f}<extra></extra>",
                row=1 + k // 4,
                col=1 + k % 4,
            )
    chart.update_yaxes(range=[-0.05, 1.05])
    chart.update_xaxes(title=along, row=2, col=2)
    chart.update_yaxes(title="fraction of P", row=1, col=1)
    chart.update_yaxes(title="fraction of P", row=2, col=1)
    chart.update_layout(margin={"t": 64, "l": 64, "r": 40, "b": 56})
    chart.update_layout(legend={"y": 1.12})
    return chart


def rdf_chart(
    documents: Sequence[RDFDocument],
) -> tuple[go.Figure, list[tuple[str, list[bool]]]]:
    """Return stacked distribution functions, and the traces of each pair by name.

    Parameters
    ----------
    documents
        Distributions of one campaign by one method, those off the line on top.
    """
    chart = empty_chart("r (Å)", "g(r), each scaled to its maximum")
    ordered = sorted(documents, key=lambda d: (d.x is None, d.x, name_of(d.parent)))
    look = styles(document.parent for document in ordered)
    binding, others = pair_groups(ordered)
    pairs = (*binding, *others)
    owners: list[tuple[str, str]] = []
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for pair in pairs:
        for row, document in enumerate(ordered):
            partial = document.partial(pair)
            if partial is None:
                continue
            parent = name_of(document.parent)
            chart.add_scatter(
                x=[round(r, 3) for r in partial.r],
                y=[round(row + height, 3) for height in partial.scaled()],
                mode="lines",
                line={"color": look[parent].colour, "width": 1.4},
                name=pretty_html(parent),
                legendgroup=parent,
                showlegend=parent not in named[pair],
                visible=pair == pairs[0],
                customdata=[round(g, 3) for g in partial.g],
                hovertemplate=f"{_of(document, partial)}<br>r = %{{x:.2f}} Å, "
                "g = %{customdata:.2f}<extra></extra>",
            )
            owners.append(pair)
            named[pair].add(parent)
        minima = [
            (partial.first_minimum, row)
            for row, document in enumerate(ordered)
            if (partial := document.partial(pair)) and partial.first_minimum is not None
        ]
        chart.add_scatter(
            x=[r for r, _ in minima],
            y=[row for _, row in minima],
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 9, "color": INK},
            name="first minimum",
            visible=pair == pairs[0],
            hoverinfo="skip",
        )
        owners.append(pair)
        for crystal, (distance, citation) in measured_peaks(pair).items():
            chart.add_scatter(
                x=[round(distance, 3)] * 2,
                y=[-0.3, len(ordered) + 0.6],
                mode="lines",
                line={"color": styles([crystal])[crystal].colour, "dash": "dash"},
                name=f"{pretty_html(crystal)}, measured",
                visible=pair == pairs[0],
                hovertemplate=f"{escaped(citation)}<br>%{{x:.2f}} Å<extra></extra>",
            )
            owners.append(pair)
    chart.update_yaxes(
        tickvals=list(range(len(ordered))),
        ticktext=[_row(document) for document in ordered],
        tickfont={"size": 11},
    )
    choices = [("-".join(pair), [owner == pair for owner in owners]) for pair in pairs]
    return chart, choices


def _row(document: RDFDocument) -> str:
    where = "" if document.x is None else f", x = {document.x:.3f}"
    return pretty_html(document.formula) + where


def _of(document: RDFDocument, partial: PartialDistribution) -> str:
    around = "no first minimum"
    if partial.coordination is not None and partial.first_minimum is not None:
        around = (
            f"{partial.coordination:.2f} {partial.pair[1]} around {partial.pair[0]} "
            f"up to {partial.first_minimum:.2f} Å"
        )
    return f"{_row(document)}, from {pretty_html(name_of(document.parent))}<br>{around}"
