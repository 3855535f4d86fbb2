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

from lps_flows.analysis.density import probability_density
from lps_flows.analysis.hull_gaps import atom_fraction
from lps_flows.chemistry import (
    CompositionLine,
    crystal,
    full_formula,
    remove_units,
    supercell_near,
)
from lps_flows.potential import ErrorReport, RestartHistory
from lps_flows.schemas import Document, Provenance, StructureDocument, StructureSet
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.evolution import (
    EvolutionDocument,
    GenerationDocument,
    IndividualDocument,
)
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.selection import SelectedStructure, SelectionDocument
from lps_flows.schemas.transport import RunSummary, TransportDocument

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
        formula=full_formula(composition),
        chemsys=composition.chemical_system,
        x=LINE.x(composition) if LINE.contains(composition) else None,
        nsites=n_atoms,
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


def put_potential(store: JobStore, name: str = "train potential") -> str:
    """Store a potential's document: errors and parity, no weights."""
    rng = np.random.default_rng(2)
    sources = ["crystal"] * 8 + ["strained"] * 60 + ["md"] * 40
    formulas = [list(CRYSTALS)[k % 8].split("-")[-1] for k in range(len(sources))]
    split = ["validation" if k % 10 == 0 else "training" for k in range(len(sources))]
    reference = -4.0 + rng.normal(0, 0.15, len(sources))
    errors = rng.normal(0, 0.004, len(sources))
    held_out = np.array([s == "validation" for s in split])
    document = PotentialDocument(
        method="ann-0123456789",
        reference_method=METHOD,
        potential={"weights": "none"},
        species=["Li", "P", "S"],
        n_members=4,
        settings={},
        dataset_hash="0" * 64,
        n_structures=len(sources),
        validation=summarise(errors[held_out]),
        training=summarise(errors[~held_out]),
        by_source=_grouped(sources, errors),
        by_composition=_grouped(formulas, errors),
        restarts=[
            RestartHistory(
                restart=k,
                training=[30 / (1 + 0.1 * i) + k for i in range(100)],
                validation=[32 / (1 + 0.1 * i) + k for i in range(100)],
                best_iteration=99,
                message="iterations done",
                line_search_failed=False,
            )
            for k in range(4)
        ],
        parity={
            "reference": reference.tolist(),
            "predicted": (reference + errors).tolist(),
            "source": sources,
            "formula": formulas,
            "split": split,
        },
    )
    return put(
        store, name, "training", document, data=["potential", "parity", "restarts"]
    )


def summarise(errors: np.ndarray) -> ErrorReport:
    """Summarise errors (eV/atom) as the training job does."""
    return ErrorReport.of(errors)


def _grouped(labels: list[str], errors: np.ndarray) -> dict[str, ErrorReport]:
    names = np.array(labels)
    return {name: summarise(errors[names == name]) for name in sorted(set(labels))}


def put_search(store: JobStore) -> str:
    """Store a search of five generations and its comparison with the reference."""
    rng = np.random.default_rng(3)
    documents = [d for name, d in glasses(4) if "beta-Li3PS4" in name][:4]
    lowest = documents[0]
    generations, population, identifier = [], [], 0
    for index in range(6):
        newborn = []
        for k in range(10 if index == 0 else 6):
            parents = (
                [] if index == 0 else [int(p) for p in rng.choice(population[:4], 2)]
            )
            height = 0.03 * rng.random() * 0.6**index + 0.004 * (5 - index)
            rejected = "exploded" if rng.random() < 0.1 else None
            newborn.append(
                IndividualDocument(
                    identifier=identifier,
                    generation=index,
                    operator="random" if index == 0 else ("crossover", "swap")[k % 2],
                    parents=parents,
                    removed=[1, 2, 3],
                    by_genome=index == 0,
                    energy_per_atom=None if rejected else -4.1 + height,
                    energy=None if rejected else -4.1 * 60,
                    energy_std=0.002,
                    converged=rejected is None,
                    rejection=rejected,
                    lattice=np.eye(3).tolist(),
                    coordinates=[[0.0, 0.0, 0.0]],
                )
            )
            if rejected is None:
                population.append(identifier)
            identifier += 1
        energies = [b.energy_per_atom for g in generations for b in g.newborn]
        energies += [b.energy_per_atom for b in newborn]
        generations.append(
            GenerationDocument(
                index=index,
                newborn=newborn,
                population=population,
                best_energy_per_atom=min(e for e in energies if e is not None),
                rejections={"exploded": 1},
                weights={},
                tried={},
                entered={},
                generator_state={},
                n_evaluations=identifier,
                next_identifier=identifier,
                stale=0,
                restarts=0,
                stopped=None if index < 5 else "generations done",
            )
        )
    evolution = EvolutionDocument(
        method="ann-0123456789",
        parent="beta-Li3PS4",
        removed="Li2S",
        n_removed=1,
        formula=lowest.formula,
        x=float(lowest.x or 0),
        nsites=lowest.nsites,
        settings={},
        relaxation={},
        end_members=("Li2S", "P2S5"),
        parent_structure=crystal("beta-Li3PS4"),
        n_generations=5,
        n_evaluations=identifier,
        best_energy_per_atom=generations[-1].best_energy_per_atom,
        rejections={"exploded": 3, "duplicate": 5},
        stopped="generations done",
        generations=generations,
        lowest=documents,
        uncertain=[],
    )
    put(
        store,
        f"evolve {lowest.formula} from beta-Li3PS4",
        "sampling",
        evolution,
        data=["generations", "lowest", "uncertain"],
    )
    reference = [document.energy_per_atom for document in documents]
    sampling = SamplingDocument(
        method=METHOD,
        potential_method="ann-0123456789",
        parent="beta-Li3PS4",
        removed="Li2S",
        n_removed=1,
        formula=lowest.formula,
        x=lowest.x,
        structure_uuids=[uuid(f"{CAMPAIGN} {n}") for n, _ in glasses(4)][:4],
        ann_energies=[e + 0.003 for e in reference],
        ann_stds=[0.002] * 4,
        reference_energies=[*reference[:3], None],
        mean_absolute_error=3.0,
        rank_correlation=1.0,
        needs_active_learning=False,
    )
    return put(store, f"compare {lowest.formula}", "sampling", sampling)


