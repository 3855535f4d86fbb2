"""What a reference method says beyond the potential, learnt from a few points."""

from __future__ import annotations

import numpy as np
import scipy

_LENGTHS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Lengths of the kernel tried, in units of the potential's own curvature (sqrt(eV))."""
_NOISE = 0.01
"""Standard deviation of a gradient's noise over that of the gradients themselves."""
_KEPT = 30
"""Points that the model rests on: the nearest, and the latest in any case."""
_LATEST = 5


class DifferenceModel:
    """Gaussian process on energies and gradients of the difference of two methods.

    The kernel is Matérn's of order 5/2 (Rasmussen and Williams, Gaussian Processes for
    Machine Learning, eq. 4.17); height and length are those of highest likelihood. It
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
        size = points.shape[1]
        basis, _ = np.linalg.qr(np.vstack([gradients, self._points[:-1]]).T)
        self._basis, self._inside = basis, self._points @ basis
        known = np.column_stack([energies, gradients @ basis])
        fits = [_Fit(length, self._inside, known, size) for length in _LENGTHS]
        self._fit = max(fits, key=lambda fit: fit.likelihood)
        heights, slopes = self._fit.weights[:, 0], self._fit.weights[:, 1:]
        self._weights = heights, slopes @ basis.T
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
        value, slope, _ = self._fit.kernel((apart**2).sum(axis=1) + height**2)
        seen = np.column_stack([value, -2.0 * slope[:, None] * apart]).ravel()
        across = -2.0 * slope * height
        weights = scipy.linalg.cho_solve(self._fit.factor, seen).reshape(len(value), -1)
        upright = self._fit.outside @ across
        left = 1.0 - seen @ weights.ravel() - across @ upright
        spread = np.sqrt(self._fit.variance * (max(left, 0.0) + 1e-10))
        direction = outside / max(height, 1e-12)
        slopes = weights[:, 1:] @ self._basis.T + upright[:, None] * direction
        _, gradient = self._sum(move, weights[:, 0], slopes)
        return float(spread), -self._fit.variance / spread * gradient

    def _sum(
        self, move: np.ndarray, heights: np.ndarray, slopes: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of kernels and their slopes, and its gradient."""
        apart = move - self._points
        value, slope, bend = self._fit.kernel((apart**2).sum(axis=1))
        along = (apart * slopes).sum(axis=1)
        total = value @ heights - 2.0 * slope @ along
        gradient = (2.0 * slope * heights - 4.0 * bend * along) @ apart
        return total, gradient - 2.0 * slope @ slopes


class _Fit:
    """The model with one length: its weights, and how likely it makes what is known.

    Parameters
    ----------
    points
        (n_points, width) positions in the space spanned.
    known
        (n_points, 1 + width) energy and gradient at each.
    size
        Dimension of the whole space; across the space spanned gradients are zero.
    """

    def __init__(
        self, length: float, points: np.ndarray, known: np.ndarray, size: int
    ) -> None:
        self._length = length
        count, width = points.shape
        apart = points[:, None] - points[None]
        value, slope, bend = self.kernel((apart**2).sum(axis=2))
        full = np.empty((count, width + 1, count, width + 1))
        full[:, 0, :, 0] = value
        full[:, 0, :, 1:] = -2.0 * slope[:, :, None] * apart
        full[:, 1:, :, 0] = -full[:, 0, :, 1:].transpose(0, 2, 1)
        full[:, 1:, :, 1:] = (
            -2.0 * slope[:, :, None, None] * np.eye(width)
            - 4.0 * bend[:, :, None, None] * apart[..., :, None] * apart[..., None, :]
        ).transpose(0, 2, 1, 3)
        noise = np.full(known.shape, -2.0 * slope[0, 0] * _NOISE**2)
        noise[:, 0] = (0.1 * _NOISE) ** 2
        self.factor = scipy.linalg.cho_factor(
            full.reshape(known.size, -1) + np.diag(noise.ravel()), lower=True
        )
        weights = scipy.linalg.cho_solve(self.factor, known.ravel())
        self.weights = weights.reshape(known.shape)
        n_values = count * (size + 1)
        # a reference that is the potential leaves no difference at all
        self.variance = max(float(known.ravel() @ weights) / n_values, 1e-12)
        # every direction across the space spanned sees the same small matrix
        across = -2.0 * slope + noise[0, 1] * np.eye(count)
        self.outside = np.linalg.inv(across)
        volume = 2.0 * np.log(np.diag(self.factor[0])).sum()
        volume += (size - width) * np.linalg.slogdet(across)[1]
        self.likelihood = -0.5 * (n_values * np.log(self.variance) + volume)

    def kernel(self, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the kernel and its two derivatives by the squared distance."""
        rate = 5.0 / self._length**2
        r = np.sqrt(rate * squares)
        fade = np.exp(-r)
        return (
            (1.0 + r + r**2 / 3.0) * fade,
            -rate / 6.0 * (1.0 + r) * fade,
            rate**2 / 12.0 * fade,
        )
