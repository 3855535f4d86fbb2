"""Layout shared by the interactive figures."""

from __future__ import annotations

import math
from collections.abc import Iterable

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lps_flows.appearance import pretty_html

INK = "#1d2733"
GRID = "#e3e8ee"
SANS = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"


_AXIS = {
    "showline": True,
    "linecolor": INK,
    "mirror": True,
    "ticks": "outside",
    "gridcolor": GRID,
    "zeroline": False,
    "automargin": True,
}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": SANS, "size": 13, "color": INK},
        "margin": {"l": 64, "r": 40, "t": 40, "b": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "#ffffff",
        "modebar": {
            "orientation": "v",
            "bgcolor": "rgba(255,255,255,0.6)",
            "color": "#8a94a0",
            "activecolor": INK,
        },
        "hoverlabel": {"align": "left", "bgcolor": "#ffffff", "bordercolor": INK},
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "font": {"size": 12},
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "ternary": {
            f"{corner}axis": {"linecolor": INK, "gridcolor": GRID, "ticks": "outside"}
            for corner in "abc"
        },
    }
)
"""The look of every chart."""


def x_title(end_members: Iterable[str]) -> str:
    """Return the title of an axis along the composition line."""
    first, second = (pretty_html(member) for member in end_members)
    return f"x in ({first})<sub>x</sub>({second})<sub>1-x</sub>"


def count_axis(chart: go.Figure, highest: int) -> None:
    """Let the horizontal axis count in whole numbers up to `highest`."""
    margin = 0.3 + 0.02 * highest
    chart.update_xaxes(
        dtick=max(1, round(highest / 12)), range=[-margin, highest + margin]
    )


def log_axis(values: Iterable[float]) -> dict[str, object]:
    """Return the settings of a logarithmic axis that holds these values."""
    positive = [value for value in values if value > 0]
    decades = math.log10(max(positive) / min(positive)) if positive else 0.0
    # over less than two decades 2 and 5 are written, too
    return {
        "type": "log",
        "exponentformat": "power",
        "dtick": 1 if decades > 2 else "D2",
    }


def empty_chart(x_title: str, y_title: str, **layout: object) -> go.Figure:
    """Return a figure without data, with the titles of its axes (with units)."""
    axes = {"xaxis": {"title": x_title}, "yaxis": {"title": y_title}}
    return go.Figure(layout={"template": TEMPLATE, **axes, **layout})


def panels(rows: int, cols: int, **layout: object) -> go.Figure:
    """Return a figure of several panels, as `make_subplots` makes it."""
    return make_subplots(rows, cols, **layout).update_layout(template=TEMPLATE)
