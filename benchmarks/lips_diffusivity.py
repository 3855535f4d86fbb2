"""D of Li at 520 K from the sparse frames of the Li7P3S11 development set.

python benchmarks/lips_diffusivity.py lips_first_140.extxyz.gz
"""

from __future__ import annotations

import gzip
import sys

import numpy as np
from ase.io import read

from lps_flows.analysis import diffusivity
from lps_flows.analysis.trajectory import remove_drift


def main(path: str) -> None:
    with gzip.open(path, "rt") as file:
        frames = read(file, ":", format="extxyz")
    times = np.array([a.info["time_ps_if_2fs"] for a in frames]) * 1000
    positions = np.array([a.positions for a in frames])
    symbols = np.array(frames[0].get_chemical_symbols())
    gaps = np.diff(times)
    print(f"{len(frames)} frames over {np.ptp(times) / 1000:.2f} ps")
    print(f"gaps {gaps.min():.0f} - {gaps.max():.0f} fs, median {np.median(gaps):.0f}")
    fractional = positions @ np.linalg.inv(frames[0].cell.array)
    step = np.abs(np.diff(fractional, axis=0))
    print(f"largest step as stored {step.max():.2f} of a cell vector")
    weights = np.where(symbols == "Li", 0.0, frames[0].get_masses())
    held = remove_drift(positions, weights)
    for element in ("Li", "P", "S"):
        for name, lattice in (("as stored", None), ("unwrapped", frames[0].cell.array)):
            found = diffusivity(held[:, symbols == element], times, lattice)
            low, high = found.interval
            wide_low, wide_high = found.interval_95
            print(
                f"{element} {name}: D = {found.D:.2e} cm^2/s, 68 % {low:.2e} - "
                f"{high:.2e}, 95 % {wide_low:.2e} - {wide_high:.2e}; diffusive: "
                f"{found.diffusive}; {found.reason}; {'; '.join(found.warnings)}"
            )


if __name__ == "__main__":
    main(sys.argv[1])
