"""Colours and layout shared by the interactive figures."""

from __future__ import annotations

import html
from collections.abc import Iterable

import plotly.graph_objects as go

# Okabe and Ito's colours, told apart by colour-blind readers and in print
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7A5C00",
    "#444444",
)
SYMBOLS = (
    "circle",
    "diamond",
    "square",
    "triangle-up",
    "triangle-down",
    "x",
    "cross",
    "star",
)
INK = "#1d2733"
GRID = "#e3e8ee"
SANS = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"


def escaped(text: object) -> str:
    """Return text that plotly shows as it is, whatever a document holds."""
    return html.escape(str(text), quote=False)


def colours(names: Iterable[str | None]) -> dict[str, tuple[str, str]]:
    """Return colour and symbol by name, in alphabetical order of the names."""
    known = sorted({name or "unknown" for name in names})
    return {
        name: (PALETTE[k % len(PALETTE)], SYMBOLS[k % len(SYMBOLS)])
        for k, name in enumerate(known)
    }


def figure(x_title: str, y_title: str, **layout: object) -> go.Figure:
    """Return an empty figure in the report's style.

    Parameters
    ----------
    x_title, y_title
        Titles of the axes, with units.
    layout
        Further settings of the layout.
    """
    made = go.Figure()
    axis = {
        "showline": True,
        "linecolor": INK,
        "mirror": True,
        "ticks": "outside",
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
    }
    made.update_layout(
        template="none",
        font={"family": SANS, "size": 13, "color": INK},
        margin={"l": 64, "r": 16, "t": 16, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="#ffffff",
        hoverlabel={"align": "left", "bgcolor": "#ffffff", "bordercolor": INK},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "font": {"size": 12},
        },
        xaxis={**axis, "title": x_title},
        yaxis={**axis, "title": y_title},
    )
    made.update_layout(**layout)
    return made
