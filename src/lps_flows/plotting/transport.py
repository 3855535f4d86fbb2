"""Mean-squared displacement and Arrhenius plot from transport documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.analysis.shown import arrhenius_curve, run_label
from lps_flows.appearance import (
    GREY,
    Style,
    literal,
    pretty,
    styles,
    temperature_colour,
)
from lps_flows.plotting.style import COLUMN, PAGE, NothingToPlotError, figure_style
from lps_flows.schemas.transport import TransportDocument

_PANELS_PER_ROW = 2
BROKEN: dict[str, Any] = {"marker": "x", "ls": "", "ms": 8, "mew": 0.9, "zorder": 4}
"""How a run is marked whose framework broke."""


def msd_figure(documents: Sequence[TransportDocument]) -> Figure:
    """Return the mean-squared displacement per temperature, one panel a structure.

    The shade is one standard deviation; the part used for D is drawn heavier. Runs
    left out of the Arrhenius fit are dotted; runs whose framework broke are marked.

    Raises
    ------
    NothingToPlotError
        Without any.
    """
    _needed(documents)
    rows = -(-len(documents) // _PANELS_PER_ROW)
    columns = min(len(documents), _PANELS_PER_ROW)
    with figure_style():
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(PAGE if columns > 1 else COLUMN, 2.7 * rows),
            squeeze=False,
        )
        for axis in axes.flat[len(documents) :]:
            axis.set_visible(False)
        for axis, document in zip(axes.flat, documents, strict=False):
            _msd_panel(axis, document)
    return figure


def _needed(documents: Sequence[TransportDocument]) -> None:
    if not documents:
        raise NothingToPlotError("no molecular dynamics has been analysed")


def _msd_panel(axis: Axes, document: TransportDocument) -> None:
    drawn = [run for run in document.runs if run.lags]
    for run in sorted(drawn, key=lambda r: -r.temperature):
        lags = np.array(run.lags) / 1000
        msd, std = np.array(run.msd), np.array(run.msd_std)
        colour = temperature_colour(run.temperature)
        axis.fill_between(
            lags, np.maximum(msd - std, 0), msd + std, color=colour, alpha=0.2, lw=0
        )
        axis.plot(lags, msd, color=colour, lw=0.7, ls="-" if run.used else ":")
        if run.used and run.start is not None:
            regime = lags >= run.start / 1000
            axis.plot(lags[regime], msd[regime], color=colour, lw=1.8)
        axis.plot(
            [], [], color=colour, ls="-" if run.used else ":", label=run_label(run)
        )
    axis.set_xlabel("lag (ps)")
    axis.set_ylabel(f"MSD of {document.mobile} (Å$^2$)")
    axis.set_xlim(left=0)
    # Room above the curves for one line of the legend per run.
    axis.set_ylim(0, axis.get_ylim()[1] * (1 + 0.1 * len(drawn)))
    axis.set_title(f"{pretty(document.label)}, {literal(document.method)}")
    if drawn:
        axis.legend(loc="upper left")


def arrhenius_figure(documents: Sequence[TransportDocument]) -> Figure:
    """Return log D over 1000/T with the fitted lines and their 68 % bands.

    Open symbols are runs left out of the fit, crossed ones those whose framework
    broke. The lines reach to the reference temperature; dashes are extrapolation.

    Raises
    ------
    NothingToPlotError
        Without any.
    """
    _needed(documents)
    with figure_style():
        figure, axis = plt.subplots(figsize=(1.25 * COLUMN, 3.4))
        look = styles(document.label for document in documents)
        for document in documents:
            _arrhenius_line(axis, document, look[document.label])
        runs = [run for document in documents for run in document.runs]
        if any(run.framework_survived is False and run.D for run in runs):
            axis.plot([], [], color=GREY, **BROKEN, label="framework broke")
        axis.set_yscale("log")
        axis.set_xlabel("1000 / T (K$^{-1}$)")
        axis.set_ylabel(f"D of {documents[0].mobile} (cm$^2$ s$^{{-1}}$)")
        axis.legend(loc="best")
        temperatures = axis.secondary_xaxis("top", functions=(_inverse, _inverse))
        temperatures.set_xlabel("T (K)")
        temperatures.set_xticks([300, 400, 500, 700, 900, 1500])
        axis.tick_params(top=False)
    return figure


def _inverse(values: Any) -> Any:
    return 1000 / np.maximum(values, 1e-9)


def _arrhenius_line(axis: Axes, document: TransportDocument, look: Style) -> None:
    colour, marker = look.colour, look.marker
    for used in (True, False):
        points = [
            r
            for r in document.runs
            if r.used is used and r.D is not None and r.D > 0 and r.interval
        ]
        if not points:
            continue
        D = np.array([r.D for r in points], dtype=float)
        bounds = np.array([r.interval for r in points])
        axis.errorbar(
            [1000 / r.temperature for r in points],
            D,
            yerr=np.abs(bounds.T - D),
            fmt=marker,
            color=colour,
            mfc=colour if used else "white",
            capsize=2,
            lw=0.8,
        )
        broken = [r for r in points if r.framework_survived is False]
        axis.plot(
            [1000 / r.temperature for r in broken],
            [float(r.D or 0) for r in broken],
            color=colour,
            **BROKEN,
        )
    curve = arrhenius_curve(document)
    label = pretty(document.label)
    if curve is None:
        axis.plot([], [], marker, color=colour, mfc="white", label=f"{label}: no fit")
        return
    axis.fill_between(
        curve.inverse, curve.low, curve.high, color=colour, alpha=0.15, lw=0
    )
    for part, style in ((curve.measured, "-"), (~curve.measured, "--")):
        axis.plot(curve.inverse[part], curve.D[part], style, color=colour, lw=1.1)
    label += f": $E_a$ = {curve.label}"
    axis.plot([], [], marker, ls="-", color=colour, label=label)
