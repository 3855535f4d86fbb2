"""Diffusion: mean-squared displacements and the Arrhenius plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lps_flows.report.charts.style import (
    PALETTE,
    figure,
    formula_html,
    log_axis,
    nth_style,
)
from lps_flows.schemas.transport import TransportDocument

_BOLTZMANN = 8.617333262e-5  # eV/K
_MOST_POINTS = 200


def msd_figure(document: TransportDocument) -> go.Figure:
    """Return the mean-squared displacement at every temperature of one structure."""
    made = figure("time (ps)", f"MSD of {document.mobile} (Å²)")
    made.update_xaxes(log_axis(lag for run in document.runs for lag in run.lags))
    made.update_yaxes(log_axis(msd for run in document.runs for msd in run.msd))
    for k, run in enumerate(sorted(document.runs, key=lambda r: r.temperature)):
        chosen = _thinned(len(run.lags))
        colour = PALETTE[k % len(PALETTE)]
        made.add_scatter(
            x=[round(run.lags[i] / 1000, 6) for i in chosen],
            y=[round(run.msd[i], 5) for i in chosen],
            mode="lines",
            line={"color": colour, "width": 2, "dash": None if run.used else "dot"},
            name=f"{run.temperature:g} K" + ("" if run.used else " (not used)"),
            hovertemplate="%{x:.3g} ps: %{y:.3g} Å²<extra></extra>",
        )
    return made


def arrhenius_figure(documents: Sequence[TransportDocument]) -> go.Figure:
    """Return diffusivities and fitted lines over inverse temperature."""
    made = figure("1000 / T (1/K)", "D (cm²/s)")
    made.update_yaxes(
        log_axis(run.D for d in documents for run in d.runs if run.D is not None)
    )
    for k, document in enumerate(documents):
        colour, symbol = nth_style(k)
        known = [run for run in document.runs if run.D]
        for used in (True, False):
            runs = [run for run in known if run.used is used]
            if not runs:
                continue
            made.add_scatter(
                x=[round(1000 / run.temperature, 6) for run in runs],
                y=[run.D for run in runs],
                error_y={
                    "symmetric": False,
                    "array": [
                        run.interval[1] - run.D if run.interval and run.D else 0
                        for run in runs
                    ],
                    "arrayminus": [
                        run.D - run.interval[0] if run.interval and run.D else 0
                        for run in runs
                    ],
                    "thickness": 1,
                },
                mode="markers",
                marker={
                    "color": colour,
                    "symbol": symbol if used else f"{symbol}-open",
                    "size": 9,
                },
                name=formula_html(document.label) + ("" if used else ", not used"),
                text=[f"{run.temperature:g} K" for run in runs],
                hovertemplate="%{text}: %{y:.2e} cm²/s<extra></extra>",
            )
        if document.activation_energy is not None and document.prefactor:
            hottest = max(run.temperature for run in document.runs)
            inverse = np.linspace(1 / hottest, 1 / document.reference_temperature, 40)
            line = document.prefactor * np.exp(
                -document.activation_energy * inverse / _BOLTZMANN
            )
            made.add_scatter(
                x=(1000 * inverse).round(5),
                y=line,
                mode="lines",
                line={"color": colour, "dash": "dash", "width": 1.4},
                showlegend=False,
                hoverinfo="skip",
            )
    return made


def _thinned(n: int) -> list[int]:
    """Return at most `_MOST_POINTS` indices, dense where the logarithm is."""
    if n <= _MOST_POINTS:
        return list(range(n))
    return sorted({int(i) for i in np.geomspace(1, n, _MOST_POINTS) - 1})
