"""Colours, marks and names in figures, one table for print and page.

No plotting library is imported here: `lps_flows.plotting` (matplotlib) and
`lps_flows.report.charts` (plotly) both read from it, so that a crystal, an element or a
temperature looks the same wherever it is drawn.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

# Okabe and Ito's palette, distinguishable with every common colour blindness. Its
# yellow is left out: it vanishes on white paper.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8C8C8C"
OLIVE = "#999933"
WINE = "#882255"
_MORE = ("#7A5C00", WINE, "#332288", "#117733", OLIVE, "#AA4499")
_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, *_MORE)
# matplotlib's and plotly's names of the same marks
_MARKS = (
    ("o", "circle"),
    ("s", "square"),
    ("^", "triangle-up"),
    ("D", "diamond"),
    ("v", "triangle-down"),
    ("P", "cross"),
    ("X", "x"),
    ("h", "hexagon"),
)

ELEMENTS = {
    "Li": "#9B59D0",
    "Na": "#9B59D0",
    "P": "#E08214",
    "S": "#E6C229",
    "Si": "#C9A27A",
    "O": "#D7301F",
}
"""Colours of atoms and of the density of mobile ions, CPK-like."""

_TEMPERATURES = (
    (300, BLUE),
    (500, SKY),
    (600, GREEN),
    (700, OLIVE),
    (900, ORANGE),
    (1200, VERMILION),
    (1500, WINE),
)
_KNOWN = (
    "beta-Li3PS4",
    "Li7P3S11",
    "LiPS3",
    "gamma-Li3PS4",
    "LT-Li7PS6",
    "Li4P2S7",
    "Li2S",
    "P2S5",
)
"""Crystals with a look of their own, whatever else a figure shows."""
NO_PARENT = "no parent"


@dataclass(frozen=True)
class Style:
    """The look of one name: colours are never told apart by colour alone."""

    colour: str
    marker: str
    """For matplotlib."""
    symbol: str
    """The same for plotly."""


Styles = Mapping[str, Style]
"""Look by name."""

UNKNOWN = Style(GREY, "x", "x-thin-open")
"""The look of what has no name."""


def nth_style(k: int) -> Style:
    """Return the look number k; looks repeat only after all pairs are used.

    Examples
    --------
    >>> nth_style(0)
    Style(colour='#0072B2', marker='o', symbol='circle')
    """
    marker, symbol = _MARKS[(k + k // len(_COLOURS)) % len(_MARKS)]
    return Style(_COLOURS[k % len(_COLOURS)], marker, symbol)


def styles(names: Iterable[str | None]) -> dict[str, Style]:
    """Return the look of every name, the same in all figures of a campaign.

    Parameters
    ----------
    names
        Crystals; those of the library's line have a look of their own, the others take
        what is free in the order of their letters. None is written 'no parent'.

    Examples
    --------
    >>> styles(["Li7P3S11", "mine"])["Li7P3S11"] == styles(["Li7P3S11"])["Li7P3S11"]
    True
    """
    wanted = dict.fromkeys(name_of(name) for name in names)
    own = [name for name in sorted(wanted) if name not in _KNOWN]
    return {
        name: nth_style(_KNOWN.index(name))
        if name in _KNOWN
        else nth_style(len(_KNOWN) + own.index(name))
        for name in wanted
    }


def name_of(parent: str | None) -> str:
    """Return the key of a parent crystal, 'no parent' when there is none."""
    return NO_PARENT if parent is None else parent


def style_of(name: str | None, known: Styles) -> Style:
    """Return the look of a name, grey for one that is not known."""
    return known.get(name_of(name), UNKNOWN)


def temperature_colour(temperature: float) -> str:
    """Return the colour of a temperature (K), from blue at 300 K to wine red at 1500 K.

    Examples
    --------
    >>> temperature_colour(300.0) == BLUE
    True
    """
    bounded = min(max(temperature, _TEMPERATURES[0][0]), _TEMPERATURES[-1][0])
    (low, cold), (high, hot) = next(
        pair for pair in pairwise(_TEMPERATURES) if bounded <= pair[1][0]
    )
    share = (bounded - low) / (high - low)
    mixed = (
        round((1 - share) * int(cold[k : k + 2], 16) + share * int(hot[k : k + 2], 16))
        for k in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in mixed)


MOTIF_TITLES = {
    "PS4": "PS4^3- tetrahedra",
    "P2S7": "P2S7^4- corner-sharing",
    "P2S6_edge": "P2S6^2- edge-sharing",
    "P2S6_PP": "P2S6^4- with P-P bond",
    "chain": "PS3^- chains",
    "PS3": "PS3 monomers",
    "other": "other",
}
"""Titles of the motifs, to be written with `pretty` or `pretty_html`."""


def motif_title(motif: str, former: str = "P", ligand: str = "S") -> str:
    """Return the title of a motif of a former and a ligand.

    Charges are those of thiophosphates, and go with them alone.

    Examples
    --------
    >>> motif_title("PS4"), motif_title("PS4", "Si"), motif_title("PS4", "P, Si")
    ('PS4^3- tetrahedra', 'SiS4 tetrahedra', 'MS4 tetrahedra')
    """
    title = MOTIF_TITLES[motif]
    if (former, ligand) == ("P", "S"):
        return title
    return _of_elements(re.sub(r"\^\d*-", "", title), former, ligand)


def motif_name(motif: str, former: str = "P", ligand: str = "S") -> str:
    """Return the name of a motif of a former and a ligand, as tables have it.

    Examples
    --------
    >>> motif_name("P2S6_PP"), motif_name("P2S6_edge", "Ge", "Se")
    ('P2S6 P-P', 'Ge2Se6 edge')
    """
    name = motif.replace("_PP", " P-P").replace("_", " ")
    return _of_elements(name, former, ligand)


def _of_elements(text: str, former: str, ligand: str) -> str:
    """Write a text on P and S of other elements; several formers are M, anions X."""
    symbols = {"P": "M" if "," in former else former}
    symbols["S"] = "X" if "," in ligand else ligand
    return re.sub("[PS]", lambda letter: symbols[letter[0]], text)


_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}


def pretty(name: str) -> str:
    """Return a formula or crystal key with subscripts and Greek letters, as mathtext.

    Examples
    --------
    >>> pretty("beta-Li3PS4")
    'β-Li$_{3}$PS$_{4}$'
    """
    return _typeset(literal(name), r"$_{\1}$", r"$^{\1}$")


def literal(text: str) -> str:
    """Return text that matplotlib draws as it is, and takes for no formula."""
    return text.replace("$", r"\$")


def pretty_html(name: str) -> str:
    """Return the same as HTML that is safe, whatever a document holds.

    Examples
    --------
    >>> pretty_html("beta-Li3PS4")
    'β-Li<sub>3</sub>PS<sub>4</sub>'
    """
    return _typeset(escaped(name), r"<sub>\1</sub>", r"<sup>\1</sup>")


def escaped(text: object) -> str:
    """Return text that a page shows as it is."""
    return html.escape(str(text), quote=False)


def _typeset(name: str, subscript: str, superscript: str) -> str:
    for word, letter in _GREEK.items():
        name = name.replace(f"{word}-", f"{letter}-")
    head, mark, tail = name.partition("_")
    head = re.sub(r"(?<=[A-Za-z])(\d+(?:\.\d+)?)", subscript, head)
    return re.sub(r"\^(\d*[+-])", superscript, head) + mark + tail


def counted(number: int, what: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "structure"), counted(2000, "search")
    ('1 structure', '2,000 searches')
    """
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"
