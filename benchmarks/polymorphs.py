"""Gamma and beta of Li3PS4: whether the known order comes out, and where they cross.

Gamma as it is; beta from its refinement, whose lithium sites are partly occupied: the
orderings of lowest Ewald energy are relaxed and the lowest is kept. Imaginary modes of
either are followed. Harmonic free energies at fixed cells, per atom, and the
temperature at which they are equal:

    cd benchmarks
    python polymorphs.py --engine chgnet --out results/polymorphs.json

Results are added to the file by engine and model. Where it holds some already, their
structures are taken: only the modes are computed anew, in cells of another size, say.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from dft_hull import symmetric
from pymatgen.core import Lattice, Structure

from lps_flows.analysis.phonons import PhononSettings, configurational_bound
from lps_flows.chemistry import OrderSettings, crystal, entry, orderings
from lps_flows.engines import Engine, EngineSettings, get_engine, read_calculation
from lps_flows.jobs.phonons import PhononMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.phonons import PhononDocument

TRANSITION = 573.0
"""Gamma turns into beta (K): Homma et al., Solid State Ionics 182, 53 (2011)."""
TEMPERATURES = tuple(float(T) for T in (0, *range(100, 901, 50)))


def refined_beta() -> Structure:
    """Return beta as refined, Li sites partly occupied."""
    found = entry("Li3PS4_beta_expt")
    return Structure.from_spacegroup(
        found.space_group_number,
        Lattice.from_parameters(*found.lattice),
        [{site.element: site.occupancy} for site in found.sites],
        [site.xyz for site in found.sites],
        tol=1e-3,
    )


def relaxed(engine: Engine, structure: Structure) -> tuple[float, Structure]:
    """Return energy (eV/atom) and structure of a relaxation, with its symmetry."""
    end = read_calculation(engine.compute(structure, relax=True))
    return end.energy / len(end.structure), symmetric(end.structure, 0.02)


def lowest_beta(
    engine: Engine, settings: OrderSettings
) -> tuple[Structure, dict[str, Any]]:
    """Return the lowest of the relaxed orderings, and what was tried."""
    found = orderings(refined_beta(), settings)
    ends = [relaxed(engine, structure) for structure in found.structures]
    energies = [energy for energy, _ in ends]
    known, _ = relaxed(engine, crystal("beta-Li3PS4"))
    kT_free = configurational_bound(np.zeros(found.n_tried), [TRANSITION])
    return min(ends, key=lambda end: end[0])[1], {
        "n_tried": found.n_tried,
        "complete": found.complete,
        "energies": energies,
        "library_beta": known,
        "configurational_bound_573": kT_free[0] / len(found.structures[0]),
    }


def crossing(difference: np.ndarray) -> float | None:
    """Return where beta becomes the lower one (K)."""
    (below,) = np.nonzero(np.diff(np.sign(difference)) < 0)
    if not len(below):
        return None
    k = below[0]
    share = difference[k] / (difference[k] - difference[k + 1])
    return float(TEMPERATURES[k] + share * (TEMPERATURES[k + 1] - TEMPERATURES[k]))


def summary(gamma: PhononDocument, beta: PhononDocument) -> dict[str, Any]:
    """Return differences of beta from gamma (eV/atom)."""
    still = beta.energy_per_atom - gamma.energy_per_atom
    told: dict[str, Any] = {
        "energy_difference": still,
        "modes": {
            name: {
                "formula": d.formula,
                "supercell": d.vibrations.supercell,
                "lowest_frequency": d.vibrations.lowest_frequency,
                "imaginary": d.vibrations.imaginary,
                "followed": [step.model_dump() for step in d.followed],
                "space_group": d.structure.get_space_group_info(0.05)[0],
                "poscar": d.structure.to(fmt="poscar"),
            }
            for name, d in (("gamma", gamma), ("beta", beta))
        },
    }
    f, g = beta.vibrations.free_energies, gamma.vibrations.free_energies
    if f is None or g is None:
        return told
    vibrational = np.array(f) - np.array(g)
    per_kelvin = np.gradient(vibrational, TEMPERATURES)
    at = dict(zip(TEMPERATURES, vibrational.tolist(), strict=True))
    return told | {
        "vibrational_difference": at,
        "crossing": crossing(still + vibrational),
        "slope_600": float(np.interp(600.0, TEMPERATURES, per_kelvin)),
        # the difference in energy with which they would cross where they do
        "energy_difference_of_the_transition": -float(
            np.interp(TRANSITION, TEMPERATURES, vibrational)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="chgnet")
    parser.add_argument("--model")
    parser.add_argument("--orderings", type=int, default=5, help="that are relaxed")
    parser.add_argument("--atoms", type=int, default=64, help="of the supercells")
    parser.add_argument("--fmax", type=float, default=0.005, help="eV/Å")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    engine = get_engine(
        EngineSettings(
            name=given.engine, model=given.model, fmax=given.fmax, max_steps=800
        )
    )
    maker = PhononMaker(
        engine=engine,
        settings=PhononSettings(target_atoms=given.atoms, temperatures=TEMPERATURES),
    )
    begun = time.process_time()
    results = json.loads(given.out.read_text()) if given.out.exists() else {}
    before = results.get(engine.method)
    if before:
        gamma, beta = (
            Structure.from_str(before["modes"][name]["poscar"], fmt="poscar")
            for name in ("gamma", "beta")
        )
        tried, spent = before["orderings"], before["cpu_seconds"]
    else:
        spent = 0
        _, gamma = relaxed(engine, crystal("gamma-Li3PS4"))
        beta, tried = lowest_beta(
            engine, OrderSettings(target_atoms=32, n_lowest=given.orderings)
        )
    print(f"{time.process_time() - begun:.0f} s: {json.dumps(tried)}", flush=True)
    documents = []
    for key, structure in (("gamma-Li3PS4", gamma), ("beta-Li3PS4", beta)):
        origin = Provenance(source="crystal", parent=key)
        documents.append(maker.computed(structure, origin))
        told = documents[-1].model_dump(include={"vibrations", "followed"})
        print(f"{time.process_time() - begun:.0f} s: {key} {told}", flush=True)
    result = summary(*documents) | {
        "orderings": tried,
        "cpu_seconds": spent + round(time.process_time() - begun),
    }
    results[engine.method] = result
    given.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
