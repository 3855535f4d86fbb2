"""The fixed potential of the sampling benchmark: an ANN on CHGNet's energies.

Trained once and kept in build/benchmarks. Reference structures are rattled and
strained crystals and cells with units removed, then, for a few rounds, what the
potential itself relaxes such cells to: the structures a search will meet.
"""

from __future__ import annotations

import contextlib
import io
import time
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import crystal, remove_units, supercell_near
from lps_flows.potential import (
    ANNPotential,
    RelaxationSettings,
    TrainingSettings,
    relax_batch,
    train_potential,
)

FOLDER = Path(__file__).parents[1] / "build" / "benchmarks"
ROUNDS = 5
# Parent, atoms of the supercell, end member, most units removed, share of the draws.
FAMILIES = (
    ("beta-Li3PS4", 32, "Li2S", 2, 0.5),
    ("beta-Li3PS4", 64, "Li2S", 3, 0.15),
    ("beta-Li3PS4", 128, "Li2S", 3, 0.1),
    ("Li7P3S11", 42, "P2S5", 1, 0.25),
)


def fixed_model() -> ANNPotential:
    """Return the potential, trained and saved on the first call."""
    path = FOLDER / "sampling-model.safetensors"
    if path.exists():
        return ANNPotential.load(path)
    FOLDER.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    model = _train()
    model.save(path)
    print(f"  in {time.process_time() - began:.0f} s of processor time", flush=True)
    return model


def _train() -> ANNPotential:
    rng = np.random.default_rng(2022)
    structures = [
        _shaken(crystal(key), rng)
        for key in ("beta-Li3PS4", "Li7P3S11", "gamma-Li3PS4", "Li2S")
        for _ in range(20)
    ]
    structures += [_shaken(_removed(rng), rng) for _ in range(160)]
    labels = _label(structures)
    model = _fit(structures, labels)
    for number in range(ROUNDS):
        starts = [_removed(rng) for _ in range(60)]
        starts = [_shaken(s, rng) if rng.random() < 0.4 else s for s in starts]
        fresh = []
        for steps, part in ((15, starts[:20]), (150, starts[20:])):
            settings = RelaxationSettings(max_steps=steps, max_force=0.03)
            fresh += [
                r.structure
                for r in relax_batch(part, model, settings)
                if r.failure != "not finite"
            ]
        new = _label(fresh)
        predicted = model.evaluate(fresh, forces=False, stress=False)
        error = [
            (p.energy - e) / len(s)
            for p, (e, _), s in zip(predicted, new, fresh, strict=True)
        ]
        print(
            f"  round {number}: {len(structures)} structures, error on the potential's "
            f"own relaxed ones: MAE {1000 * np.mean(np.abs(error)):.1f}, "
            f"max {1000 * np.max(np.abs(error)):.1f} meV/atom",
            flush=True,
        )
        structures, labels = structures + fresh, labels + new
        model = _fit(structures, labels, final=number == ROUNDS - 1)
    return model


def _removed(rng: np.random.Generator) -> Structure:
    odds = np.array([family[-1] for family in FAMILIES])
    key, target, end_member, most, _ = FAMILIES[rng.choice(len(FAMILIES), p=odds)]
    parent = supercell_near(crystal(key), target)
    return remove_units(parent, end_member, int(rng.integers(1, most + 1)), rng)


def _shaken(structure: Structure, rng: np.random.Generator) -> Structure:
    strain = rng.normal(scale=0.025, size=(3, 3))
    cell = structure.lattice.matrix @ (np.eye(3) + 0.5 * (strain + strain.T))
    shaken = Structure(Lattice(cell), structure.species, structure.frac_coords)
    shift = rng.normal(scale=rng.uniform(0.02, 0.25), size=(len(shaken), 3))
    return Structure(
        shaken.lattice,
        shaken.species,
        shaken.cart_coords + shift,
        coords_are_cartesian=True,
    )


def _label(structures: list[Structure]) -> list[tuple[float, np.ndarray]]:
    from chgnet.model import CHGNet

    with contextlib.redirect_stdout(io.StringIO()):
        reference = CHGNet.load(use_device="cpu")
        found = reference.predict_structure(structures, task="ef", batch_size=8)
    return [
        (float(f["e"]) * len(s), np.asarray(f["f"], dtype=float))
        for f, s in zip(found, structures, strict=True)
    ]


def _fit(
    structures: list[Structure],
    labels: list[tuple[float, np.ndarray]],
    final: bool = False,
) -> ANNPotential:
    # Overlapping atoms far up the repulsive wall would dominate the fit.
    sane = [i for i, (_, f) in enumerate(labels) if np.abs(f).max() < 15.0]
    result = train_potential(
        [structures[i] for i in sane],
        [labels[i][0] for i in sane],
        TrainingSettings(restarts=3, iterations=400 if final else 120, seed=7),
        forces=[labels[i][1] for i in sane],
    )
    print(f"  trained on {len(sane)}: {result.validation}", flush=True)
    return result.potential


if __name__ == "__main__":
    print(fixed_model())
