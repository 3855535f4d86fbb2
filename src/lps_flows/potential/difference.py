"""What a reference method says beyond the potential, learnt from a few points."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

_LENGTH = 1.4
"""Length of the kernel, in units of the potential's own curvature (sqrt(eV))."""
_NOISE = 0.01
"""Standard deviation of a gradient's noise over that of the gradients themselves."""
_KEPT = 30
"""Points that the model rests on: the nearest, and the latest in any case."""
_LATEST = 5


class DifferenceModel:
    """Gaussian process on energies and gradients of the difference of two methods.

    The kernel is the rational quadratic one of exponent 2,
    k(r) = (1 + r^2 / (4 l^2))^-2 (Rasmussen and Williams, Gaussian Processes for
    Machine Learning, eq. 4.19), whose scale is the one of highest likelihood. It
    depends on distances alone, so that all algebra happens in the space which points
    and gradients span, and costs the same for any number of atoms. Value and gradient
    at the last of the points handed in, the centre, are met exactly.

    Parameters
    ----------
    points
        (n_points, size) positions, the centre last.
    energies
        (n_points) differences of the energies (eV).
    gradients
        (n_points, size) differences of the gradients.
    """

    def __init__(
        self, points: np.ndarray, energies: np.ndarray, gradients: np.ndarray
    ) -> None:
        self.centre = points[-1]
        distance = np.linalg.norm(points - self.centre, axis=1)
        distance[-_LATEST:] = 0.0
        kept = np.sort(np.argsort(distance, kind="stable")[:_KEPT])
        self._points = points[kept] - self.centre
        gradients, energies = gradients[kept], energies[kept] - energies[-1]
        count, size = self._points.shape
        basis, _ = np.linalg.qr(np.vstack([gradients, self._points[:-1]]).T)
        self._basis, self._inside = basis, self._points @ basis
        known = np.column_stack([energies, gradients @ basis]).ravel()
        value, slope, bend = _kernel(_squares(self._inside, self._inside))
        apart = self._inside[:, None] - self._inside[None]
        width = basis.shape[1]
        full = np.empty((count, width + 1, count, width + 1))
        full[:, 0, :, 0] = value
        full[:, 0, :, 1:] = -2.0 * slope[:, :, None] * apart
        full[:, 1:, :, 0] = -full[:, 0, :, 1:].transpose(0, 2, 1)
        full[:, 1:, :, 1:] = (
            -2.0 * slope[:, :, None, None] * np.eye(width)
            - 4.0 * bend[:, :, None, None] * apart[..., :, None] * apart[..., None, :]
        ).transpose(0, 2, 1, 3)
        steepness = -2.0 * _kernel(np.zeros(1))[1][0]
        noise = np.full((count, width + 1), _NOISE**2 * steepness)
        noise[:, 0] = (0.1 * _NOISE) ** 2
        self._factor = cho_factor(
            full.reshape(noise.size, noise.size) + np.diag(noise.ravel()), lower=True
        )
        # Directions in which no gradient was seen see the same smaller matrix each.
        self._outside = np.linalg.inv(
            -2.0 * slope + _NOISE**2 * steepness * np.eye(count)
        )
        weights = cho_solve(self._factor, known)
        self._variance = float(known @ weights) / (count * (size + 1))
        weights = weights.reshape(count, width + 1)
        self._weights = weights[:, 0], weights[:, 1:] @ basis.T
        at_centre = self._sum(np.zeros(size), *self._weights)
        self._shift = energies[-1] - at_centre[0], gradients[-1] - at_centre[1]

    def mean(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the expected difference from the centre's, and its gradient."""
        move = point - self.centre
        value, gradient = self._sum(move, *self._weights)
        return (
            float(value + self._shift[0] + self._shift[1] @ move),
            gradient + self._shift[1],
        )

    def spread(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the standard deviation of that difference, and its gradient."""
        move = point - self.centre
        inside = move @ self._basis
        outside = move - self._basis @ inside
        height = float(np.linalg.norm(outside))
        apart = inside - self._inside
        value, slope, _ = _kernel((apart**2).sum(axis=1) + height**2)
        seen = np.column_stack([value, -2.0 * slope[:, None] * apart]).ravel()
        across = -2.0 * slope * height
        weights = cho_solve(self._factor, seen).reshape(len(value), -1)
        upright = self._outside @ across
        left = 1.0 - seen @ weights.ravel() - across @ upright
        spread = np.sqrt(self._variance * (max(left, 0.0) + 1e-10))
        direction = outside / max(height, 1e-12)
        slopes = weights[:, 1:] @ self._basis.T + upright[:, None] * direction
        _, gradient = self._sum(move, weights[:, 0], slopes)
        return float(spread), -self._variance / spread * gradient

    def _sum(
        self, move: np.ndarray, heights: np.ndarray, slopes: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of kernels and their slopes, and its gradient."""
        apart = move - self._points
        value, slope, bend = _kernel((apart**2).sum(axis=1))
        along = (apart * slopes).sum(axis=1)
        total = value @ heights - 2.0 * slope @ along
        gradient = (2.0 * slope * heights - 4.0 * bend * along) @ apart
        return total, gradient - 2.0 * slope @ slopes


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return ((a[:, None] - b[None]) ** 2).sum(axis=2)


def _kernel(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the kernel and its first and second derivative by the squared distance."""
    scale = 4.0 * _LENGTH**2
    base = 1.0 + squares / scale
    return base**-2, -2.0 / scale * base**-3, 6.0 / scale**2 * base**-4
