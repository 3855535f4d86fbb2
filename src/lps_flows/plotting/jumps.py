"""How often ions jump, and how far."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lps_flows.appearance import pretty, styles
from lps_flows.plotting.style import PAGE, NothingToPlotError, figure_style
from lps_flows.schemas.jumps import JumpDocument

_BIN = 0.25


def jump_figure(documents: Sequence[JumpDocument]) -> Figure:
    """Return jump rates over inverse temperature, and the lengths of the jumps.

    Raises
    ------
    NothingToPlotError
        When no ion jumped.
    """
    jumped = [(d, d.analysis) for d in documents if d.analysis and d.analysis.n_jumps]
    if not jumped:
        raise NothingToPlotError("no jump was found in a run")
    look = styles(document.label for document, _ in jumped)
    labels = list(dict.fromkeys(document.label for document, _ in jumped))
    with figure_style():
        figure, (rates, lengths) = plt.subplots(1, 2, figsize=(PAGE, 2.7))
        for label in labels:
            style = look[label]
            own = sorted(
                ((d.temperature, a) for d, a in jumped if d.label == label),
                key=lambda run: run[0],
            )
            rates.errorbar(
                [1000 / temperature for temperature, _ in own],
                [a.rate for _, a in own],
                [a.rate_error for _, a in own],
                color=style.colour,
                marker=style.marker,
                label=pretty(label),
            )
            pairs = [pair for _, a in own for pair in a.pairs]
            longest = max(pair.length for pair in pairs)
            lengths.hist(
                [pair.length for pair in pairs],
                bins=np.arange(0, longest + 2 * _BIN, _BIN).tolist(),
                weights=[pair.n_jumps for pair in pairs],
                density=True,
                histtype="step",
                color=style.colour,
            )
        rates.set_yscale("log")
        rates.set_xlabel("1000 / T (1/K)")
        rates.set_ylabel("jumps per ion (1/ps)")
        rates.legend()
        lengths.set_xlabel("length of a jump (Å)")
        lengths.set_ylabel("density (1/Å)")
    return figure
