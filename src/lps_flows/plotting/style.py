"""Colours, markers and sizes of all figures: for print and for colour-blind readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import matplotlib as mpl

# Okabe and Ito's palette, distinguishable with every common colour blindness.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8C8C8C"

# the palette's yellow is left out: it vanishes on white paper
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
PLOTLY_MARKERS = (
    "circle", "square", "triangle-up", "diamond", "triangle-down",
    "cross", "x", "star", "triangle-left", "triangle-right",
)  # fmt: skip

COLUMN = 3.5
"""Width of a column (inch)."""
PAGE = 7.0
"""Width of a page (inch)."""


class HasParent(Protocol):
    """Anything that says from which crystal it descends."""

    parent: str | None
    formula: str


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


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply our style inside a with block, and nowhere else."""
    with mpl.rc_context(cast("Any", _RC)):
        yield


def parent_styles(parents: Iterable[str | None]) -> dict[str, tuple[str, str]]:
    """Return colour and marker of every parent crystal, the same in all figures.

    Parameters
    ----------
    parents
        Keys of the crystals; the order of the letters decides, so that figures of
        one campaign agree.
    """
    names = sorted({parent_name(parent) for parent in parents})
    return {
        name: (CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)])
        for k, name in enumerate(names)
    }


def parent_name(parent: str | None) -> str:
    """Return the key of a parent, 'no parent' when there is none."""
    return "no parent" if parent is None else parent


_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}


def pretty(name: str) -> str:
    """Return a formula or crystal key with subscripts and Greek letters.

    Parameters
    ----------
    name
        'beta-Li3PS4' becomes 'β-Li₃PS₄' in mathtext.
    """
    for word, letter in _GREEK.items():
        name = name.replace(f"{word}-", f"{letter}-")
    head, mark, tail = name.partition("_")
    return re.sub(r"(?<=[A-Za-z])(\d+(?:\.\d+)?)", r"$_{\1}$", head) + mark + tail


def pretty_html(name: str) -> str:
    """Return a formula or crystal key for plotly's labels."""
    for word, letter in _GREEK.items():
        name = name.replace(f"{word}-", f"{letter}-")
    head, mark, tail = name.partition("_")
    return re.sub(r"(?<=[A-Za-z])(\d+(?:\.\d+)?)", r"<sub>\1</sub>", head) + mark + tail


def sampled_parents(documents: Sequence[HasParent]) -> set[str]:
    """Return the parents that more than one composition descends from.

    Parameters
    ----------
    documents
        Documents with a parent and a formula.
    """
    formulas: dict[str, set[str]] = {}
    for document in documents:
        formulas.setdefault(parent_name(document.parent), set()).add(document.formula)
    return {name for name, found in formulas.items() if len(found) > 1}
