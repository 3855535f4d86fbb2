"""Where the mobile ions were: their density, looked at along each axis of the cell."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lps_flows.appearance import ELEMENTS, GREEN, GREY
from lps_flows.report.charts.style import INK, panels
from lps_flows.schemas.md import MDRunDocument

_SMEARING = 0.35
"""Standard deviation of the Gaussian that smooths the counts (Å)."""
_VIEWS = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
"""Axes to the right and up, and the one that is looked along."""


def density_chart(run: MDRunDocument, density: NDArray[np.float64]) -> go.Figure:
    """Return the mean density along each axis of the cell, over the uniform one.

    Parameters
    ----------
    run
        The run, for its cell and mobile element.
    density
        Density of the mobile ions (Å^-3), shape (n_a, n_b, n_c).
    """
    lengths = np.array(run.structure.lattice.abc)
    smooth = gaussian_filter(
        density, _SMEARING * np.array(density.shape) / lengths, mode="wrap"
    )
    relative = smooth / max(float(smooth.mean()), 1e-12)
    colour = ELEMENTS.get(run.mobile, GREEN)
    chart = panels(
        1,
        3,
        subplot_titles=[f"along {'abc'[view[2]]}" for view in _VIEWS],
        horizontal_spacing=0.09,
    )
    frame = [site for site in run.structure if site.specie.symbol != run.mobile]
    places = np.array([site.frac_coords % 1.0 for site in frame]).reshape(-1, 3)
    for column, (right, up, along) in enumerate(_VIEWS, start=1):
        where = {"row": 1, "col": column}
        x, y = (
            (np.arange(density.shape[axis]) + 0.5) / density.shape[axis] * lengths[axis]
            for axis in (right, up)
        )
        chart.add_heatmap(
            x=x.round(3),
            y=y.round(3),
            z=relative.mean(axis=along).T.round(2),
            zmin=0,
            coloraxis="coloraxis",
            hovertemplate="%{z:.2f} times the mean<extra></extra>",
            **where,
        )
        for element in sorted({site.specie.symbol for site in frame}):
            at = [k for k, site in enumerate(frame) if site.specie.symbol == element]
            chart.add_scatter(
                x=(places[at, right] * lengths[right]).round(3),
                y=(places[at, up] * lengths[up]).round(3),
                mode="markers",
                marker={
                    "color": ELEMENTS.get(element, GREY),
                    "size": 6,
                    "line": {"color": INK, "width": 0.5},
                },
                name=element,
                legendgroup=element,
                showlegend=column == 1,
                hoverinfo="skip",
                **where,
            )
        chart.update_xaxes(title=f"{'abc'[right]} (Å)", **where)
        chart.update_yaxes(title=f"{'abc'[up]} (Å)", **where)
    return chart.update_layout(
        coloraxis={
            "colorscale": [[0, "#ffffff"], [1, colour]],
            "cmin": 0,
            "colorbar": {"title": "times<br>the mean", "thickness": 12},
        },
        legend={"y": 1.14},
        margin={"t": 80},
    )
