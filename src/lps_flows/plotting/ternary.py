"""The diagram of all elements (the paper's Fig. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from lps_flows.foundation import LpsFlowsError
from lps_flows.plotting.labels import place_labels
from lps_flows.plotting.style import (
    BLACK,
    BLUE,
    GREY,
    figure_style,
    pretty,
    pretty_html,
)
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry


class TernaryError(LpsFlowsError):
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
    """Return the ternary diagram with tie lines and the phases above the hull (Fig. 1).

    Parameters
    ----------
    diagram
        Phase diagram with three elements.
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
                c=[1000 * e.ternary.e_above_hull for e in above if e.ternary],
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
    if diagram.ternary_note is not None or len(diagram.elements) != 3:
        raise TernaryError(
            diagram.ternary_note or "a triangle has three elements",
            field="elements",
            value=diagram.elements,
            remedy="add the elemental crystals to the campaign",
        )
    return diagram.elements


def stable_and_above(
    entries: Sequence[PhaseDiagramEntry],
) -> tuple[list[PhaseDiagramEntry], list[PhaseDiagramEntry]]:
    """Return the vertices of the hull, and the lowest crystal of every other formula.

    Parameters
    ----------
    entries
        Entries of one diagram. A glass-ceramic structure appears when it is a vertex.
    """
    placed = [e for e in entries if e.ternary is not None]
    stable = {e.formula: e for e in placed if e.ternary and e.ternary.on_hull}
    above: dict[str, PhaseDiagramEntry] = {}
    for entry in sorted(placed, key=lambda e: e.energy_per_atom):
        if entry.formula not in stable and not entry.glass:
            above.setdefault(entry.formula, entry)
    return list(stable.values()), list(above.values())


def _place(composition: Composition, elements: Sequence[str]) -> tuple[float, float]:
    _, right, top = (composition.get_atomic_fraction(el) for el in elements)
    return right + top / 2, top * _HEIGHT


def _position(entry: PhaseDiagramEntry, elements: Sequence[str]) -> tuple[float, float]:
    return _place(Composition(entry.composition), elements)


def tie_lines(
    stable: Sequence[PhaseDiagramEntry], elements: Sequence[str]
) -> list[tuple[Composition, Composition]]:
    """Return the pairs of stable phases that coexist.

    Parameters
    ----------
    stable
        Vertices of the hull.
    elements
        The three elements: left, right, top.
    """
    phases = [
        PDEntry(
            composition := Composition(e.composition),
            (e.ternary.formation_energy if e.ternary else 0.0) * composition.num_atoms,
        )
        for e in stable
    ]
    hull = PhaseDiagram(phases, [Element(el) for el in elements])
    edges = {
        tuple(sorted((int(facet[i]), int(facet[j]))))
        for facet in hull.facets
        for i, j in ((0, 1), (1, 2), (0, 2))
    }
    phase = [entry.composition for entry in hull.qhull_entries]
    return [(phase[i], phase[j]) for i, j in sorted(edges)]


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
        [pretty(e.formula) for e in compounds],
        directions=directions,
        obstacles=[
            *(_position(e, elements) for e in phases),
            *(tuple(a + t * (b - a)) for a, b in lines for t in np.linspace(0, 1, 80)),
        ],
    )


def ternary_plotly(
    diagram: PhaseDiagramDocument, entries: Sequence[PhaseDiagramEntry]
) -> go.Figure:
    """Return the same diagram for hovering.

    Parameters
    ----------
    diagram
        Phase diagram with three elements.
    entries
        Its entries.
    """
    elements = _elements(diagram)
    figure = go.Figure()
    stable, above = stable_and_above(entries)
    ends = [end.formula for end in diagram.end_members]
    for name, pairs, line in (
        ("tie lines", tie_lines(stable, elements), {"color": GREY, "width": 1}),
        (
            "composition line",
            [(Composition(ends[0]), Composition(ends[1]))],
            {"color": BLUE, "width": 2, "dash": "dash"},
        ),
    ):
        figure.add_scatterternary(
            **_segments(pairs, elements),
            mode="lines",
            name=name,
            line=line,
            hoverinfo="skip",
        )
    for name, chosen, symbol in (
        ("stable", stable, "circle"),
        ("above the hull", above, "square-open"),
    ):
        figure.add_scatterternary(
            **_coordinates([Composition(e.composition) for e in chosen], elements),
            mode="markers",
            name=name,
            marker={"symbol": symbol, "color": BLACK if name == "stable" else BLUE},
            text=[
                f"<b>{pretty_html(e.formula)}</b> ({e.parent})"
                f"<br>{1000 * (e.ternary.e_above_hull if e.ternary else 0):.1f} "
                "meV/atom above the hull"
                for e in chosen
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.update_layout(
        template="simple_white",
        ternary={
            "aaxis_title": elements[2],
            "baxis_title": elements[0],
            "caxis_title": elements[1],
        },
    )
    return figure


def _coordinates(
    phases: Sequence[Composition], elements: Sequence[str]
) -> dict[str, list[float | None]]:
    """Return plotly's coordinates: the top, left and right corner of the triangle."""
    left, right, top = elements
    return {
        axis: [phase.get_atomic_fraction(element) for phase in phases]
        for axis, element in (("a", top), ("b", left), ("c", right))
    }


def _segments(
    pairs: Sequence[tuple[Composition, Composition]], elements: Sequence[str]
) -> dict[str, list[float | None]]:
    """Return the coordinates of separate lines, a gap after each."""
    coordinates: dict[str, list[float | None]] = {"a": [], "b": [], "c": []}
    for pair in pairs:
        for axis, values in _coordinates(pair, elements).items():
            coordinates[axis] += [*values, None]
    return coordinates
