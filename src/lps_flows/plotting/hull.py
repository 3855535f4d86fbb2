"""Formation energies over the composition line (the paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.analysis.shown_diagram import hull_curves, named_crystals
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
from lps_flows.plotting.labels import BELOW_LEFT, BELOW_RIGHT, place_labels
from lps_flows.plotting.style import PAGE, figure_style, x_label
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
_CURVES: dict[str, dict[str, Any]] = {
    "hull": {"color": BLACK, "linewidth": 1.3, "label": "hull"},
    "metastable hull": {
        "color": BLUE,
        "linestyle": (0, (4, 2)),
        "label": "metastable hull (glass-ceramic)",
    },
}
_STRETCHES: dict[str, dict[str, Any]] = {
    "gap": {
        "label": "miscibility gap",
        "color": VERMILION,
        "alpha": 0.18,
        "linewidth": 0,
    },
    "undecided": {"label": "undecided", "color": ORANGE, "alpha": 0.18, "linewidth": 0},
    "unsampled": {
        "label": "unsampled",
        "facecolor": "none",
        "edgecolor": GREY,
        "hatch": "////",
        "alpha": 0.35,
        "linewidth": 0,
    },
}
_VALLEY = 0.76


def formation_energy_figure(
    diagram: PhaseDiagramDocument, entries: Sequence[PhaseDiagramEntry]
) -> Figure:
    """Return formation energies over x with hull, metastable hull, and gaps."""
    with figure_style():
        figure, axes = plt.subplots(figsize=(PAGE, 3.6))
        for (label, colour, marker, size), chosen in _by_source(entries):
            axes.scatter(
                [_point(e)[0] for e in chosen],
                [_point(e)[1] for e in chosen],
                s=size,
                marker=marker,
                facecolor=colour if label in {"crystals", "other"} else "none",
                edgecolor=colour if label != "other" else None,
                linewidth=0.8,
                label=f"{label} ({len(chosen)})",
                zorder=4 if label == "crystals" else 3,
            )
        curves = hull_curves(diagram)
        for name, x, energy in curves:
            axes.plot(x, energy, zorder=2, **_CURVES[name])
        for part in diagram.metastable_hull:
            if part.status in _STRETCHES:
                style = _STRETCHES[part.status]
                axes.axvspan(part.x_start, part.x_end, zorder=0, **style)
        axes.set_xlim(-0.04, 1.04)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - 0.12 * (top - bottom), top)
        axes.set_xlabel(x_label(diagram.line.end_members))
        axes.set_ylabel("formation energy (meV/atom)")
        axes.axhline(0, color=GREY, linewidth=0.5, zorder=0)
        handles, labels = axes.get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True))
        axes.legend(
            once.values(),
            once.keys(),
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            handletextpad=0.4,
        )
        # last: the legend takes its room from the axes
        crystals = named_crystals(entries)
        place_labels(
            axes,
            [place for _, place in crystals],
            [pretty(name) for name, _ in crystals],
            # away from the valley, where the glasses are
            directions=[
                BELOW_LEFT if x < _VALLEY else BELOW_RIGHT for _, (x, _) in crystals
            ],
            obstacles=[
                *(_point(e) for e in entries if e.line is not None),
                *(p for _, x, energy in curves for p in zip(x, energy, strict=True)),
            ],
        )
    return figure


def _by_source(
    entries: Sequence[PhaseDiagramEntry],
) -> list[tuple[_Source, list[PhaseDiagramEntry]]]:
    groups: dict[_Source, list[PhaseDiagramEntry]] = {}
    for entry in entries:
        if entry.line is not None:
            groups.setdefault(_SOURCES.get(entry.source, _OTHER), []).append(entry)
    return [(s, groups[s]) for s in (*_SOURCES.values(), _OTHER) if s in groups]


def _point(entry: PhaseDiagramEntry) -> tuple[float, float]:
    return float(entry.x or 0), 1000 * float(entry.formation_energy_per_atom or 0)
