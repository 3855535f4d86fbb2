"""Bulk moduli of crystals and of the map's glass-ceramics by a surrogate engine.

    python benchmarks/bulk_moduli.py Li2S gamma-Li3PS4 ... [--engine 7net-l3i5]

Atoms and shape are relaxed at the volumes of the campaign's stage `elasticity`, and
fitted by its builder. Crystals are relaxed to 0.01 eV/Å first; structures of
the map (named ``gc-...``) begin as they are in ``docs/data/map``. Rows go to
``docs/data/map/beside/elasticity.csv``, from which docs/results.py makes its table.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from dft_glasses import BESIDE, add, geometry, known

from lps_flows.analysis import ElasticitySettings, fit_eos
from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings, get_engine, read_calculation
from lps_flows.jobs.elasticity import strained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="+")
    parser.add_argument("--engine", default="7net-l3i5", help="model of sevennet")
    parser.add_argument("--fmax", type=float, default=0.01, help="eV/Å")
    parser.add_argument("--out", type=Path, default=BESIDE / "elasticity.csv")
    asked = parser.parse_args()
    asked.out.parent.mkdir(exist_ok=True)
    engine = get_engine(
        EngineSettings(
            name="sevennet", model=asked.engine, fmax=asked.fmax, max_steps=500
        )
    )
    there = {(row["label"], row["method"]) for row in known(asked.out)}
    for label in asked.labels:
        if (label, engine.method) in there:
            continue
        begun = time.process_time()
        start = geometry(label) if label.startswith("gc-") else crystal(label)
        relaxed = read_calculation(engine.compute(start, relax=True)).structure
        held = engine.with_fixed_volume()
        frames = [
            read_calculation(held.compute(frame, relax=True))
            for frame in strained(relaxed, ElasticitySettings())
        ]
        fit = fit_eos([f.structure.volume for f in frames], [f.energy for f in frames])
        row = {
            "label": label,
            "method": engine.method,
            "bulk_modulus": round(fit.bulk_modulus, 4),
            "bulk_modulus_error": round(fit.bulk_modulus_error, 4),
            "cpu_seconds": round(time.process_time() - begun),
        }
        add(asked.out, row)
        print(*row.values(), flush=True)


if __name__ == "__main__":
    main()
