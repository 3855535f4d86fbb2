"""What a diffractometer would show: total structure factors of structures.

Faber and Ziman, J. Phys. Chem. Solids 25, 141 (1965); window of Lorch, J. Phys. C 2,
229 (1969); tables of `periodictable` (neutron: bound coherent scattering lengths of
natural isotopes; X-ray: form factors of neutral atoms).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np
import periodictable
from numpy.typing import ArrayLike, NDArray

from lps_flows.analysis.neighbours import neighbour_pairs, periodic_structure
from lps_flows.chemistry import AnyStructure, element_symbols
from lps_flows.foundation import LpsFlowsError

Radiation = Literal["neutron", "xray"]

_BIN = 0.005
"""Width of the bins of distances (Å): sin(Qr) is even over them up to 25 1/Å."""


class ScatteringError(LpsFlowsError):
    """A structure factor that cannot be computed from what was given."""


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
    amplitude (Faber-Ziman: S tends to 1). Lorch's window takes off what cutting at
    `r_max` would add, at a resolution of about 3.8/`r_max`. Atoms rest where they are:
    peaks are those of 0 K.

    Parameters
    ----------
    structures
        Structures of one composition, each of the same weight; or one.
    radiation
        ``"neutron"`` or ``"xray"``.
    q
        Momentum transfer (1/Å).
    r_max
        Largest distance of a pair (Å).

    Raises
    ------
    ScatteringError
        When there is no structure or `q`, or their elements scatter to nothing on
        average (the mean amplitude is the divisor).

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.chemistry import crystal
    >>> q = np.arange(1.5, 3, 0.01)
    >>> bragg = q[structure_factor([crystal("Li2S")], "xray", q).argmax()]
    >>> round(float(bragg), 1)  # 2 pi sqrt(3)/5.7 Å, the 111 reflection
    1.9
    """
    several = structures if isinstance(structures, (list, tuple)) else [structures]
    momentum = np.atleast_1d(np.asarray(q, dtype=float))
    if not several or not momentum.size:
        raise ScatteringError(
            "there is nothing to compute",
            field="structures, q",
            value=(len(several), momentum.size),
            remedy="give at least one structure and one momentum transfer (1/Å)",
        )
    return np.mean(
        [_of_one(each, radiation, momentum, r_max) for each in several], axis=0
    )


def _of_one(
    structure: AnyStructure,
    radiation: Radiation,
    q: NDArray[np.float64],
    r_max: float,
) -> NDArray[np.float64]:
    cell = periodic_structure(structure)
    symbols = element_symbols(cell)
    amplitude = {
        str(element): scattering_amplitude(str(element), radiation, q)
        for element in sorted(set(symbols))
    }
    mean = sum(
        (symbols == element).mean() * strength
        for element, strength in amplitude.items()
    )
    if np.abs(mean).min() < 1e-6:
        raise ScatteringError(
            "the elements scatter to nothing on average",
            field="structures",
            value=cell.reduced_formula,
            remedy="use the other radiation",
        )
    edges = np.linspace(0.0, r_max, round(r_max / _BIN) + 1)
    centres = 0.5 * (edges[1:] + edges[:-1])
    lorch = np.sinc(centres / r_max)
    wave = np.sinc(np.outer(q, centres) / np.pi) * lorch
    found = neighbour_pairs(cell, r_max)
    total = np.zeros(len(q))
    for first, second in combinations_with_replacement(sorted(amplitude), 2):
        chosen = (symbols[found.first] == first) & (symbols[found.second] == second)
        counts = np.histogram(found.distances[chosen], bins=edges)[0]
        # the list holds each pair both ways, this one only first to second
        both = 1 if first == second else 2
        strength = both * amplitude[first] * amplitude[second]
        total += strength * (wave @ counts) / len(cell)
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3) * len(cell) / cell.volume
    return np.asarray(1.0 + total / mean**2 - wave @ shells)
