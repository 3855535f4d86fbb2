"""Temperature statistics, energy drift and survival of the framework in MD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from lps_flows.analysis.motifs import MotifSettings, classify_motifs
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
        Largest change of a motif's fraction, averaged over a quarter of the run, that
        a framework survives; less than half a unit never counts.
    n_times
        Number of times.
    settings
        Cutoffs of the motifs.
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
    rows: list[dict[str, float]] = []
    for centre in centres:
        first = int(np.clip(centre - average // 2, 0, max(len(times) - average, 0)))
        mean = positions[first : first + average].mean(axis=0)
        frame = Structure(structure.lattice, species, mean, coords_are_cartesian=True)
        rows.append(classify_motifs(frame, settings, line))
    bare = structure.copy()
    for name in list(bare.site_properties):
        bare.remove_site_property(name)
    reference = classify_motifs(bare, settings, line)
    quarters = np.array_split(
        np.array([[row[name] for name in reference] for row in rows]),
        min(4, len(rows)),
    )
    start = np.array(list(reference.values()))
    changed = max(float(np.abs(part.mean(axis=0) - start).max()) for part in quarters)
    return FrameworkSurvival(
        times=[float(times[i]) for i in centres],
        motifs={name: [row[name] for row in rows] for name in reference},
        reference=reference,
        changed=changed,
        survived=changed <= max(max_change, 0.5 / formers),
    )


def framework_indices(structure: Structure, mobile: str) -> Sequence[int]:
    """Return the indices of the atoms that are not mobile."""
    return [i for i, site in enumerate(structure) if site.specie.symbol != mobile]
