"""Where the mobile ions were: a surface around most of them, and along each axis."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lps_flows.analysis.density import smoothed
from lps_flows.appearance import ELEMENTS, GREEN, GREY
from lps_flows.plotting.density_shape import SMEARING, density_shape
from lps_flows.report.charts.style import INK, TEMPLATE, panels
from lps_flows.schemas.md import MDRunDocument

SHARE = 0.5
"""Share of all density that the surface encloses."""
_SPACING = 0.8
"""Distance of the grid's points that the surface is drawn from (Å): small files."""
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
    smooth = smoothed(density, run.structure.lattice, SMEARING)
    relative = smooth / max(float(smooth.mean()), 1e-12)
    colour = ELEMENTS.get(run.mobile, GREEN)
    chart = panels(
        1,
        3,
        subplot_titles=[f"along {'abc'[view[2]]}" for view in _VIEWS],
        horizontal_spacing=0.13,
    )
    frame = [site for site in run.structure if site.specie.symbol != run.mobile]
    places = np.array([site.frac_coords % 1.0 for site in frame]).reshape(-1, 3)
    for column, (right, up, along) in enumerate(_VIEWS, start=1):
        where = {"row": 1, "col": column}
        # point i of the grid lies at i / n, and the first once more at the end
        x, y = (
            np.linspace(0.0, lengths[axis], density.shape[axis] + 1)
            for axis in (right, up)
        )
        seen = np.pad(relative.mean(axis=along), (0, 1), mode="wrap")
        chart.add_heatmap(
            x=x.round(3),
            y=y.round(3),
            z=seen.T.round(2),
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


def surface_chart(run: MDRunDocument, density: NDArray[np.float64]) -> go.Figure:
    """Return the surface that encloses most of the density, in the cell, to turn.

    Parameters
    ----------
    run, density
        As above.
    """
    shape = density_shape(
        run.structure, density, mobile=run.mobile, share=SHARE, spacing=_SPACING
    )
    chart = go.Figure(layout={"template": TEMPLATE})
    # corners that fall together make slivers of no area: left out, half of all
    corners, places = np.unique(
        shape.triangles.reshape(-1, 3).round(1), axis=0, return_inverse=True
    )
    meeting = places.reshape(-1, 3)
    whole = (meeting != np.roll(meeting, 1, axis=1)).all(axis=1)
    first, second, third = meeting[whole].T.astype(np.min_scalar_type(len(corners)))
    chart.add_mesh3d(
        **_along(corners),
        i=first,
        j=second,
        k=third,
        color=ELEMENTS.get(run.mobile, GREEN),
        opacity=0.6,
        name=run.mobile,
        showlegend=True,
        hoverinfo="skip",
    )
    lines = {name: (GREY, np.array(pairs)) for name, pairs in shape.bonds.items()}
    for colour, pairs in (*lines.values(), (INK, shape.edges)):
        broken = np.concatenate([pairs, np.full((len(pairs), 1, 3), np.nan)], axis=1)
        chart.add_scatter3d(
            **_along(broken.reshape(-1, 3)),
            mode="lines",
            line={"color": colour, "width": 3},
            showlegend=False,
            hoverinfo="skip",
        )
    for element, where in shape.atoms.items():
        chart.add_scatter3d(
            **_along(where),
            mode="markers",
            marker={
                "color": ELEMENTS.get(element, GREY),
                "size": 5 if element == shape.centre else 3,
            },
            name=element,
            hoverinfo="skip",
        )
    hidden = {f"{axis}axis": {"visible": False} for axis in "xyz"}
    camera = {"eye": {"x": 1.0, "y": -2.0, "z": 0.7}}
    return chart.update_layout(
        scene={**hidden, "aspectmode": "data", "camera": camera, "dragmode": "orbit"},
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
    )


def _along(places: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    return dict(zip("xyz", places.T.astype(np.float32), strict=True))
