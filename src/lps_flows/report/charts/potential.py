"""How good the potential is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lps_flows.report.charts.style import escaped, figure, formula_html, styles


def parity_figure(parity: Mapping[str, Sequence[Any]]) -> go.Figure:
    """Return predicted against reference energy, by source, held-out ones open.

    Parameters
    ----------
    parity
        ``reference`` and ``predicted`` (eV/atom), ``source``, ``formula``, ``split``.
    """
    made = figure("reference energy (eV/atom)", "error of the ANN (meV/atom)")
    style = styles(parity["source"])
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
    made.add_hline(y=0, line_width=1, line_color="#1d2733")
    for source, (colour, symbol) in style.items():
        for split in ("training", "validation"):
            mine = [row for row in rows if row[2] == source and row[4] == split]
            if not mine:
                continue
            held_out = split == "validation"
            made.add_scatter(
                x=[round(row[0], 5) for row in mine],
                y=[round(1000 * (row[1] - row[0]), 3) for row in mine],
                mode="markers",
                name=escaped(f"{source}, {'held out' if held_out else split}"),
                marker={
                    "color": colour,
                    "symbol": f"{symbol}-open" if held_out else symbol,
                    "size": 9 if held_out else 6,
                    "opacity": 1.0 if held_out else 0.5,
                    "line": {"width": 1.6 if held_out else 0},
                },
                text=[formula_html(row[3]) for row in mine],
                hovertemplate="%{text}<br>%{x:.4f} eV/atom, error %{y:.1f} meV/atom"
                "<extra></extra>",
            )
    return made
