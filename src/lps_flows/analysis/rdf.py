"""Partial radial distribution functions and coordination numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
import scipy
from pydantic import Field
from pymatgen.core import Composition

from lps_flows.analysis.neighbours import neighbour_pairs, periodic_structure
from lps_flows.chemistry import AnyStructure, crystals, element_symbols
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.rdf import PartialDistribution


class RDFError(LpsFlowsError):
    """A distribution that cannot be computed from the structures given."""


class RDFSettings(FrozenSettings):
    """Grid and smoothing of the distribution functions.

    Examples
    --------
    >>> RDFSettings(r_max=6).bin_width
    0.05
    """

    r_max: float = Field(8.0, gt=0, description="Largest distance (Å).")
    bin_width: float = Field(0.05, gt=0, description="Width of a bin (Å).")
    smoothing: float = Field(
        0.1, ge=0, description="Standard deviation of the smoothing Gaussian (Å)."
    )
    n_lowest: int = Field(
        10, ge=1, description="Lowest-energy structures averaged per composition."
    )


_DEFAULTS = RDFSettings()
_FINE = RDFSettings(bin_width=0.01)

_REACH = 4.0
"""Where the smoothing Gaussian is cut (standard deviations)."""


def all_pairs(elements: Sequence[str]) -> list[tuple[str, str]]:
    """Return the unordered element pairs, each element with itself included."""
    return list(combinations_with_replacement(elements, 2))


def partial_rdf(
    structures: Sequence[AnyStructure],
    pair: tuple[str, str],
    settings: RDFSettings = _DEFAULTS,
) -> PartialDistribution:
    """Return the average partial RDF of one pair over some structures.

    Parameters
    ----------
    structures
        Structures of one composition; each has the same weight.
    pair
        Central and neighbour element. g(r) is the same both ways, the coordination
        number is of the second around the first.

    Raises
    ------
    RDFError
        When a structure lacks one of the elements or there is no structure.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> round(partial_rdf([crystal("beta-Li3PS4")], ("P", "S")).coordination, 3)
    4.0
    """
    return partial_rdfs(structures, [pair], settings)[pair]


def partial_rdfs(
    structures: Sequence[AnyStructure],
    pairs: Sequence[tuple[str, str]],
    settings: RDFSettings = _DEFAULTS,
) -> dict[tuple[str, str], PartialDistribution]:
    """Return the average partial RDFs of several pairs, one neighbour list each.

    The histogram of ordered pairs is divided by N_a rho_b 4 pi (r2^3 - r1^3)/3 with
    rho_b = N_b/V. The images of an atom itself count, as they do in the crystal, so
    that g tends to 1 in any cell.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> sorted(partial_rdfs([crystal("Li2S")], all_pairs(["Li", "S"])))
    [('Li', 'Li'), ('Li', 'S'), ('S', 'S')]
    """
    if not structures:
        raise RDFError("there are no structures", field="structures", value=[])
    # the smoothing of the last bins needs some beyond them
    n_bins = round(settings.r_max / settings.bin_width) + _margin(settings)
    edges = np.linspace(0.0, n_bins * settings.bin_width, n_bins + 1)
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    g = {pair: np.zeros(n_bins) for pair in pairs}
    per_atom = {pair: np.zeros(n_bins) for pair in pairs}
    periodic = [periodic_structure(structure) for structure in structures]
    for structure in periodic:
        symbols = element_symbols(structure)
        neighbours = neighbour_pairs(structure, float(edges[-1]))
        for pair in pairs:
            central, other = (symbols == element for element in pair)
            if not central.any() or not other.any():
                raise RDFError(
                    f"{structure.composition.formula} has no {'-'.join(pair)} pair",
                    field="pair",
                    value=pair,
                    remedy="ask only for elements that are in every structure",
                )
            chosen = central[neighbours.first] & other[neighbours.second]
            counts = np.histogram(neighbours.distances[chosen], bins=edges)[0]
            counts_per_atom = counts / central.sum()
            density = other.sum() / structure.volume
            per_atom[pair] += counts_per_atom / len(structures)
            g[pair] += counts_per_atom / (density * shells) / len(structures)
    centres = 0.5 * (edges[1:] + edges[:-1])
    return {
        pair: _summary(
            pair,
            centres,
            g[pair],
            np.cumsum(per_atom[pair]),
            settings,
            composition=periodic[0].composition,
        )
        for pair in pairs
    }


@cache
def measured_peaks(pair: tuple[str, str]) -> dict[str, tuple[float, str]]:
    """Return the first peak of a pair in every crystal of the line that was measured.

    Those are the library's diffraction structures, as they were refined: distances to
    set beside computed ones.

    Returns
    -------
    dict
        First maximum of g(r) (Å), found as that of any other structure, and the
        citation of the refinement, by the key of the crystal.

    Examples
    --------
    >>> distance, citation = measured_peaks(("P", "S"))["gamma-Li3PS4"]
    >>> 2.0 < distance < 2.1, "Homma" in citation
    (True, True)
    """
    peaks = {}
    for known in crystals():
        formed = Composition(known.formula).get_el_amt_dict()
        if known.measured and known.x() is not None and set(pair) <= set(formed):
            peak = partial_rdf([known.structure()], pair, _FINE).first_peak
            if peak is not None:
                peaks[known.key] = (peak, str(known.citations[0]))
    return peaks


def _margin(settings: RDFSettings) -> int:
    """Return the number of bins the smoothing reaches beyond the last one."""
    return int(np.ceil(_REACH * settings.smoothing / settings.bin_width))


def _summary(
    pair: tuple[str, str],
    centres: np.ndarray,
    raw: np.ndarray,
    running: np.ndarray,
    settings: RDFSettings,
    *,
    composition: Composition,
) -> PartialDistribution:
    sigma = settings.smoothing / settings.bin_width
    g = raw
    if sigma > 0:
        g = scipy.ndimage.gaussian_filter1d(
            raw, sigma, mode="constant", truncate=_REACH
        )
    n_bins = len(g) - _margin(settings)
    centres, g, running = centres[:n_bins], g[:n_bins], running[:n_bins]
    peak, minimum = first_extrema(centres, g)
    coordination = reverse = None
    if minimum is not None:
        coordination = float(running[np.searchsorted(centres, minimum, "right") - 1])
        central, other = pair
        reverse = coordination * composition[central] / composition[other]
    return PartialDistribution(
        pair=pair,
        r=centres,
        g=g,
        running_coordination=running,
        first_peak=peak,
        first_minimum=minimum,
        coordination=coordination,
        reverse_coordination=reverse,
    )


def first_extrema(r: np.ndarray, g: np.ndarray) -> tuple[float | None, float | None]:
    """Return the first maximum of g(r) and the first minimum after it (Å).

    A maximum counts when it stands out of its surroundings by a tenth of the highest
    one, so that noise and shoulders do not; where the valley is flat (an empty gap
    between shells) its middle is taken.
    """
    padded = np.concatenate([[0.0], g, [0.0]])
    peaks = scipy.signal.find_peaks(padded, prominence=0.1 * g.max(initial=0.0))[0] - 1
    if g.max(initial=0.0) <= 0 or len(peaks) == 0:
        return None, None
    first = peaks[0]
    if len(peaks) == 1:
        return float(r[first]), None
    valley = g[first : peaks[1] + 1]
    flat = np.flatnonzero(valley <= valley.min() + 1e-3 * valley.max())
    lowest = flat[_middle_of_first_run(flat)]
    return float(r[first]), float(r[first + lowest])


def _middle_of_first_run(indices: np.ndarray) -> int:
    breaks = np.flatnonzero(np.diff(indices) > 1)
    end = breaks[0] if len(breaks) else len(indices) - 1
    return int(end // 2)
