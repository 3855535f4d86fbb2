"""Diffusion: mean-squared displacements and the Arrhenius plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lps_flows.analysis.shown import ArrheniusCurve, arrhenius_curve, run_label
from lps_flows.appearance import Style, pretty_html, styles, temperature_colour
from lps_flows.report.charts.style import empty_chart, log_axis
from lps_flows.schemas.transport import RunSummary, TransportDocument

_MOST_POINTS = 200


def msd_chart(document: TransportDocument) -> go.Figure:
    """Return the mean-squared displacement at every temperature of one structure."""
    chart = empty_chart("time (ps)", f"MSD of {document.mobile} (Å²)")
    chart.update_xaxes(log_axis(lag for run in document.runs for lag in run.lags))
    chart.update_yaxes(log_axis(msd for run in document.runs for msd in run.msd))
    for run in sorted(document.runs, key=lambda r: r.temperature):
        chosen = _thinned(len(run.lags))
        name = run_label(run)
        colour = temperature_colour(run.temperature)
        start = run.start if run.used and run.start is not None else np.inf
        if len(run.msd_std) == len(run.msd):
            _band(chart, run, chosen, colour)
        for width, lags in (
            (1.2, chosen),
            (2.6, [i for i in chosen if run.lags[i] >= start]),
        ):
            chart.add_scatter(
                x=[round(run.lags[i] / 1000, 6) for i in lags],
                y=[round(run.msd[i], 5) for i in lags],
                mode="lines",
                line={
                    "color": colour,
                    "width": width,
                    "dash": None if run.used else "dot",
                },
                name=name,
                legendgroup=name,
                showlegend=lags is chosen,
                hovertemplate="%{x:.3g} ps: %{y:.3g} Å²<extra></extra>",
            )
    return chart


def _band(
    chart: go.Figure, run: RunSummary, chosen: Sequence[int], colour: str
) -> None:
    """Draw one standard deviation; below zero a logarithmic axis has no place."""
    lags = [round(run.lags[i] / 1000, 6) for i in chosen]
    high = [run.msd[i] + run.msd_std[i] for i in chosen]
    low = [max(run.msd[i] - run.msd_std[i], 0.02 * run.msd[i]) for i in chosen]
    chart.add_scatter(
        x=[*lags, *lags[::-1]],
        y=[round(value, 5) for value in (*high, *low[::-1])],
        fill="toself",
        line={"width": 0, "color": colour},
        opacity=0.2,
        mode="lines",
        legendgroup=run_label(run),
        showlegend=False,
        hoverinfo="skip",
    )


def arrhenius_chart(documents: Sequence[TransportDocument]) -> go.Figure:
    """Return diffusivities and fitted lines with 68 % bands over inverse temperature.

    Open symbols are runs left out of the fit, crossed ones those whose framework broke.
    """
    chart = empty_chart("1000 / T (1/K)", "D (cm²/s)")
    chart.update_yaxes(
        log_axis(run.D for d in documents for run in d.runs if run.D is not None)
    )
    look = styles(document.label for document in documents)
    for document in documents:
        style = look[document.label]
        curve = arrhenius_curve(document)
        name = pretty_html(document.label)
        energy = f": Ea = {curve.label}" if curve else ": no fit"
        known = [run for run in document.runs if run.D]
        for runs, mark, what in (
            ([r for r in known if r.used], style.symbol, energy),
            ([r for r in known if not r.used], f"{style.symbol}-open", ", not used"),
        ):
            if runs:
                _points(chart, runs, style, mark, name + what)
        broken = [run for run in known if run.framework_survived is False]
        if broken:
            _points(chart, broken, style, "x-thin-open", f"{name}: framework broke")
        if curve is not None:
            _fitted_line(chart, curve, style.colour)
    return chart


def _points(
    chart: go.Figure, runs: Sequence[RunSummary], style: Style, mark: str, name: str
) -> None:
    bounds = [(D := run.D or 0.0, *(run.interval or (D, D))) for run in runs]
    chart.add_scatter(
        x=[round(1000 / run.temperature, 6) for run in runs],
        y=[run.D for run in runs],
        error_y={
            "symmetric": False,
            "array": [high - D for D, _, high in bounds],
            "arrayminus": [D - low for D, low, _ in bounds],
            "thickness": 1,
        },
        mode="markers",
        marker={"color": style.colour, "symbol": mark, "size": 9},
        name=name,
        text=[f"{run.temperature:g} K" for run in runs],
        hovertemplate="%{text}: %{y:.2e} cm²/s<extra></extra>",
    )


def _fitted_line(chart: go.Figure, curve: ArrheniusCurve, colour: str) -> None:
    common = {"mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    chart.add_scatter(
        x=np.concatenate([curve.inverse, curve.inverse[::-1]]).round(5),
        y=np.concatenate([curve.high, curve.low[::-1]]),
        fill="toself",
        line={"width": 0, "color": colour},
        opacity=0.2,
        **common,
    )
    for part, dash in ((curve.measured, "solid"), (~curve.measured, "dash")):
        chart.add_scatter(
            x=curve.inverse[part].round(5),
            y=curve.D[part],
            line={"color": colour, "dash": dash, "width": 1.4},
            **common,
        )


def _thinned(n: int) -> list[int]:
    """Return at most `_MOST_POINTS` indices, dense where the logarithm is."""
    if n <= _MOST_POINTS:
        return list(range(n))
    return sorted({int(i) for i in np.geomspace(1, n, _MOST_POINTS) - 1})
