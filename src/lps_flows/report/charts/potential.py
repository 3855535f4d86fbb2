"""How good the potential is: parity above, errors below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from pymatgen.core import Composition

from lps_flows.appearance import escaped, nth_style, pretty_html
from lps_flows.report.charts.style import INK, panels


def parity_chart(parity: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Return predicted and error against reference energy, held-out ones open.

    Parameters
    ----------
    parity
        ``reference`` and ``predicted`` (eV/atom), ``source``, ``formula``, ``split``.
        Elements stay out where there are compounds: they would stretch the axes.
    """
    chart = panels(2, 1, shared_xaxes=True, vertical_spacing=0.06)
    chart.update_xaxes(title="reference energy (eV/atom)", row=2, col=1)
    chart.update_yaxes(title="ANN energy (eV/atom)", row=1, col=1)
    chart.update_yaxes(title="error (meV/atom)", row=2, col=1)
    rows = list(
        zip(
            parity["reference"],
            parity["predicted"],
            parity["source"],
            parity["formula"],
            parity["split"],
            strict=True,
        )
    )
    rows = [row for row in rows if not is_element(row[3])] or rows
    ends = [min(row[0] for row in rows), max(row[0] for row in rows)]
    for row, line in ((1, ends), (2, [0.0, 0.0])):
        chart.add_scatter(
            x=ends,
            y=line,
            mode="lines",
            line={"color": INK, "width": 1},
            hoverinfo="skip",
            showlegend=False,
            row=row,
            col=1,
        )
    for k, source in enumerate(sorted(set(parity["source"]))):
        style = nth_style(k)
        for split in ("training", "validation"):
            members = [row for row in rows if row[2] == source and row[4] == split]
            if not members:
                continue
            held_out = split == "validation"
            name = escaped(f"{source}, {'held out' if held_out else split}")
            for row in (1, 2):
                chart.add_scatter(
                    x=[round(one[0], 5) for one in members],
                    y=[
                        round(one[1], 5)
                        if row == 1
                        else round(1000 * (one[1] - one[0]), 3)
                        for one in members
                    ],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=row == 1,
                    marker={
                        "color": style.colour,
                        "symbol": f"{style.symbol}-open" if held_out else style.symbol,
                        "size": 9 if held_out else 6,
                        "opacity": 1.0 if held_out else 0.5,
                        "line": {"width": 1.6 if held_out else 0},
                    },
                    text=[
                        f"{pretty_html(one[3])}: reference {one[0]:.4f}, ANN "
                        f"{one[1]:.4f} eV/atom, error "
                        f"{1000 * (one[1] - one[0]):.1f} meV/atom"
                        for one in members
                    ],
                    hovertemplate="%{text}<extra></extra>",
                    row=row,
                    col=1,
                )
    return chart


def is_element(formula: str) -> bool:
    """Return whether a formula names one element alone."""
    return len(Composition(formula)) == 1
