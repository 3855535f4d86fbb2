"""What the structures look like: motifs, distances, classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lps_flows.analysis import MOTIFS
from lps_flows.report.charts.style import (
    INK,
    UNKNOWN,
    Styles,
    figure,
    formula_html,
    framed_panels,
    nth_style,
    style_of,
)
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.rdf import RDFDocument

MOTIF_NAMES = {
    "PS4": "PS<sub>4</sub><sup>3-</sup>",
    "P2S7": "P<sub>2</sub>S<sub>7</sub><sup>4-</sup>",
    "P2S6_edge": "P<sub>2</sub>S<sub>6</sub><sup>2-</sup> (edge)",
    "P2S6_PP": "P<sub>2</sub>S<sub>6</sub><sup>4-</sup> (P-P)",
    "chain": "chain",
    "other": "other",
}


def motif_figure(
    trends: Sequence[MotifTrendDocument], along: str, style: Styles
) -> go.Figure:
    """Return the fraction of P per motif against x, one panel per motif."""
    titles = [MOTIF_NAMES[motif] for motif in MOTIFS]
    made = make_subplots(
        rows=2,
        cols=3,
        subplot_titles=titles,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.12,
    )
    framed_panels(made, figure(along, ""))
    for parent in sorted({trend.parent or UNKNOWN for trend in trends}):
        colour, symbol = style_of(parent, style)
        mine = sorted(
            (t for t in trends if (t.parent or UNKNOWN) == parent and t.x is not None),
            key=lambda t: t.x or 0.0,
        )
        for k, motif in enumerate(MOTIFS):
            made.add_scatter(
                x=[t.x for t in mine],
                y=[round(getattr(t.mean, motif), 4) for t in mine],
                error_y={
                    "array": [round(getattr(t.std, motif), 4) for t in mine],
                    "thickness": 1,
                    "width": 2,
                },
                mode="lines+markers",
                line={"color": colour, "width": 1},
                marker={"color": colour, "symbol": symbol, "size": 7},
                name=formula_html(parent),
                legendgroup=parent,
                showlegend=k == 0,
                text=[
                    f"{formula_html(t.formula)}, {t.n_structures} structures"
                    for t in mine
                ],
                hovertemplate="%{text}<br>x = %{x:.3f}: %{y:.2f}<extra></extra>",
                row=1 + k // 3,
                col=1 + k % 3,
            )
    made.update_yaxes(range=[-0.05, 1.05])
    made.update_xaxes(title=along, row=2, col=2)
    made.update_yaxes(title="fraction of P", row=1, col=1)
    made.update_yaxes(title="fraction of P", row=2, col=1)
    made.update_layout(margin={"t": 64, "l": 64, "r": 40, "b": 56})
    made.update_layout(legend={"y": 1.12})
    return made


def rdf_figure(
    documents: Sequence[RDFDocument], style: Styles
) -> tuple[go.Figure, list[tuple[str, list[bool]]]]:
    """Return stacked distribution functions, and the traces of each pair by name."""
    made = figure("distance (Å)", "g(r), shifted by composition")
    ordered = sorted(documents, key=lambda d: d.x if d.x is not None else 2.0)
    pairs = sorted({partial.pair for d in ordered for partial in d.partials})
    owners: list[tuple[str, str]] = []
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for pair in pairs:
        for k, document in enumerate(ordered):
            partial = next((p for p in document.partials if p.pair == pair), None)
            if partial is None:
                continue
            parent = document.parent or UNKNOWN
            made.add_scatter(
                x=[round(r, 3) for r in partial.r],
                y=[round(g + 4.0 * k, 3) for g in partial.g],
                mode="lines",
                line={"color": style_of(parent, style)[0], "width": 1.4},
                name=formula_html(parent),
                legendgroup=parent,
                showlegend=parent not in named[pair],
                visible=pair == pairs[0],
                hovertemplate=formula_html(
                    f"{document.formula} from {parent}"
                    + ("" if document.x is None else f", x = {document.x:.3f}")
                )
                + "<br>%{x:.2f} Å<extra></extra>",
            )
            owners.append(pair)
            named[pair].add(parent)
    made.update_yaxes(showticklabels=False)
    choices = [("-".join(pair), [owner == pair for owner in owners]) for pair in pairs]
    return made, choices


def class_figure(
    assignments: Sequence[ClusterAssignment], model: ClusterModelDocument
) -> go.Figure:
    """Return the first two principal components, coloured by class."""
    variance = [round(100 * v) for v in [*model.explained_variance, 0, 0][:2]]
    made = figure(
        f"principal component 1 ({variance[0]} % of the variance)",
        f"principal component 2 ({variance[1]} %)",
        clickmode="event",
    )
    by_label: dict[int, list[ClusterAssignment]] = defaultdict(list)
    for found in assignments:
        by_label[found.label].append(found)
    for label, members in sorted(by_label.items()):
        made.add_scatter(
            x=[round(m.coordinates[0], 4) for m in members],
            y=[round([*m.coordinates, 0.0][1], 4) for m in members],
            mode="markers",
            name=f"class {label}",
            marker={
                "color": nth_style(label)[0],
                "symbol": nth_style(label)[1],
                "size": 8,
                "opacity": 0.75,
            },
            customdata=[m.structure_id for m in members],
            text=[
                formula_html(f"{m.formula} from {m.parent or '-'}, nearest {m.nearest}")
                for m in members
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    references = sorted(model.references.items())
    made.add_scatter(
        x=[round(v[0], 4) for _, v in references],
        y=[round([*v, 0.0][1], 4) for _, v in references],
        mode="markers+text",
        name="crystals",
        marker={"symbol": "star", "size": 14, "color": INK},
        text=[formula_html(key) for key, _ in references],
        textposition="top center",
        hovertemplate="%{text}<extra></extra>",
    )
    return made


def nearest_figure(
    assignments: Sequence[ClusterAssignment], along: str, style: Styles
) -> go.Figure:
    """Return how many structures of each composition are nearest to which crystal."""
    counts: dict[str, Counter[float]] = defaultdict(Counter)
    total: Counter[float] = Counter()
    for found in assignments:
        if found.x is not None and found.source != "crystal":
            counts[found.nearest][round(found.x, 4)] += 1
            total[round(found.x, 4)] += 1
    made = figure(along, "fraction of the structures", barmode="stack")
    xs = sorted(total)
    labels = [f"{x:.3f}" for x in xs]
    for name in sorted(counts):
        made.add_bar(
            x=labels,
            y=[round(counts[name][x] / total[x], 4) for x in xs],
            name=formula_html(name),
            marker={"color": style_of(name, style)[0]},
            customdata=[f"{counts[name][x]} of {total[x]}" for x in xs],
            hovertemplate=formula_html(name) + ": %{customdata}<extra></extra>",
        )
    made.update_xaxes(type="category")
    return made
