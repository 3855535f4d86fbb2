"""The diagram of all elements (the paper's Fig. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from pymatgen.core import Composition

from lps_flows.analysis.shown_diagram import stable_and_above, tie_lines
from lps_flows.appearance import BLACK, BLUE, GREY, pretty
from lps_flows.plotting.labels import place_labels
from lps_flows.plotting.style import NothingToPlotError, figure_style
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry


class TernaryError(NothingToPlotError):
    """A diagram that is no triangle."""


_HEIGHT = np.sqrt(3) / 2
# where names go: outside the edge that lacks an element, or up from the line
_RIGHT = ((1.0, 0.0), (0.87, 0.5))
_LEFT = ((-1.0, 0.0), (-0.87, 0.5))
_DOWN = ((0.0, -1.0), (-0.5, -0.87), (0.5, -0.87))
_ON_LINE = ((-0.5, 0.87), (-0.87, 0.5))
_OFF_LINE = ((0.87, -0.5), (0.5, -0.87))


def ternary_figure(
    diagram: PhaseDiagramDocument, entries: Sequence[PhaseDiagramEntry]
) -> Figure:
    """Return the ternary diagram with tie lines and the phases above the hull.

    Parameters
    ----------
    entries
        Its entries, those off the composition line included.

    Raises
    ------
    TernaryError
        When there are not three elements, or an elemental phase is missing.
    """
    elements = _elements(diagram)
    stable, above = stable_and_above(entries)
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.4, 4.0))
        corners = np.array([[0, 0], [1, 0], [0.5, _HEIGHT], [0, 0]])
        axes.plot(*corners.T, color=BLACK, linewidth=0.9, zorder=1)
        lines = [*pairwise(corners)]
        for pair in tie_lines(stable, elements):
            places = np.array([_place(phase, elements) for phase in pair])
            axes.plot(*places.T, color=GREY, linewidth=0.6, zorder=1)
            lines.append((places[0], places[1]))
        ends = [
            _place(Composition(end.formula), elements) for end in diagram.end_members
        ]
        axes.plot(
            *np.array(ends).T, color=BLUE, linestyle=(0, (4, 2)), linewidth=1.2,
            label="composition line", zorder=2,
        )  # fmt: skip
        places = np.array([_position(e, elements) for e in stable])
        axes.scatter(
            places[:, 0], places[:, 1], s=26, color=BLACK, zorder=4, label="stable"
        )
        if above:
            places = np.array([_position(e, elements) for e in above])
            shown = axes.scatter(
                places[:, 0],
                places[:, 1],
                s=22,
                c=[1000 * e.ternary.energy_above_hull for e in above if e.ternary],
                cmap="viridis_r",
                marker="s",
                edgecolor=BLACK,
                linewidth=0.4,
                zorder=3,
                label="above the hull",
                vmin=0,
            )
            figure.colorbar(
                shown, ax=axes, shrink=0.6, label="distance above the hull (meV/atom)"
            )
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_xlim(-0.08, 1.08)
        axes.set_ylim(-0.1, 0.93)
        _label_phases(axes, [*stable, *above], elements, lines)
        for name, corner, offset in zip(
            elements, corners[:3], ((-9, -5), (9, -5), (0, 8)), strict=True
        ):
            axes.annotate(
                name, corner, xytext=offset, textcoords="offset points",
                ha="center", va="center", fontsize=11, weight="bold",
            )  # fmt: skip
        axes.legend(loc="upper left")
    return figure


def _elements(diagram: PhaseDiagramDocument) -> list[str]:
    if not diagram.has_ternary or len(diagram.elements) != 3:
        raise TernaryError(
            diagram.ternary_note or "a triangle has three elements",
            field="elements",
            value=diagram.elements,
            remedy="add the elemental crystals to the campaign",
        )
    return diagram.elements


def _place(composition: Composition, elements: Sequence[str]) -> tuple[float, float]:
    _, right, top = (composition.get_atomic_fraction(el) for el in elements)
    return right + top / 2, top * _HEIGHT


def _position(entry: PhaseDiagramEntry, elements: Sequence[str]) -> tuple[float, float]:
    return _place(Composition(entry.composition), elements)


def _label_phases(
    axes: plt.Axes,
    phases: Sequence[PhaseDiagramEntry],
    elements: Sequence[str],
    lines: Sequence[tuple[np.ndarray, np.ndarray]],
) -> None:
    """Name the compounds beside the lines, those on an edge of the triangle outside."""
    compounds = sorted(
        (e for e in phases if len(e.composition) > 1),
        key=lambda e: _position(e, elements)[1],
    )
    outward = {elements[0]: _RIGHT, elements[1]: _LEFT, elements[2]: _DOWN}
    directions = []
    for entry in compounds:
        lacking = [el for el in elements if el not in entry.composition]
        inside = _OFF_LINE if entry.x is None else _ON_LINE
        directions.append(outward[lacking[0]] if lacking else inside)
    place_labels(
        axes,
        [_position(e, elements) for e in compounds],
        [pretty(e.formula_pretty) for e in compounds],
        directions=directions,
        obstacles=[
            *(_position(e, elements) for e in phases),
            *(tuple(a + t * (b - a)) for a, b in lines for t in np.linspace(0, 1, 80)),
        ],
    )
