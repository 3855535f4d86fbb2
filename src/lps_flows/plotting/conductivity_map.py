"""Conductivity over composition, parent crystal and class, for print."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.appearance import GREY, name_of, pretty, styles
from lps_flows.chemistry import CompositionLine
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.plotting.style import PAGE, NothingToPlotError, figure_style, x_label
from lps_flows.schemas.conductivity_map import (
    ConductivityMapDocument,
    ConductivityPoint,
)


def conductivity_map_figure(
    maps: Sequence[ConductivityMapDocument], line: CompositionLine
) -> Figure:
    """Return conductivity over x, one panel for each method of the dynamics.

    Coloured by parent crystal and numbered by class; open symbols are not trusted.
    Bars are 68 % intervals.

    Raises
    ------
    NothingToPlotError
        Without a conductivity.
    """
    drawn = [each for each in maps if any(p.conductivity for p in each.points)]
    if not drawn:
        raise NothingToPlotError("no conductivity on the composition line is known")
    with figure_style():
        figure, axes = plt.subplots(
            len(drawn), figsize=(PAGE, 3.2 * len(drawn)), squeeze=False
        )
        for axis, document in zip(axes[:, 0], drawn, strict=True):
            _panel(axis, document, line)
    return figure


def _panel(
    axis: Axes, document: ConductivityMapDocument, line: CompositionLine
) -> None:
    points = [point for point in document.points if point.conductivity]
    look = styles(point.parent for point in points)
    for parent, style in look.items():
        axis.plot(
            [], [], style.marker, color=style.colour, label=f"from {pretty(parent)}"
        )
        for point in points:
            if name_of(point.parent) == parent:
                sigma, bars = _value_and_bars(point)
                axis.errorbar(
                    point.x,
                    sigma,
                    yerr=bars,
                    fmt=style.marker,
                    color=style.colour,
                    mfc=style.colour if point.trusted else "white",
                    markersize=6,
                    capsize=2,
                    lw=0.8,
                )
    if not all(point.trusted for point in points):
        axis.plot([], [], "o", color=GREY, mfc="white", label="not trusted")
    axis.set_yscale("log")
    axis.margins(x=0.06, y=0.12)
    axis.set_xlabel(x_label(line.end_members))
    axis.set_ylabel(
        f"conductivity at {document.reference_temperature:g} K (mS cm$^{{-1}}$)"
    )
    axis.set_title(f"dynamics by {document.dynamics_method}")
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    place_labels(
        axis,
        [(point.x, _value_and_bars(point)[0]) for point in points],
        [_name(point) for point in points],
        directions=AROUND,
    )


def _value_and_bars(point: ConductivityPoint) -> tuple[float, list[list[float]] | None]:
    """Return a conductivity (mS/cm), and how far its interval reaches down and up."""
    sigma = 1000 * (point.conductivity or 0.0)
    if point.conductivity_interval is None:
        return sigma, None
    low, high = (1000 * end for end in point.conductivity_interval)
    return sigma, [[max(sigma - low, 0.0)], [max(high - sigma, 0.0)]]


def _name(point: ConductivityPoint) -> str:
    if point.class_label is None:
        return pretty(point.label)
    return f"{pretty(point.label)}, class {point.class_label}"