def put_selection(store: JobStore) -> str:
    """Store what the campaign chose for molecular dynamics."""
    selection = SelectionDocument(
        method=METHOD,
        criteria=[
            {
                "formula_pretty": "Li22P8S31",
                "x": 0.733,
                "structure_id": "a",
                "energy_above_hull": 0.028,
                "class_label": 0,
                "conductivity": None,
                "criteria": [
                    {
                        "name": "distance above the hull (meV/atom)",
                        "value": 28.0,
                        "threshold": 30.0,
                        "passed": True,
                    }
                ],
                "chosen": True,
                "rank": 1,
            }
        ],
        selected=[
            SelectedStructure(
                label="gc-Li22P8S31",
                reason="candidate",
                structure_uuid="a",
                transport_uuid="b",
                energy_above_hull=0.028,
            )
        ],
    )
    return put(store, "select candidates", "selection", selection)


def put_all(store: JobStore) -> None:
    """Store a whole campaign, as before the builders run."""
    put_crystals(store)
    put_dataset(store)
    put_potential(store)
    put_glasses(store)
    put_search(store)
    put_selection(store)
    put_transport(store)


def hostile_document(text: str) -> StructureDocument:
    """Return a relaxed structure whose names try to be HTML."""
    provenance = Provenance(source="user", parent=text)
    return structure_document(crystal("Li7P3S11"), 0.2, provenance)


def put_transport(store: JobStore) -> str:
    """Store the transport of beta-Li3PS4: D with 0.25 eV, one run left out.

    Of the run at 900 K, the coldest that is used, the density of Li is there, too.
    """
    lags = np.geomspace(100, 50000, 40)
    runs = []
    for temperature in (700.0, 900.0, 1200.0):
        d = 1e-3 * float(np.exp(-0.25 / (8.617333262e-5 * temperature)))
        used = temperature > 800
        runs.append(
            RunSummary(
                run_uuid=uuid(f"{CAMPAIGN} run {temperature:g}"),
                temperature=temperature,
                mean_temperature=temperature + 3,
                production=100000.0,
                D=d,
                interval=(0.8 * d, 1.25 * d),
                used=used,
                reason="linear from 500 fs" if used else "too few jumps",
                lags=lags.tolist(),
                msd=(0.5 + 60 * d * lags / 1.0).tolist(),
                msd_std=[0.1] * len(lags),
                start=500.0,
            )
        )
    structure = crystal("beta-Li3PS4")
    put(store, "run 900", "conductivity", run_with_density(structure))
    document = TransportDocument(
        method="ann-0123456789",
        label="beta-Li3PS4",
        structure=structure,
        formula=full_formula(structure),
        x=0.75,
        nsites=len(structure),
        mobile="Li",
        number_density=structure.composition["Li"] / structure.volume,
        runs=runs,
        activation_energy=0.25,
        activation_energy_interval=(0.22, 0.28),
        prefactor=1e-3,
        conductivity=0.0123,
        conductivity_interval=(0.005, 0.03),
        warnings=["extrapolated from 900 K to 300 K"],
    )
    return put(store, "transport beta-Li3PS4", "conductivity", document)


def run_with_density(structure: Structure) -> MDRunDocument:
    """Return a run at 900 K whose Li atoms stayed within 0.3 Å of their sites."""
    lithium = np.array([s.coords for s in structure if s.specie.symbol == "Li"])
    moved = 0.3 * np.random.default_rng(0).normal(size=(50, len(lithium), 3))
    density = probability_density(
        lithium + moved, structure.lattice.matrix, spacing=0.6
    )
    return MDRunDocument(
        method="ann-0123456789",
        label="beta-Li3PS4",
        formula=full_formula(structure),
        nsites=len(structure),
        volume=structure.volume,
        temperature=900.0,
        time_step=1.0,
        equilibration=0.0,
        production=100000.0,
        frame_interval=20.0,
        n_frames=50,
        chunk_uuids=[],
        mobile="Li",
        density=PackedArray.pack(density, "<f4"),
        structure=structure,
    )
