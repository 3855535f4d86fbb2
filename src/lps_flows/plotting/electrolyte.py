"""Electrochemical windows, and what a diffractometer would show."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.analysis.shown import stacked_rows
from lps_flows.analysis.shown_electrolyte import (
    OPEN,
    RADIATIONS,
    stacked,
    window_rows,
)
from lps_flows.appearance import BLACK, BLUE, GREY, ORANGE, name_of, pretty, styles
from lps_flows.plotting.style import COLUMN, PAGE, NothingToPlotError, figure_style
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.scattering import ScatteringDocument


def window_figure(windows: Sequence[WindowDocument]) -> Figure:
    """Return the windows as bars over the voltage, with the steps beyond them.

    Raises
    ------
    NothingToPlotError
        When all were refused.
    """
    rows = window_rows(windows)
    if not rows:
        notes = [document.note for document in windows if document.note]
        raise NothingToPlotError(notes[0] if notes else "no window was computed")
    with figure_style():
        figure, axes = plt.subplots(figsize=(1.4 * COLUMN, 1.2 + 0.22 * len(rows)))
        for row, (_, document, window) in enumerate(rows):
            end = min(window.oxidation, OPEN)
            axes.barh(
                row,
                max(end - window.reduction, 0.015),
                left=window.reduction,
                height=0.6,
                color=ORANGE if document.glass else BLUE,
            )
            steps = [step.voltage for step in window.steps]
            axes.plot(steps, [row] * len(steps), "|", color=BLACK, markersize=5)
        axes.set_yticks(range(len(rows)), [pretty(name) for name, *_ in rows])
        axes.set_xlim(0, OPEN)
        axes.set_xlabel(f"voltage against {rows[0][2].mobile} (V)")
    return figure


def scattering_figure(documents: Sequence[ScatteringDocument]) -> Figure:
    """Return stacked structure factors by neutrons and X-rays, by parent.

    Parameters
    ----------
    documents
        Patterns of one campaign by one method; as in the RDFs, those off the line are
        left out, and so are crystals that nothing else descends from, when others do.

    Raises
    ------
    NothingToPlotError
        When there is none on the line.
    """
    rows = stacked_rows(documents)
    if not rows:
        raise NothingToPlotError("no structure factor on the line was computed")
    look = styles(document.parent for document in rows)
    with figure_style():
        figure, axes = plt.subplots(
            1, 2, figsize=(PAGE, 1.6 + 0.26 * len(rows)), sharey=True
        )
        for panel, (title, radiation) in zip(axes, RADIATIONS.items(), strict=True):
            for row, document in enumerate(rows):
                panel.axhline(row, color=GREY, linewidth=0.3, zorder=0)
                pattern = document.pattern(radiation)
                if pattern is not None:
                    colour = look[name_of(document.parent)].colour
                    height = stacked(pattern.s, row)
                    panel.plot(document.q, height, color=colour, linewidth=0.9)
            panel.set_title(title, pad=3)
            panel.set_xlabel("Q (1/Å)")
            panel.set_xlim(0, rows[0].q[-1])
        axes[0].set_yticks(
            range(len(rows)),
            [f"{pretty(d.formula_pretty)}, x = {d.x:.3f}" for d in rows],
            fontsize=6.5,
        )
        axes[0].set_ylabel("S(Q) - 1, each scaled to its maximum")
    return figure
