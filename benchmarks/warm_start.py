"""Training on from the last weights against training anew, with CHGNet's labels.

    OMP_NUM_THREADS=1 python benchmarks/warm_start.py

A first training on shaken crystals and cells with units removed; then cells that the
potential itself relaxed are labelled and added, as a round of active learning does. The
second training starts from random weights, goes on, or starts anew with another weight
of the forces (`--force-weights`). Errors are those on other cells relaxed
on the first potential, which no training saw; times are processor time.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sampling_model import _label, _removed, _shaken

from lps_flows.chemistry import crystal
from lps_flows.potential import (
    RelaxationSettings,
    TrainingSettings,
    relax_batch,
    train_potential,
)


def errors(model, structures, labels) -> tuple[float, float]:
    found = model.evaluate(structures, stress=False)
    energy = [
        abs(f.energy - e) / len(s)
        for f, (e, _), s in zip(found, labels, structures, strict=True)
    ]
    force = np.concatenate(
        [f.forces - pull for f, (_, pull) in zip(found, labels, strict=True)]
    )
    return 1000 * float(np.mean(energy)), float(np.abs(force).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--warm", type=int, nargs="*", default=[60, 120, 200])
    parser.add_argument("--force-weights", type=float, nargs="*", default=[])
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    keys = ("beta-Li3PS4", "Li7P3S11", "gamma-Li3PS4", "Li2S")
    structures = [_shaken(crystal(key), rng) for key in keys for _ in range(12)]
    structures += [_shaken(_removed(rng), rng) for _ in range(72)]
    labels = _label(structures)

    def train(previous=None, n_seen=0, **changes):
        settings = TrainingSettings(
            restarts=options.restarts, iterations=options.iterations, **changes
        )
        begun = time.process_time()
        model = train_potential(
            structures,
            [energy for energy, _ in labels],
            settings,
            forces=[forces for _, forces in labels],
            previous=previous,
            n_seen=n_seen,
        ).potential
        return model, time.process_time() - begun

    first, seconds = train()
    found = relax_batch(
        [_removed(rng) for _ in range(80)], first, RelaxationSettings(max_steps=100)
    )
    fresh = [r.structure for r in found if r.failure != "not finite"]
    new, test = fresh[:30], fresh[30:]
    fresh_labels, test_labels = _label(new), _label(test)
    print("training | s | energy (meV/atom) | forces (eV/A), mean abs. error")
    print("first", round(seconds), *errors(first, test, test_labels))
    n_first = len(structures)
    structures, labels = structures + new, labels + fresh_labels
    model, seconds = train()
    print("anew", round(seconds), *errors(model, test, test_labels))
    for iterations in options.warm:
        model, seconds = train(first, n_first, warm_iterations=iterations)
        print(f"on {iterations}", round(seconds), *errors(model, test, test_labels))
    for weight in options.force_weights:
        model, seconds = train(force_weight=weight)
        print(f"weight {weight}", round(seconds), *errors(model, test, test_labels))


if __name__ == "__main__":
    main()
