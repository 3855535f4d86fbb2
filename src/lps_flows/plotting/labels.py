"""Put names beside points so that they cover neither each other nor the points."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes

from lps_flows.appearance import GREY

_SIZE = 6.5
_RADII = (7, 10, 14, 19, 25, 32, 40, 50, 62, 76)
"""Distances of a name from its point that are tried (points of 1/72 inch)."""

AROUND = tuple(
    (float(np.cos(angle)), float(np.sin(angle)))
    for angle in np.deg2rad((0, 180, 45, 135, -45, -135, 90, -90))
)
BELOW_LEFT = tuple(
    (float(np.cos(angle)), float(np.sin(angle)))
    for angle in np.deg2rad((-135, -90, -155, 180, -45, -25, 0, 135, 45, 90))
)
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
    axes
        Axes whose limits are final.
    points
        What is named, in data coordinates.
    names
        One name per point, mathtext allowed.
    directions
        Directions tried in this order, unit vectors; or one such list per point.
    obstacles
        Other points not to be covered, in data coordinates.
    """
    if not len(points):
        return
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    scale = axes.figure.dpi / 72
    at = axes.transData.transform(np.array(points, dtype=float)) / scale
    blocked = at
    if len(obstacles):
        others = axes.transData.transform(np.array(obstacles, dtype=float)) / scale
        blocked = np.vstack([at, others])
    inside = axes.get_window_extent().get_points() / scale
    taken: list[np.ndarray] = []
    per_point = isinstance(directions[0][0], tuple)
    for k, (point, name) in enumerate(zip(at, names, strict=True)):
        tried = directions[k] if per_point else directions
        size = _extent(name)
        box, centre = _first_free(
            point,
            size,
            tried,  # type: ignore[arg-type]
            lambda box: _covered(box, blocked, taken) + _outside(box, inside),
        )
        taken.append(box)
        away = np.linalg.norm(np.maximum(np.abs(centre - point) - size / 2, 0.0))
        text = axes.annotate(
            name,
            points[k],
            xytext=tuple(centre - point),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_SIZE,
            zorder=8,
            arrowprops=(
                {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0.5,
                 "shrinkB": 2, "linestyle": ":"}
                if away > 8
                else None
            ),
        )  # fmt: skip
        text.set_path_effects(
            [patheffects.withStroke(linewidth=1.6, foreground="white", alpha=0.85)]
        )


def _extent(name: str) -> np.ndarray:
    """Return the approximate width and height of a name (points)."""
    small = sum(len(sub) for sub in re.findall(r"\$_\{(.*?)\}\$", name))
    large = len(re.sub(r"\$_\{.*?\}\$", "", name))
    return np.array([0.68 * _SIZE * (large + 0.7 * small), 1.25 * _SIZE])


def _first_free(
    point: np.ndarray,
    size: np.ndarray,
    directions: Sequence[tuple[float, float]],
    cost: Callable[[np.ndarray], float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the box and centre of the nearest place that covers nothing."""
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for radius in _RADII:
        for direction in directions:
            unit = np.array(direction)
            centre = point + unit * radius + np.sign(unit.round(6)) * size / 2
            box = np.array([centre - size / 2, centre + size / 2])
            covered = cost(box)
            if covered == 0:
                return box, centre
            if best is None or covered < best[0]:
                best = (covered, box, centre)
    if best is None:
        centre = point + size / 2
        return np.array([point, point + size]), centre
    return best[1], best[2]


def _covered(
    box: np.ndarray, blocked: np.ndarray, taken: Sequence[np.ndarray]
) -> float:
    """Count what a box would cover; names count more than points."""
    low, high = box[0] - 3.5, box[1] + 3.5
    points = int(((blocked > low) & (blocked < high)).all(axis=1).sum())
    names = sum(
        bool((box[0] < other[1]).all() and (box[1] > other[0]).all()) for other in taken
    )
    return points + 5.0 * names


def _outside(box: np.ndarray, inside: np.ndarray) -> float:
    """Count as much as a covered name when a box leaves the axes."""
    return 5.0 * bool((box[0] < inside[0]).any() or (box[1] > inside[1]).any())
