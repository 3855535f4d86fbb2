"""A campaign's job documents without its calculations: crystals and rattled glasses."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from jobflow import JobStore
from monty.json import jsanitize
from pymatgen.core import Structure

from lps_flows.builders import KEYS, BuildSettings, result_store
from lps_flows.chemistry import CompositionLine, crystal, full_formula
from lps_flows.schemas import Provenance, StructureDocument, StructureSet

SETTINGS = BuildSettings.model_validate({"clusters": {"n_clusters_range": [2, 6]}})
METHOD = "toy-1.0"
CAMPAIGN = "toy"
# formation energies (eV/atom) of the crystals on the line, the paper's distances kept
FORMATION = {
    "Li2S": 0.0,
    "P2S5": 0.0,
    "LiPS3": -0.095,
    "Li4P2S7": -0.130,
    "Li7P3S11": -0.146,
    "beta-Li3PS4": -0.1838,
    "gamma-Li3PS4": -0.187,
    "LT-Li7PS6": -0.09,
    "Li2PS3": -0.10,
    "Li": 0.0,
    "P": 0.0,
    "S": 0.0,
}
# per atom against the elements
ELEMENTAL = {"Li2S": -1.45, "P2S5": -0.45}


def energy_of(structure: Structure, formation: float) -> float:
    """Total energy from a formation energy relative to the ends of the line."""
    composition = structure.composition
    line = CompositionLine()
    if line.contains(composition):
        first, second = line.amounts(composition)
        ends = first * 3 * ELEMENTAL["Li2S"] + second * 7 * ELEMENTAL["P2S5"]
    elif composition.is_element:
        ends = 0.0
    else:
        ends = -0.9 * composition.num_atoms
    return float(ends + formation * composition.num_atoms)


def document(
    structure: Structure,
    formation: float,
    provenance: Provenance,
    *,
    method: str = METHOD,
    relaxed: bool = True,
) -> StructureDocument:
    line = CompositionLine()
    composition = structure.composition
    energy = energy_of(structure, formation)
    return StructureDocument(
        method=method,
        provenance=provenance,
        structure=structure,
        formula=full_formula(composition),
        chemsys=composition.chemical_system,
        x=line.x(composition) if line.contains(composition) else None,
        nsites=len(structure),
        energy=energy,
        energy_per_atom=energy / len(structure),
        relaxed=relaxed,
        converged=True,
    )


def rattled(structure: Structure, seed: int, sigma: float = 0.1) -> Structure:
    rng = np.random.default_rng(seed)
    moved = structure.copy()
    for site, move in enumerate(rng.normal(scale=sigma, size=(len(moved), 3))):
        moved.translate_sites(site, move, frac_coords=False)
    return moved


def glass(parent: str, n_removed: int, seed: int) -> tuple[Structure, Provenance]:
    """A parent crystal less some Li2S (Li and S taken at random), rattled."""
    rng = np.random.default_rng(seed)
    structure = crystal(parent) * (1, 1, 2)
    lithium = [k for k, site in enumerate(structure) if site.specie.symbol == "Li"]
    sulfur = [k for k, site in enumerate(structure) if site.specie.symbol == "S"]
    gone = [
        *rng.choice(lithium, 2 * n_removed, replace=False),
        *rng.choice(sulfur, n_removed, replace=False),
    ]
    structure.remove_sites([int(k) for k in gone])
    return rattled(structure, seed), Provenance(
        source="ga", parent=parent, removed="Li2S", n_removed=n_removed
    )


def put(
    store: JobStore,
    name: str,
    output: StructureDocument | StructureSet | dict,
    *,
    campaign: str | None = CAMPAIGN,
    index: int = 1,
    second: int = 0,
    stage: str | None = None,
) -> str:
    """Store an output as jobflow does; return the uuid."""
    uuid = str(uuid5(NAMESPACE_OID, name))
    completed = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    data = output
    if not isinstance(output, dict):
        data = jsanitize(output, strict=True, enum_values=True)
    save = {"data": "entries"} if data["@class"] == "StructureSet" else None
    known = {"campaign": campaign, "stage": stage}
    metadata = {key: value for key, value in known.items() if value is not None}
    store.update(
        {
            "uuid": uuid,
            "index": index,
            "output": data,
            "completed_at": completed.isoformat(),
            "metadata": metadata,
            "hosts": [],
            "name": name,
        },
        key=["uuid", "index"],
        save=save,
    )
    return uuid


@cache
def _outputs(glasses: int) -> dict[str, dict]:
    """Job outputs of the campaign by name, as jobflow writes them; made once."""
    made: dict[str, StructureDocument | StructureSet] = {
        key: document(crystal(key), formation, Provenance(source="crystal", parent=key))
        for key, formation in FORMATION.items()
    }
    for parent, n_removed in (
        ("beta-Li3PS4", 1),
        ("beta-Li3PS4", 2),
        ("gamma-Li3PS4", 1),
        ("Li7P3S11", 1),
    ):
        for seed in range(glasses):
            structure, provenance = glass(parent, n_removed, seed)
            formation = -0.10 + 0.01 * seed - 0.02 * (parent == "beta-Li3PS4")
            name = f"{parent}-{n_removed}-{seed}"
            made[name] = document(structure, formation, provenance)
    members = [
        document(
            rattled(crystal("Li2S"), seed, 0.2),
            0.05,
            Provenance(source="rattled", parent="Li2S"),
            relaxed=False,
        )
        for seed in range(3)
    ]
    made["set"] = StructureSet(method=METHOD, n_structures=3, entries=members)
    return {
        name: jsanitize(output, strict=True, enum_values=True)
        for name, output in made.items()
    }


def fill(
    store: JobStore, *, glasses: int = 4, campaign: str = CAMPAIGN
) -> dict[str, str]:
    """Fill a job store with a small campaign; return the uuids by name."""
    return {
        name: put(store, f"{campaign}-{name}", deepcopy(output), campaign=campaign)
        for name, output in _outputs(glasses).items()
    }


def read(store: JobStore, name: str, **criteria: Any) -> list[dict[str, Any]]:
    """Return the documents of a collection of results, in the order of their key."""
    results = result_store(store, name)
    results.connect()
    found = [
        {k: v for k, v in d.items() if k != "_id"} for d in results.query(criteria)
    ]
    results.close()
    return sorted(found, key=lambda d: d[KEYS[name]])
