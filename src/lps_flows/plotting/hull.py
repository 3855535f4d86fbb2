"""Formation energies over the composition line (the paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lps_flows.analysis.hull_gaps import curve_between
from lps_flows.appearance import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    pretty,
)
from lps_flows.chemistry import CompositionLine
from lps_flows.plotting.labels import BELOW_LEFT, BELOW_RIGHT, place_labels
from lps_flows.plotting.style import PAGE, figure_style
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry

_Source = tuple[str, str, str, int]
"""Label, colour, marker and size of structures of one source."""
_SOURCES: dict[str, _Source] = {
    "ga": ("GA", SKY, "o", 12),
    "melt-quench": ("melt-quench", PURPLE, "v", 16),
    "md": ("MD snapshots", ORANGE, "^", 14),
    "crystal": ("crystals", BLACK, "D", 24),
}
_OTHER: _Source = ("other", GREY, "x", 12)
_NAMED_ABOVE = 0.012
"""Crystals this close to the lowest of their composition are named, too (eV/atom)."""

_VALLEY = 0.76


def formation_energy_figure(
    diagram: PhaseDiagramDocument, entries: Sequence[PhaseDiagramEntry]
) -> Figure:
    """Return formation energies over x with hull, metastable hull, and gaps.

    Parameters
    ----------
    diagram
        Phase diagram of one campaign by one method.
    entries
        Its entries; those off the line do not appear.
    """
    line = _line(diagram)
    with figure_style():
        figure, axes = plt.subplots(figsize=(PAGE, 3.6))
        for (label, colour, marker, size), chosen in _by_source(entries):
            axes.scatter(
                [float(e.x or 0) for e in chosen],
                [1000 * float(e.formation_energy or 0) for e in chosen],
                s=size,
                marker=marker,
                facecolor=colour if label in {"crystals", "other"} else "none",
                edgecolor=colour if label != "other" else None,
                linewidth=0.8,
                label=f"{label} ({len(chosen)})",
                zorder=4 if label == "crystals" else 3,
            )
        curves = [
            *_hull_line(axes, diagram, line),
            *_metastable(axes, diagram, line),
        ]
        axes.set_xlim(-0.04, 1.04)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - 0.12 * (top - bottom), top)
        first, second = (pretty(f) for f in line.end_members)
        axes.set_xlabel(f"x in ({first})$_{{x}}$({second})$_{{1-x}}$")
        axes.set_ylabel("formation energy (meV/atom)")
        axes.axhline(0, color=GREY, linewidth=0.5, zorder=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.4)
        # last: the legend takes its room from the axes
        _name_crystals(axes, entries, curves)
    return figure


def _line(diagram: PhaseDiagramDocument) -> CompositionLine:
    first, second = (end.formula for end in diagram.end_members)
    return CompositionLine(end_members=(first, second))


def _by_source(
    entries: Sequence[PhaseDiagramEntry],
) -> list[tuple[_Source, list[PhaseDiagramEntry]]]:
    groups: dict[_Source, list[PhaseDiagramEntry]] = {}
    for entry in entries:
        if entry.line is not None:
            groups.setdefault(_SOURCES.get(entry.source, _OTHER), []).append(entry)
    return [(s, groups[s]) for s in (*_SOURCES.values(), _OTHER) if s in groups]


def _vertices(diagram: PhaseDiagramDocument) -> list[tuple[float, float]]:
    return [(c.x, 1000 * c.formation_energy) for c in diagram.compositions if c.on_hull]


def _metastable_vertices(diagram: PhaseDiagramDocument) -> list[tuple[float, float]]:
    return [
        (c.x, 1000 * float(c.glass_formation_energy or 0))
        for c in diagram.compositions
        if c.on_metastable_hull
    ]


def _hull_line(
    axes: Axes, diagram: PhaseDiagramDocument, line: CompositionLine
) -> list[tuple[float, float]]:
    """Draw the hull; return points along it."""
    x, energy = curve_between(line, _vertices(diagram))
    axes.plot(x, energy, color=BLACK, linewidth=1.3, label="hull", zorder=2)
    return list(zip(x.tolist(), energy.tolist(), strict=True))


def _metastable(
    axes: Axes, diagram: PhaseDiagramDocument, line: CompositionLine
) -> list[tuple[float, float]]:
    """Draw the metastable hull with its gaps; return points along it."""
    vertices = _metastable_vertices(diagram)
    if len(vertices) < 2:
        return []
    x, energy = curve_between(line, vertices)
    axes.plot(
        x,
        energy,
        color=BLUE,
        linestyle=(0, (4, 2)),
        label="metastable hull (glass-ceramic)",
        zorder=2,
    )
    styles: dict[str, tuple[str, dict[str, Any]]] = {
        "gap": ("miscibility gap", {"color": VERMILION, "alpha": 0.18, "linewidth": 0}),
        "unsampled": (
            "unsampled",
            {
                "facecolor": "none",
                "edgecolor": GREY,
                "hatch": "////",
                "alpha": 0.35,
                "linewidth": 0,
            },
        ),
    }
    labelled = set()
    for part in diagram.metastable_hull:
        if part.status not in styles:
            continue
        label, style = styles[part.status]
        axes.axvspan(
            part.x_start,
            part.x_end,
            label=None if part.status in labelled else label,
            zorder=0,
            **style,
        )
        labelled.add(part.status)
    return list(zip(x.tolist(), energy.tolist(), strict=True))


def _name_crystals(
    axes: Axes,
    entries: Sequence[PhaseDiagramEntry],
    curves: Sequence[tuple[float, float]],
) -> None:
    """Name the lowest crystal of each composition and those hardly above it."""
    on_line = [e for e in entries if e.line is not None]
    crystals = [e for e in on_line if e.source == "crystal"]
    named = []
    for entry in crystals:
        lowest = min(
            float(e.formation_energy or 0)
            for e in crystals
            if e.formula == entry.formula
        )
        if float(entry.formation_energy or 0) - lowest < _NAMED_ABOVE:
            named.append(entry)
    named.sort(key=lambda e: float(e.formation_energy or 0))
    place_labels(
        axes,
        [_point(e) for e in named],
        [pretty(e.parent or e.formula) for e in named],
        # away from the valley, where the glasses are
        directions=[
            BELOW_LEFT if float(e.x or 0) < _VALLEY else BELOW_RIGHT for e in named
        ],
        obstacles=[*(_point(e) for e in on_line), *curves],
    )


def _point(entry: PhaseDiagramEntry) -> tuple[float, float]:
    return float(entry.x or 0), 1000 * float(entry.formation_energy or 0)
