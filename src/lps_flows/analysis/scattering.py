"""What a diffractometer would show: total structure factors of structures.

Faber and Ziman, J. Phys. Chem. Solids 25, 141 (1965); window of G(r): Lorch, J. Phys.
C 2, 229 (1969); tables of `periodictable` (neutron: bound coherent scattering lengths
of natural isotopes; X-ray: form factors of neutral atoms).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import cast

import numpy as np
import periodictable
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from pymatgen.core import Structure
from pymatgen.core.structure import IStructure

from lps_flows.analysis.neighbours import neighbour_pairs, periodic_structure
from lps_flows.chemistry import AnyStructure, element_symbols
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.scattering import PowderLine, Radiation

_STEP = 0.01
"""Step of the distances (Å): sin(Qr) is straight between two up to 25 1/Å."""
_NOTHING = 1e-3
"""A mean amplitude below this (fm, electrons) is none."""
_SYMMETRY = 0.01
"""Displacements below this (Å) break no symmetry that a powder pattern would show."""
_LONGEST = 80


class ScatteringError(LpsFlowsError):
    """A structure factor that cannot be computed from what was given."""


class ScatteringSettings(FrozenSettings):
    """Grids of structure factors, and the instrument.

    Examples
    --------
    >>> ScatteringSettings(q_max=25).q()[-1].item()
    25.0
    """

    q_min: float = Field(0.4, gt=0, description="Smallest momentum transfer (1/Å).")
    q_max: float = Field(
        20.0, gt=0, description="Largest one that the instrument reaches (1/Å)."
    )
    q_step: float = Field(0.05, gt=0, description="Step of the momentum transfer.")
    pair_cutoff: float = Field(
        20.0, gt=0, description="Largest distance of a pair that is counted (Å)."
    )
    r_max: float = Field(10.0, gt=0, description="Largest distance in G(r) (Å).")
    r_step: float = Field(0.05, gt=0, description="Step of the distance (Å).")
    wavelength: float = Field(
        1.5406, gt=0, description="Wavelength of powder patterns (Å); Cu K-alpha 1."
    )
    n_lowest: int = Field(
        10, ge=1, description="Lowest-energy structures averaged per composition."
    )

    def q(self) -> NDArray[np.float64]:
        """Return the momentum transfers (1/Å)."""
        n = round((self.q_max - self.q_min) / self.q_step)
        return np.linspace(self.q_min, self.q_max, n + 1)

    def r(self) -> NDArray[np.float64]:
        """Return the distances of G(r) (Å)."""
        return np.linspace(0.0, self.r_max, round(self.r_max / self.r_step) + 1)


def scattering_amplitude(
    element: str, radiation: Radiation, q: ArrayLike
) -> NDArray[np.float64]:
    """Return how strongly an atom scatters, shape (len(q),).

    Parameters
    ----------
    element
        Symbol, or isotope as ``"7-Li"`` (neutrons).
    radiation
        ``"neutron"``: coherent scattering length (fm); ``"xray"``: form factor
        (electrons).
    q
        Momentum transfer (1/Å).

    Raises
    ------
    ScatteringError
        When the tables have no such radiation or element.

    Examples
    --------
    >>> scattering_amplitude("S", "neutron", [0.0, 1.0]).tolist()
    [2.847, 2.847]
    """
    number, _, symbol = element.rpartition("-")
    momentum = np.asarray(q, dtype=float)
    try:
        atom = getattr(periodictable, symbol)
        atom = atom[int(number)] if number else atom
        amplitude = {
            "neutron": lambda: np.full(momentum.shape, float(atom.neutron.b_c)),
            "xray": lambda: np.asarray(atom.xray.f0(momentum), dtype=float),
        }[radiation]()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ScatteringError(
            f"no {radiation} scattering of {element} is tabulated",
            field="radiation, element",
            value=(radiation, element),
            remedy="choose 'neutron' or 'xray', and an element of the tables",
        ) from error
    return amplitude


def structure_factor(
    structures: Sequence[AnyStructure] | AnyStructure,
    radiation: Radiation = "neutron",
    q: ArrayLike = (),
    *,
    r_max: float = 20.0,
) -> NDArray[np.float64]:
    """Return the total structure factor S(Q), shape (len(q),), averaged.

    S(Q) - 1 is the sum over the pairs of atoms closer than `r_max`, weighted by what
    they scatter, less that of the even density, divided by the square of the mean
    amplitude (Faber-Ziman: S tends to 1). A smooth window, (1 - (r/r_max)^2)^3, takes
    off what cutting at `r_max` would add, at a resolution of about 4.8/`r_max`; what
    it leaves of the strong reflections reaches down to Q = 0 by little, where a crystal
    has 1 - <b^2>/<b>^2. Atoms rest where they are: peaks are those of 0 K.

    Parameters
    ----------
    structures
        Structures of one composition, each of the same weight; or one.
    q
        Momentum transfer (1/Å), in any order, 0 included.
    r_max
        Largest distance of a pair (Å).

    Raises
    ------
    ScatteringError
        When there is no structure or `q`, `q` is no list of finite numbers from 0 on,
        `r_max` is no distance, or the elements scatter to nothing on average (the mean
        amplitude is the divisor).

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.chemistry import crystal
    >>> q = np.arange(1.5, 3, 0.01)
    >>> bragg = q[structure_factor([crystal("Li2S")], "xray", q).argmax()]
    >>> round(float(bragg), 1)  # 2 pi sqrt(3)/5.7 Å, the 111 reflection
    1.9
    """
    several: Sequence[AnyStructure] = (
        structures
        if isinstance(structures, (list, tuple))
        else [cast("AnyStructure", structures)]
    )
    total = structure_factors(several, (radiation,), q, r_max=r_max)[radiation]
    if not np.isfinite(total).all():
        raise ScatteringError(
            f"the elements scatter {radiation}s to nothing on average",
            field="structures",
            value=periodic_structure(several[0]).reduced_formula,
            remedy="use the other radiation",
        )
    return total


def structure_factors(
    structures: Sequence[AnyStructure],
    radiations: Sequence[Radiation],
    q: ArrayLike,
    *,
    r_max: float = 20.0,
) -> dict[Radiation, NDArray[np.float64]]:
    """Return `structure_factor` by several radiations, one neighbour list each.

    Where the mean amplitude is nothing, it is not finite.
    """
    momentum = _momentum(q)
    if not structures or not momentum.size:
        raise ScatteringError(
            "there is nothing to compute",
            field="structures, q",
            value=(len(structures), momentum.size),
            remedy="give at least one structure and one momentum transfer (1/Å)",
        )
    if not _STEP <= r_max < np.inf:
        raise ScatteringError(
            "no pair is closer than that",
            field="r_max",
            value=r_max,
            remedy="give a distance in Å, for example 20",
        )
    radii = np.linspace(0.0, r_max, round(r_max / _STEP) + 1)
    window = (1.0 - (radii / r_max) ** 2) ** 3
    wave = np.sinc(np.outer(momentum, radii) / np.pi) * window
    totals = {radiation: np.zeros(momentum.shape) for radiation in radiations}
    for structure in structures:
        cell = periodic_structure(structure)
        pairs = _pair_sums(cell, radii, wave)
        even = wave @ (4 * np.pi * radii**2 * radii[1] * len(cell) / cell.volume)
        shares = cell.composition.fractional_composition
        for radiation in totals:
            amplitude = {
                element: scattering_amplitude(element, radiation, momentum)
                for element in shares.get_el_amt_dict()
            }
            mean = np.sum([shares[el] * f for el, f in amplitude.items()], axis=0)
            mean = np.where(np.abs(mean) < _NOTHING, np.nan, mean)
            scattered = np.sum(
                [amplitude[a] * amplitude[b] * s for (a, b), s in pairs.items()], axis=0
            )
            totals[radiation] += (1.0 + scattered / mean**2 - even) / len(structures)
    return totals


def _momentum(q: ArrayLike) -> NDArray[np.float64]:
    try:
        momentum = np.atleast_1d(np.asarray(q, dtype=float))
    except (TypeError, ValueError):
        momentum = np.full(1, np.nan)
    if momentum.ndim > 1 or not (np.isfinite(momentum) & (momentum >= 0)).all():
        raise ScatteringError(
            "momentum transfers are finite numbers from 0 on, in one row",
            field="q",
            value=str(q)[:_LONGEST],
            remedy="give them in 1/Å, for example numpy.linspace(0, 20, 400)",
        )
    return momentum


def _pair_sums(
    cell: Structure | IStructure, radii: NDArray[np.float64], wave: NDArray[np.float64]
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return the sums over the pairs of two elements, per atom of the cell."""
    symbols = element_symbols(cell)
    neighbours = neighbour_pairs(cell, float(radii[-1]))
    # each distance counts at the two radii beside it, the more the nearer
    below, share = np.divmod(neighbours.distances / radii[1], 1.0)
    sums = {}
    for first, second in combinations_with_replacement(sorted(set(symbols)), 2):
        chosen = (symbols[neighbours.first] == first) & (
            symbols[neighbours.second] == second
        )
        k, beyond = below[chosen].astype(int), share[chosen]
        counts = np.bincount(k, 1.0 - beyond, len(radii) + 1)
        counts[1:] += np.bincount(k, beyond, len(radii))[: len(radii)]
        # the list holds each pair both ways, `chosen` only first to second
        both = 1 if first == second else 2
        sums[str(first), str(second)] = both * (wave @ counts[: len(radii)]) / len(cell)
    return sums


