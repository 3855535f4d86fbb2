"""Documents of a small campaign that nobody ran: physical, cheap, deterministic.

Crystals of the library and glass-ceramics made from them by removing units, with
energies set so that the hull is the paper's; everything lies in the store as jobflow
puts it there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from jobflow import JobStore
from jobflow.core.schemas import JobStoreDocument
from monty.json import jsanitize
from pymatgen.core import Composition, Structure

from lps_flows.analysis.hull_gaps import atom_fraction
from lps_flows.chemistry import CompositionLine, crystal, remove_units, supercell_near
from lps_flows.schemas import Document, Provenance, StructureDocument, StructureSet

CAMPAIGN = "synthetic"
METHOD = "synthetic-1"
LINE = CompositionLine()
PER_ATOM = {"Li": -1.9, "P": -5.4, "S": -4.1}
GAMMA_X, GAMMA_ENERGY = 0.75, -0.1

# E above hull (meV/atom); where the paper gives a number it is the paper's
CRYSTALS = {
    "Li2S": 0.0,
    "P2S5": 0.0,
    "LiPS3": 12.0,
    "Li7P3S11": 17.2,
    "Li4P2S7": 23.5,
    "beta-Li3PS4": 3.2,
    "gamma-Li3PS4": 0.0,
    "LT-Li7PS6": 9.0,
}
ELEMENTS = {"Li": "Li", "P": "P", "S": "S"}
# parent, end member, units, E above hull (meV/atom) of the lowest structure
GLASSES = (
    ("LiPS3", "P2S5", 1, 60.0),
    ("Li7P3S11", "Li2S", 2, 70.5),
    ("Li7P3S11", "P2S5", 1, 45.0),
    ("beta-Li3PS4", "Li2S", 1, 28.0),
    ("beta-Li3PS4", "P2S5", 1, 52.0),
    ("LT-Li7PS6", "Li2S", 2, 40.0),
)
_START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def uuid(name: str) -> str:
    """Return the id of a job, always the same for one name."""
    return str(uuid5(NAMESPACE_OID, name))


def put(
    store: JobStore,
    name: str,
    stage: str,
    output: Document | dict,
    *,
    campaign: str = CAMPAIGN,
    index: int = 1,
    data: str | list[str] | None = None,
) -> str:
    """Store a job's output as `Job.run` does; return the job's uuid."""
    done = _START + timedelta(minutes=store.count())
    document = JobStoreDocument(
        uuid=uuid(f"{campaign} {name}"),
        index=index,
        output=jsanitize(output, strict=True, enum_values=True, allow_bson=True),
        completed_at=done.replace(tzinfo=None).isoformat(),
        metadata={"campaign": campaign, "stage": stage},
        hosts=[],
        name=name,
    )
    save = {"data": data} if data else None
    store.update(document, key=["uuid", "index"], save=save)
    return uuid(f"{campaign} {name}")


def energy_per_atom(structure: Structure, above: float) -> float:
    """Return an energy (eV/atom) `above` (eV/atom) the hull."""
    composition = structure.composition
    elements = sum(PER_ATOM[str(el)] * n for el, n in composition.items())
    base = elements / composition.num_atoms
    if not LINE.contains(composition):
        return base + above
    t = atom_fraction(LINE, composition.formula)
    gamma = atom_fraction(LINE, "Li3PS4")
    hull = np.interp(t, (0.0, gamma, 1.0), (-0.5, -0.5 + GAMMA_ENERGY, -0.5))
    return base + float(hull) + above


def structure_document(
    structure: Structure, above: float, provenance: Provenance, *, relaxed: bool = True
) -> StructureDocument:
    """Return a document with an energy `above` (eV/atom) the hull."""
    composition = structure.composition
    energy = energy_per_atom(structure, above)
    n_atoms = len(structure)
    return StructureDocument(
        method=METHOD,
        provenance=provenance,
        structure=structure,
        formula=composition.formula.replace(" ", ""),
        chemical_system=composition.chemical_system,
        x=LINE.x(composition) if LINE.contains(composition) else None,
        n_atoms=n_atoms,
        energy=energy * n_atoms,
        energy_per_atom=energy,
        forces=np.zeros((n_atoms, 3)).tolist(),
        stress=np.zeros((3, 3)).tolist(),
        relaxed=relaxed,
        converged=True,
    )


def put_crystals(store: JobStore, keys: dict[str, float] | None = None) -> None:
    """Store the relaxed crystals of the line and the elements."""
    wanted = {**CRYSTALS, **dict.fromkeys(ELEMENTS, 0.0)} if keys is None else keys
    for key, above in wanted.items():
        document = structure_document(
            crystal(key), above / 1000, Provenance(source="crystal", parent=key)
        )
        put(store, f"relax {key}", "crystals", document)


def glasses(n_each: int = 4) -> list[tuple[str, StructureDocument]]:
    """Return glass-ceramic structures by name, the lowest of a composition first."""
    rng = np.random.default_rng(1)
    made = []
    for parent, end_member, n_units, above in GLASSES:
        cell = supercell_near(crystal(parent), 60)
        for k in range(n_each):
            structure = remove_units(cell, end_member, n_units, rng)
            structure.perturb(0.05)
            provenance = Provenance(
                source="ga", parent=parent, removed=end_member, n_removed=n_units
            )
            document = structure_document(
                structure, (above + 6.0 * k) / 1000, provenance
            )
            made.append((f"relax {document.formula} {parent} {k}", document))
    return made


def put_glasses(store: JobStore, n_each: int = 4) -> list[str]:
    """Store the relaxed glass-ceramic structures; return their uuids."""
    return [
        put(store, name, "sampling", document) for name, document in glasses(n_each)
    ]


def put_dataset(store: JobStore) -> str:
    """Store a labelled set of strained crystals."""
    entries = []
    for key in ("beta-Li3PS4", "Li7P3S11"):
        for strain in (-0.05, 0.0, 0.05):
            structure = crystal(key)
            structure.apply_strain(strain)
            entries.append(
                structure_document(
                    structure,
                    20 * strain**2,
                    Provenance(source="strained", parent=key, group=key),
                    relaxed=False,
                )
            )
    document = StructureSet(method=METHOD, n_structures=len(entries), entries=entries)
    return put(store, "label strained", "dataset", document, data="entries")


def reduced(formula: str) -> str:
    """Return the reduced formula."""
    return Composition(formula).reduced_formula
