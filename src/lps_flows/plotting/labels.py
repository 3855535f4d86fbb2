"""Put names beside points so that they cover neither each other nor the points."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lps_flows.appearance import GREY

Array = NDArray[np.float64]

_SIZE = 6.5
_RADII = (7, 10, 14, 19, 25, 32, 40, 50, 62, 76)
"""Distances of a name from its point that are tried (points of 1/72 inch)."""
_LINE_FROM = 8.0
"""Distance from which a thin line leads to the point (points)."""


def _directions(*degrees: int) -> tuple[tuple[float, float], ...]:
    angles = np.deg2rad(degrees)
    return tuple(zip(np.cos(angles).tolist(), np.sin(angles).tolist(), strict=True))


AROUND = _directions(0, 180, 45, 135, -45, -135, 90, -90)
BELOW_LEFT = _directions(-135, -90, -155, 180, -45, -25, 0, 135, 45, 90)
"""All around, below and to the left first."""
BELOW_RIGHT = tuple((-x, y) for x, y in BELOW_LEFT)


def place_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    *,
    directions: Sequence[tuple[float, float]] | Sequence[Sequence[tuple[float, float]]],
    obstacles: Sequence[tuple[float, float]] = (),
) -> None:
    """Name points; a name that had to move away gets a thin line to its point.

    Parameters
    ----------
    directions
        Directions tried in this order, unit vectors; or one such list per point.
    obstacles
        Other points not to be covered, in data coordinates.
    """
    if not len(points):
        return
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    scale = axes.figure.dpi / 72
    blocked = axes.transData.transform([*points, *obstacles]) / scale
    inside = axes.get_window_extent().get_points() / scale
    taken: list[Array] = []
    per_point = isinstance(directions[0][0], tuple)
    for k, name in enumerate(names):
        tried = np.array(directions[k] if per_point else directions)
        point, size = blocked[k], _extent(name)
        offsets = _offsets(tried, size)
        boxes = (point + offsets)[:, None] + np.array([-size / 2, size / 2])
        costs = (_cost(box, blocked, taken, inside) for box in boxes)
        best, lowest = 0, np.inf
        for n, cost in enumerate(costs):
            if cost < lowest:
                best, lowest = n, cost
            if lowest == 0:
                break
        taken.append(boxes[best])
        away = np.linalg.norm(np.maximum(np.abs(offsets[best]) - size / 2, 0.0))
        text = axes.annotate(
            name,
            points[k],
            xytext=tuple(offsets[best]),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_SIZE,
            zorder=8,
            arrowprops=(
                {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0.5,
                 "shrinkB": 2, "linestyle": ":"}
                if away > _LINE_FROM
                else None
            ),
        )  # fmt: skip
        text.set_path_effects(
            [patheffects.withStroke(linewidth=1.6, foreground="white", alpha=0.85)]
        )


def _extent(name: str) -> Array:
    """Return the approximate width and height of a name (points)."""
    small = sum(len(sub) for sub in re.findall(r"\$_\{(.*?)\}\$", name))
    large = len(re.sub(r"\$_\{.*?\}\$", "", name))
    return np.array([0.68 * _SIZE * (large + 0.7 * small), 1.25 * _SIZE])


def _offsets(directions: Array, size: Array) -> Array:
    """Return where the middle of a name may lie from its point, the nearest first."""
    beside = np.sign(directions.round(6)) * size / 2
    return np.concatenate([directions * radius + beside for radius in _RADII])


def _cost(box: Array, blocked: Array, taken: Sequence[Array], inside: Array) -> float:
    """Count what a box covers: names, and leaving the axes, count as five points."""
    low, high = box
    points = ((blocked > low - 3.5) & (blocked < high + 3.5)).all(axis=1).sum()
    names = sum(bool((low < b[1]).all() and (high > b[0]).all()) for b in taken)
    outside = bool((low < inside[0]).any() or (high > inside[1]).any())
    return float(points + 5 * (names + outside))
