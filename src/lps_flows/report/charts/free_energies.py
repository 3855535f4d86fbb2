"""Free energies above the hull, to hover over."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lps_flows.appearance import pretty_html, styles
from lps_flows.report.charts.style import empty_chart
from lps_flows.schemas.phonons import FreeEnergyDocument


def free_energy_chart(documents: Sequence[FreeEnergyDocument]) -> go.Figure:
    """Return the free energy above the hull over the temperature, one line each."""
    chart = empty_chart("temperature (K)", "free energy above the hull (meV/atom)")
    look = styles(document.label for document in documents)
    for document in documents:
        if document.free_energy_above_hull:
            style = look[document.label]
            temperatures, above = document.vibrations.ascending(
                document.free_energy_above_hull
            )
            chart.add_scatter(
                x=temperatures.tolist(),
                y=(1000 * above).round(3).tolist(),
                mode="lines+markers",
                marker={"color": style.colour, "symbol": style.symbol},
                name=pretty_html(document.label),
                hovertemplate="%{x:g} K: %{y:.1f} meV/atom<extra></extra>",
            )
    return chart
