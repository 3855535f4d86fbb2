"""Sizes and settings of the figures for print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt

from lps_flows.appearance import pretty
from lps_flows.foundation import LpsFlowsError

COLUMN = 3.5
"""Width of a column (inch)."""
PAGE = 7.0
"""Width of a page (inch)."""

_RC: dict[str, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 9,
    "legend.fontsize": 7,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "legend.frameon": False,
    "figure.dpi": 150,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "mathtext.default": "regular",
    "pdf.fonttype": 42,
}


class NothingToPlotError(LpsFlowsError):
    """There is no document a figure could show."""


def x_label(end_members: Iterable[str]) -> str:
    """Return the title of an axis along the composition line."""
    first, second = map(pretty, end_members)
    return f"x in ({first})$_{{x}}$({second})$_{{1-x}}$"


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply our style inside a with block, and nowhere else."""
    # a notebook's backend that wakes up inside would be put to sleep again at the end
    plt.draw_if_interactive()
    with mpl.rc_context(cast("Any", _RC)):
        yield
