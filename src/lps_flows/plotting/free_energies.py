"""Free energies above the hull over the temperature."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.appearance import GREY, pretty, styles
from lps_flows.plotting.style import COLUMN, NothingToPlotError, figure_style
from lps_flows.schemas.phonons import FreeEnergyDocument


def free_energy_figure(documents: Sequence[FreeEnergyDocument]) -> Figure:
    """Return the free energy above the hull over the temperature, one line each.

    Raises
    ------
    NothingToPlotError
        When none has a place on the hull.
    """
    placed = [
        (d, d.free_energy_above_hull) for d in documents if d.free_energy_above_hull
    ]
    if not placed:
        notes = [document.note for document in documents if document.note]
        raise NothingToPlotError(notes[0] if notes else "no phonons were computed")
    look = styles(document.label for document, _ in placed)
    with figure_style():
        figure, axes = plt.subplots(figsize=(1.4 * COLUMN, 3.0))
        axes.axhline(0, color=GREY, lw=0.5)
        for document, above in placed:
            temperatures, places = document.vibrations.ascending(above)
            axes.plot(
                temperatures,
                1000 * places,
                color=look[document.label].colour,
                marker=look[document.label].marker,
                label=pretty(document.label),
            )
        axes.set_xlabel("temperature (K)")
        axes.set_ylabel("free energy above the hull (meV/atom)")
        axes.legend()
    return figure
