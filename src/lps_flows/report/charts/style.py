"""Colours and layout shared by the interactive figures."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping

import plotly.graph_objects as go

from lps_flows.plotting.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    pretty_html,
)

_MORE = ("#7A5C00", "#882255", "#332288", "#117733", "#999933", "#AA4499")
# Okabe and Ito's colours, told apart by colour-blind readers and in print
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, *_MORE)
SYMBOLS = (
    "circle",
    "diamond",
    "square",
    "triangle-up",
    "triangle-down",
    "x",
    "cross",
    "hexagon",
)
UNKNOWN = "unknown"
INK = "#1d2733"
GREY = "#b6bfca"
GRID = "#e3e8ee"
SANS = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"


def escaped(text: object) -> str:
    """Return text that plotly shows as it is, whatever a document holds."""
    return html.escape(str(text), quote=False)


def formula_html(name: str) -> str:
    """Return a formula or crystal key with subscripts, safe for plotly's labels."""
    return pretty_html(escaped(name))


def x_title(end_members: Iterable[str]) -> str:
    """Return the title of an axis along the composition line."""
    first, second = (formula_html(member) for member in end_members)
    return f"x in ({first})<sub>x</sub>({second})<sub>1-x</sub>"


def nth_style(k: int) -> tuple[str, str]:
    """Return colour and symbol number k; pairs repeat only after all of them."""
    return PALETTE[k % len(PALETTE)], SYMBOLS[(k + k // len(PALETTE)) % len(SYMBOLS)]


Styles = Mapping[str, tuple[str, str]]
"""Colour and symbol by name."""


def styles(names: Iterable[str | None]) -> dict[str, tuple[str, str]]:
    """Return colour and symbol by name, in the order of the names.

    Figures of one page take it over the same names, so that a crystal has one colour.
    """
    known = dict.fromkeys(name or UNKNOWN for name in names)
    return {name: nth_style(k) for k, name in enumerate(known)}


def style_of(name: str | None, known: Styles) -> tuple[str, str]:
    """Return colour and symbol of a name, grey for one that is not known."""
    return known.get(name or UNKNOWN, (GREY, SYMBOLS[0]))


def count_axis(made: go.Figure, highest: int) -> None:
    """Let the horizontal axis count in whole numbers up to `highest`."""
    margin = 0.3 + 0.02 * highest
    made.update_xaxes(
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


def framed_panels(made: go.Figure, base: go.Figure) -> None:
    """Give a figure of several panels the layout of a single one.

    Parameters
    ----------
    made
        Figure of `plotly.subplots.make_subplots`; its titles of panels stay.
    base
        Figure of `figure`.
    """
    layout = base.layout.to_plotly_json()
    axis = {k: v for k, v in layout.pop("xaxis").items() if k != "title"}
    layout.pop("yaxis")
    made.update_layout(layout)
    made.update_xaxes(axis)
    made.update_yaxes(axis)


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
        margin={"l": 64, "r": 40, "t": 40, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="#ffffff",
        modebar={
            "orientation": "v",
            "bgcolor": "rgba(255,255,255,0.6)",
            "color": "#8a94a0",
            "activecolor": INK,
        },
        hoverlabel={"align": "left", "bgcolor": "#ffffff", "bordercolor": INK},
        showlegend=True,
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
