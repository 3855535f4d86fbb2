"""Jump rates, to hover over."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lps_flows.appearance import pretty_html, styles
from lps_flows.report.charts.style import empty_chart, log_axis
from lps_flows.schemas.jumps import JumpDocument


def jump_chart(documents: Sequence[JumpDocument]) -> go.Figure:
    """Return the jumps per ion and time over inverse temperature."""
    jumped = [(d, d.analysis) for d in documents if d.analysis and d.analysis.n_jumps]
    chart = empty_chart("1000 / T (1/K)", "jumps per ion (1/ps)")
    chart.update_yaxes(log_axis(analysis.rate for _, analysis in jumped))
    look = styles(document.label for document, _ in jumped)
    for label in dict.fromkeys(document.label for document, _ in jumped):
        own = sorted(
            ((d, a) for d, a in jumped if d.label == label),
            key=lambda run: run[0].temperature,
        )
        chart.add_scatter(
            x=[round(1000 / d.temperature, 4) for d, _ in own],
            y=[a.rate for _, a in own],
            error_y={"array": [a.rate_error for _, a in own]},
            mode="lines+markers",
            marker={"color": look[label].colour, "symbol": look[label].symbol},
            name=pretty_html(label),
            text=[f"{d.temperature:g} K, {a.n_jumps} jumps" for d, a in own],
            hovertemplate="%{text}: %{y:.3g} 1/ps<extra></extra>",
        )
    return chart
