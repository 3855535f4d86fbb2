"""The diagram of all elements (the paper's Fig. 1)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from lps_flows.foundation import LpsFlowsError
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
    lowest = lowest_phases(entries)
    stable = [e for e in lowest if e.ternary is not None and e.ternary.on_hull]
    above = [e for e in lowest if e.ternary is not None and not e.ternary.on_hull]
    with figure_style():
        figure, axes = plt.subplots(figsize=(5.2, 4.6))
        corners = np.array([[0, 0], [1, 0], [0.5, _HEIGHT], [0, 0]])
        axes.plot(*corners.T, color=BLACK, linewidth=0.9, zorder=1)
        for pair in tie_lines(stable, elements):
            axes.plot(*np.array(pair).T, color=GREY, linewidth=0.6, zorder=1)
        ends = [
            _place(Composition(end.formula), elements) for end in diagram.end_members
        ]
        axes.plot(
            *np.array(ends).T, color=BLUE, linestyle=(0, (4, 2)), linewidth=1.2,
            label="composition line", zorder=2,
        )  # fmt: skip
        places = np.array([_position(e, elements) for e in stable])
        axes.scatter(*places.T, s=26, color=BLACK, zorder=4, label="stable")
        if above:
            places = np.array([_position(e, elements) for e in above])
            shown = axes.scatter(
                *places.T,
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
        _label_phases(axes, [*stable, *above], elements)
        for name, corner, offset in zip(
            elements, corners[:3], ((-9, -9), (9, -9), (0, 7)), strict=True
        ):
            axes.annotate(
                name, corner, xytext=offset, textcoords="offset points",
                ha="center", va="center", fontsize=11, weight="bold",
            )  # fmt: skip
        axes.set_aspect("equal")
        axes.axis("off")
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


def lowest_phases(entries: Sequence[PhaseDiagramEntry]) -> list[PhaseDiagramEntry]:
    """Return the lowest crystal of every formula; glasses only without a crystal.

    Parameters
    ----------
    entries
        Entries of one diagram.
    """
    lowest: dict[str, PhaseDiagramEntry] = {}
    ranked = sorted(entries, key=lambda e: (e.glass, e.energy_per_atom))
    for entry in ranked:
        lowest.setdefault(entry.formula, entry)
    return list(lowest.values())


def _place(composition: Composition, elements: Sequence[str]) -> tuple[float, float]:
    _, right, top = (composition.get_atomic_fraction(el) for el in elements)
    return right + top / 2, top * _HEIGHT


def _position(entry: PhaseDiagramEntry, elements: Sequence[str]) -> tuple[float, float]:
    return _place(Composition(entry.composition), elements)


def tie_lines(
    stable: Sequence[PhaseDiagramEntry], elements: Sequence[str]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the edges between stable phases, in the plane of the triangle.

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
    at = [_place(entry.composition, elements) for entry in hull.qhull_entries]
    return [(at[i], at[j]) for i, j in sorted(edges)]


def _label_phases(
    axes: plt.Axes, phases: Sequence[PhaseDiagramEntry], elements: Sequence[str]
) -> None:
    """Name compounds: left of the left half, right of the right half, spread apart."""
    compounds = [e for e in phases if len(e.composition) > 1 and not e.glass]
    taken: list[tuple[float, float]] = []
    for entry in sorted(compounds, key=lambda e: _position(e, elements)[1]):
        x, y = _position(entry, elements)
        side = -1 if x < 0.5 else 1
        label_y = y
        while any(
            abs(label_y - other) < 0.032 and abs(x - at) < 0.2 for at, other in taken
        ):
            label_y += 0.008
        taken.append((x, label_y))
        axes.annotate(
            pretty(entry.formula),
            (x, y),
            xytext=(x + side * 0.03, label_y),
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=6,
            zorder=5,
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
    phases = [e for e in lowest_phases(entries) if e.ternary is not None]
    for name, chosen, symbol in (
        ("stable", [e for e in phases if e.ternary and e.ternary.on_hull], "circle"),
        (
            "above the hull",
            [e for e in phases if e.ternary and not e.ternary.on_hull],
            "square-open",
        ),
    ):
        fractions = [Composition(e.composition).fractional_composition for e in chosen]
        figure.add_scatterternary(
            a=[f[elements[2]] for f in fractions],
            b=[f[elements[0]] for f in fractions],
            c=[f[elements[1]] for f in fractions],
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