def pair_distribution(
    q: NDArray[np.float64], s: NDArray[np.float64], r: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the reduced pair distribution G(r) of a structure factor.

    G(r) = 2/pi times the integral of Q [S(Q) - 1] sin(Qr) with Lorch's window up to
    the largest Q, as a measurement that ends there is transformed.

    Parameters
    ----------
    q, s
        Momentum transfer (1/Å), evenly spaced, and S(Q), shape (n_q,).
    r
        Distances (Å), shape (n_r,).

    Examples
    --------
    >>> q = np.arange(0.1, 20, 0.02)
    >>> chain = 1 + np.sin(2.5 * q) / (2.5 * q)  # one neighbour at 2.5 Å
    >>> r = np.arange(1, 4, 0.01)
    >>> round(float(r[pair_distribution(q, chain, r).argmax()]), 2)
    2.5
    """
    window = np.sinc(q / q[-1])
    step = q[1] - q[0]
    return np.asarray(
        2 / np.pi * step * np.sin(np.outer(r, q)) @ (q * (s - 1) * window)
    )


def powder_lines(
    structure: Structure, wavelength: float = 1.5406, lowest: float = 1.0
) -> list[PowderLine]:
    """Return the X-ray powder lines of a crystal up to 90 degrees, by pymatgen.

    Parameters
    ----------
    structure
        Crystal; displacements below 0.01 Å are taken off.
    wavelength
        Wavelength (Å).
    lowest
        Lines weaker than this are left out (the strongest is 100).

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> strongest = max(powder_lines(crystal("Li2S")), key=lambda line: line.intensity)
    >>> strongest.hkl, round(strongest.two_theta, 1)
    ('1 1 1', 27.2)
    """
    from pymatgen.analysis.diffraction.xrd import XRDCalculator

    calculator = XRDCalculator(wavelength=wavelength, symprec=_SYMMETRY)
    pattern = calculator.get_pattern(structure, two_theta_range=(5, 90))
    return [
        PowderLine(
            two_theta=round(float(angle), 3),
            d=round(float(d), 4),
            intensity=round(float(intensity), 1),
            hkl=" ".join(map(str, planes[0]["hkl"])),
        )
        for angle, intensity, planes, d in zip(
            pattern.x, pattern.y, pattern.hkls, pattern.d_hkls, strict=True
        )
        if intensity >= lowest
    ]
