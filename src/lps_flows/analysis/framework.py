"""Temperature statistics, energy drift and survival of the framework in MD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from lps_flows.analysis.motifs import MotifAnalysis, MotifSettings, analyse_motifs
from lps_flows.analysis.neighbours import neighbour_pairs
from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.md import FrameworkSurvival

_NO_MOTIF_SETTINGS = MotifSettings()
_LI_P_S = CompositionLine()


@dataclass(frozen=True)
class SamplingStatistics:
    """Mean, error, fluctuation and drift of one quantity over a run.

    Attributes
    ----------
    mean
        Mean.
    error
        Standard error of the mean from the largest of the block averages.
    fluctuation
        Standard deviation.
    drift
        Slope of a straight line per fs.
    """

    mean: float
    error: float
    fluctuation: float
    drift: float


def sampling_statistics(
    values: NDArray[np.float64], times: NDArray[np.float64]
) -> SamplingStatistics:
    """Summarise a correlated time series.

    The error of the mean is the largest estimate over block lengths that leave at
    least eight blocks (Flyvbjerg and Petersen's blocking, without its plateau
    search).

    Parameters
    ----------
    values
        The quantity, shape (n,).
    times
        Times (fs), shape (n,).
    """
    x = np.asarray(values, dtype=float)
    errors = []
    blocks = x
    while len(blocks) >= 8:
        errors.append(blocks.std(ddof=1) / np.sqrt(len(blocks)))
        even = blocks[: len(blocks) // 2 * 2]
        blocks = even.reshape(-1, 2).mean(axis=1)
    error = max(errors) if errors else float(x.std() / np.sqrt(len(x)))
    drift = np.polyfit(times - times.mean(), x, 1)[0] if len(x) > 2 else 0.0
    return SamplingStatistics(
        float(x.mean()), float(error), float(x.std()), float(drift)
    )


def framework_survival(
    structure: Structure,
    positions: NDArray[np.float64],
    times: NDArray[np.float64],
    *,
    max_change: float,
    n_times: int = 20,
    settings: MotifSettings = _NO_MOTIF_SETTINGS,
    line: CompositionLine = _LI_P_S,
    average: int = 5,
) -> FrameworkSurvival | None:
    """Classify the anions at evenly spaced times of a run, and judge their change.

    A former that has lost a ligand it was bonded to at the start is broken. One that
    has lost none and shares or touches more than at the start has condensed: units
    that a removal left short of a ligand close up with a neighbour, and the bonds
    become more. Only what is lost breaks the framework.

    A hot P-S bond crosses any cutoff for a moment, so each time looked at is the
    average position over a few neighbouring frames, which keeps what is bonded and
    removes the vibration.

    Parameters
    ----------
    structure
        Structure the run started from; gives elements, cell and reference.
    positions
        Unwrapped positions (Å), shape (n_frames, n_atoms, 3).
    times
        Times (fs), shape (n_frames,).
    max_change
        Largest fraction of formers with a ligand lost, averaged over a quarter of the
        run, that a framework survives; less than half a unit never counts.
    line
        Which elements form the network, and which they bind.
    average
        Frames averaged at each time.

    Returns
    -------
    FrameworkSurvival or None
        None when the structure holds no network former.
    """
    formers = sum(structure.composition[former] for former in line.formers)
    if not formers:
        return None
    n_times = min(n_times, len(times))
    centres = np.linspace(0, len(times) - 1, n_times).round().astype(int)
    species = [site.specie for site in structure]
    bare = structure.copy()
    for name in list(bare.site_properties):
        bare.remove_site_property(name)
    start = analyse_motifs(bare, settings, line)
    bonds = _bonds(bare, settings, line)
    rows: list[dict[str, float]] = []
    lost, condensed = [], []
    for centre in centres:
        first = int(np.clip(centre - average // 2, 0, max(len(times) - average, 0)))
        mean = positions[first : first + average].mean(axis=0)
        frame = Structure(structure.lattice, species, mean, coords_are_cartesian=True)
        now = analyse_motifs(frame, settings, line)
        rows.append(_fractions(now))
        broken = bonds.broken(mean, settings.ligand_cutoff)
        lost.append(len(broken) / formers)
        closed_up = [
            p
            for p in now.bridges
            if p not in broken and _linked(now, p) > _linked(start, p)
        ]
        condensed.append(len(closed_up) / formers)
    reference = _fractions(start)
    before = np.array(list(reference.values()))
    fractions = np.array([[row[name] for name in reference] for row in rows])
    changed = _worst_quarter(np.abs, fractions - before)
    gone = _worst_quarter(np.asarray, np.array(lost))
    return FrameworkSurvival(
        times=[float(times[i]) for i in centres],
        motifs={name: [row[name] for row in rows] for name in reference},
        reference=reference,
        changed=changed,
        lost=gone,
        condensed=_worst_quarter(np.asarray, np.array(condensed)),
        survived=gone <= max(max_change, 0.5 / formers),
    )


@dataclass(frozen=True)
class _Bonds:
    """Bonds of formers and ligands at the start: indices, and image shifts in Å."""

    formers: NDArray[np.int64]
    ligands: NDArray[np.int64]
    shifts: NDArray[np.float64]

    def broken(self, positions: NDArray[np.float64], cutoff: float) -> set[int]:
        """Return the formers of which a bond is longer than the cutoff (Å) now."""
        apart = positions[self.ligands] + self.shifts - positions[self.formers]
        return set(self.formers[np.linalg.norm(apart, axis=1) > cutoff].tolist())


def _bonds(
    structure: Structure, settings: MotifSettings, line: CompositionLine
) -> _Bonds:
    symbols = np.array([site.specie.symbol for site in structure])
    pairs = neighbour_pairs(structure, settings.ligand_cutoff)
    bonded = np.isin(symbols[pairs.first], line.formers)
    bonded &= np.isin(symbols[pairs.second], line.anions)
    return _Bonds(
        pairs.first[bonded],
        pairs.second[bonded],
        pairs.shifts[bonded] @ structure.lattice.matrix,
    )


def _fractions(analysis: MotifAnalysis) -> dict[str, float]:
    return {**analysis.fractions(), "free_S": analysis.free_fraction()}


def _linked(analysis: MotifAnalysis, former: int) -> int:
    return analysis.bridges[former] + analysis.contacts[former]


def _worst_quarter(
    measure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    values: NDArray[np.float64],
) -> float:
    """Return the largest mean over a quarter of the times, by a measure of it."""
    quarters = np.array_split(values, min(4, len(values)))
    return max(float(np.max(measure(part.mean(axis=0)))) for part in quarters)
