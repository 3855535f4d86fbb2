"""Jumps of Li in Li7P3S11 on the published potential for dynamics.

    cd benchmarks
    python jumps.py --out results/jumps.json

Dynamics of the stored cell at each temperature, the landed analysis of its trajectory,
and what the mean-squared displacement of the same frames says of the same jumps.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from lps_flows.analysis.arrhenius import BOLTZMANN
from lps_flows.analysis.jumps import ion_jumps
from lps_flows.analysis.trajectory import against_framework
from lps_flows.chemistry import element_symbols
from lps_flows.foundation import decode
from lps_flows.jobs.dynamics import DynamicsSettings, run_chunk
from lps_flows.potential import ANNCalculator, ANNPotential

DATA = Path(__file__).parents[1] / "docs/data/conductivity"
POTENTIAL = "Li-P-S-dynamics"
TIME_STEP, FRAME_INTERVAL = 2.0, 10
BINS = np.arange(1.5, 6.5, 0.5)


def run(temperature: float, ps: float, equilibration: float) -> dict[str, Any]:
    """Return what one run says."""
    stored = json.loads((DATA / "Li7P3S11.json").read_text())
    structure = decode(stored["transport"]["structure"])
    settings = DynamicsSettings(time_step=TIME_STEP, frame_interval=FRAME_INTERVAL)
    began = time.process_time()
    result = run_chunk(
        structure,
        ANNCalculator(ANNPotential.published(POTENTIAL)),
        temperature=temperature,
        n_steps=settings.steps(1000 * (equilibration + ps)),
        settings=settings,
    )
    positions = result.frames.positions.unpack()
    first = len(positions) - round(1000 * ps / (TIME_STEP * FRAME_INTERVAL))
    positions = against_framework(structure, positions[first:], "Li")
    times = TIME_STEP * FRAME_INTERVAL * np.arange(len(positions))
    found = ion_jumps(structure, positions, times, temperature)
    ions = positions[:, element_symbols(structure) == "Li"]
    lag = len(ions) // 4
    moved = ((ions[lag:] - ions[:-lag]) ** 2).sum(axis=-1).mean()
    diffusivity = moved / (6 * lag * TIME_STEP * FRAME_INTERVAL / 1000)
    lengths = np.repeat(
        [pair.length for pair in found.pairs], [pair.n_jumps for pair in found.pairs]
    )
    back = {(pair.start, pair.end): pair.n_jumps for pair in found.pairs}
    both = sum(min(n, back.get((end, start), 0)) for (start, end), n in back.items())
    return {
        "temperature": temperature,
        "failure": result.failure,
        "ps": ps,
        **found.model_dump(
            include={
                "n_ions",
                "n_jumps",
                "rate",
                "rate_error",
                "mean_length",
                "residence",
                "dimensions",
                "barriers",
                "turning",
            }
        ),
        "n_sites": len(found.sites),
        "lengths": dict(
            zip(
                [f"{left:g}-{left + 0.5:g}" for left in BINS[:-1]],
                np.histogram(lengths, BINS)[0].tolist(),
                strict=True,
            )
        ),
        "both_ways": both / max(found.n_jumps, 1),
        # Å^2/ps, and what a walk of these jumps without memory would have
        "D": float(diffusivity),
        "D_of_a_random_walk": float(found.rate * np.mean(lengths**2) / 6),
        "cpu_seconds": round(time.process_time() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--temperatures", type=float, nargs="+", default=[500.0, 600.0, 700.0]
    )
    parser.add_argument("--ps", type=float, default=20.0)
    parser.add_argument("--equilibration", type=float, default=2.0, help="ps")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    runs = []
    for temperature in given.temperatures:
        runs.append(run(temperature, given.ps, given.equilibration))
        print(json.dumps(runs[-1]), flush=True)
        inverse = [1 / (BOLTZMANN * one["temperature"]) for one in runs]
        rates = [np.log(one["rate"]) for one in runs]
        energy = -np.polyfit(inverse, rates, 1)[0] if len(runs) > 1 else None
        told = {"runs": runs, "activation_energy_of_jumps": energy}
        given.out.write_text(json.dumps(told, indent=1) + "\n")
    print("activation energy of the jump rate (eV):", energy)


if __name__ == "__main__":
    main()
