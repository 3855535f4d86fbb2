from dataclasses import replace

import numpy as np
import pytest
from jobflow import Flow, job, run_locally
from monty.json import MontyDecoder
from pymatgen.core import Composition, Lattice

from lps_flows.chemistry import RemovalError, crystal
from lps_flows.evolution import (
    EvolutionSettings,
    OperatorWeights,
    RemovalProblem,
    evolve,
)
from lps_flows.flows.sampling import CompositionPlan, SamplingFlowMaker
from lps_flows.jobs.evolution import EvolutionMaker, parent_supercell
from lps_flows.jobs.evolution_record import (
    record_generation,
    record_run,
    restore_generation,
)
from lps_flows.potential import (
    ANNPotential,
    DescriptorSettings,
    ErrorReport,
    RelaxationSettings,
    TrainingSettings,
    UnknownElementError,
    relax_batch,
    train_potential,
)
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.evolution import EvolutionDocument, GenerationDocument
from lps_flows.schemas.potential import PotentialDocument
from tests.toy_potential import ToyPotential

SETTINGS = EvolutionSettings(
    population=4,
    generations=3,
    patience=None,
    seed=1,
    n_lowest=3,
    max_energy_std=None,
    weights=OperatorWeights(cut_and_splice=2),
)
RELAXATION = RelaxationSettings(max_steps=3, max_volume_change=5, min_distance=0.3)


@pytest.fixture(scope="module")
def model():
    structures, rng = [], np.random.default_rng(0)
    for _ in range(12):
        structure = crystal("gamma-Li3PS4")
        structure.remove_sites(rng.choice(len(structure), 2, replace=False))
        structure.perturb(0.1)
        structures.append(structure)
    labels = ToyPotential().evaluate(structures)
    settings = TrainingSettings(
        restarts=2,
        iterations=5,
        hidden=(4,),
        descriptor=DescriptorSettings(radial_order=4, angular_order=2),
    )
    return train_potential(structures, [r.energy for r in labels], settings).potential


@pytest.fixture(scope="module")
def potential(model):
    errors = ErrorReport(n_structures=1, rmse=0, mae=0, max=0)
    return PotentialDocument(
        method=f"ann-{model.identifier}",
        reference_method="toy",
        potential=model.as_dict(),
        species=list(model.species),
        n_members=2,
        settings={},
        dataset_hash="0",
        n_structures=1,
        validation=errors,
        training=errors,
        by_source={},
        by_composition={},
        parity={},
        restarts=[],
    )


@pytest.fixture(scope="module")
def parent():
    structure = crystal("gamma-Li3PS4")
    return StructureDocument(
        method="toy",
        provenance=Provenance(source="crystal", parent="gamma-Li3PS4"),
        structure=structure,
        formula="Li6P2S8",
        chemsys="Li-P-S",
        x=0.75,
        nsites=16,
        energy=-1.0,
        energy_per_atom=-1.0 / 16,
        relaxed=True,
        converged=True,
    )


@job(data="potential")
def give(document):
    return document


def evolve_in_store(store, parent, potential, generations_per_job):
    parent_job, potential_job = give(parent), give(potential)
    evolution = EvolutionMaker(
        settings=SETTINGS,
        relaxation=RELAXATION,
        generations_per_job=generations_per_job,
    ).make(
        parent_job.output,
        potential_job.output,
        parent_key="gamma-Li3PS4",
        end_member="Li2S",
        n_units=1,
        target_atoms=16,
    )
    evolution.name = "evolve Li4P2S7"
    flow = Flow([parent_job, potential_job, evolution])
    run_locally(
        flow, store=store, ensure_success=True, raise_immediately=True, log=False
    )
    return evolution.uuid


def load(store, uuid, which="last"):
    document = MontyDecoder().process_decoded(
        store.get_output(uuid, which=which, load=True)
    )
    assert isinstance(document, EvolutionDocument)
    return document


def signature(document):
    return [
        (g.population, g.best_energy_per_atom, g.weights, g.generator_state)
        for g in document.generations
    ]


def test_chunks_give_the_same_run_as_one_job(module_job_store, parent, potential):
    store = module_job_store
    chunked = evolve_in_store(store, parent, potential, 1)
    whole = evolve_in_store(store, parent, potential, 10)
    one, other = load(store, chunked), load(store, whole)
    assert signature(one) == signature(other)
    assert one.n_generations == SETTINGS.generations
    assert one.stopped == "generations"
    # Every chunk kept its document under the job's own uuid.
    chunks = list(store.query({"uuid": chunked}, ["index", "name"]))
    assert sorted(c["index"] for c in chunks) == [1, 2, 3]
    assert {c["name"] for c in chunks} == {"evolve Li4P2S7"}
    assert load(store, chunked, which=2).n_generations == 2
    assert load(store, chunked, which=2).stopped is None


def test_final_document(module_job_store, parent, potential, model):
    uuid = evolve_in_store(module_job_store, parent, potential, 2)
    document = load(module_job_store, uuid)
    assert document.formula == "Li4P2S7"
    assert document.x == pytest.approx(2 / 3)
    assert document.method == f"ann-{model.identifier}"
    assert document.n_evaluations == 16
    assert 1 <= len(document.lowest) <= 3
    energies = [entry.energy_per_atom for entry in document.lowest]
    assert energies == sorted(energies)
    assert energies[0] == pytest.approx(document.best_energy_per_atom)
    for entry in document.lowest:
        assert entry.structure.composition == Composition("Li4P2S7")
        assert entry.provenance.source == "ga"
        assert entry.provenance.removed == "Li2S"
        assert entry.provenance.details["operator"] in OperatorWeights.model_fields
        assert entry.energy_std is not None
        again = model.evaluate(entry.structure)
        assert again.energy == pytest.approx(entry.energy, abs=1e-8)
    # Big lists live in the additional store, not in the document collection.
    raw = module_job_store.query_one({"uuid": uuid}, load=False)
    assert all("blob_uuid" in raw["output"][key] for key in ("generations", "lowest"))


def test_a_search_goes_on_from_any_recorded_generation(
    module_job_store, parent, potential, model
):
    uuid = evolve_in_store(module_job_store, parent, potential, 10)
    document = load(module_job_store, uuid)
    problem = RemovalProblem(document.parent_structure, "Li2S", 1)
    for k in range(3):
        start = restore_generation(document.generations[: k + 1], problem)
        rest = list(
            evolve(
                problem, lambda s: relax_batch(s, model, RELAXATION), SETTINGS, start
            )
        )
        assert [g.best.energy_per_atom for g in rest] == [
            g.best_energy_per_atom for g in document.generations[k + 1 :]
        ]
        assert rest[-1].generator_state == document.generations[-1].generator_state


def test_an_interrupted_search_resumes_from_its_documents_bit_by_bit(model):
    problem = RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)

    def relax(structures):
        return relax_batch(structures, model, RELAXATION)

    whole = list(evolve(problem, relax, SETTINGS))
    batches = []

    def interrupted(structures):
        batches.append(len(structures))
        if len(batches) == 3:
            raise KeyboardInterrupt
        return relax(structures)

    search = evolve(problem, interrupted, SETTINGS)
    kept = [record_generation(next(search)).model_dump_json() for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        next(search)
    history = [GenerationDocument.model_validate_json(text) for text in kept]
    start = restore_generation(history, problem)
    rest = list(evolve(problem, relax, SETTINGS, start))
    again = [*history, *map(record_generation, rest)]
    assert [g.model_dump() for g in again] == [
        record_generation(g).model_dump() for g in whole
    ]


def test_maker_round_trips():
    maker = EvolutionMaker(settings=SETTINGS, relaxation=RELAXATION)
    again = MontyDecoder().process_decoded(maker.as_dict())
    assert again == maker
    assert EvolutionMaker().name == "evolve"


def run_alone(maker, parent, potential, **changes):
    arguments = {
        "parent_key": "gamma-Li3PS4",
        "end_member": "Li2S",
        "n_units": 1,
        "target_atoms": 16,
    } | changes
    made = maker.make(parent, potential, **arguments)
    return made.function.original(maker, *made.function_args, **made.function_kwargs)


def test_impossible_removal_and_missing_element_are_typed(parent, potential):
    maker = EvolutionMaker(settings=SETTINGS)
    with pytest.raises(RemovalError, match="holds only 3 units"):
        run_alone(maker, parent, potential, n_units=7)
    sodium = parent.model_copy(update={"structure": crystal("gamma-Li3PS4")})
    sodium.structure.replace_species({"P": "As"})
    line = EvolutionMaker(settings=SETTINGS).line.model_copy(
        update={"end_members": ("Li2S", "As2S5")}
    )
    with pytest.raises(UnknownElementError, match="As"):
        run_alone(EvolutionMaker(settings=SETTINGS, line=line), sodium, potential)


def test_the_supercell_is_chosen_before_relaxing() -> None:
    before = crystal("beta-Li3PS4")
    relaxed = before.copy()
    a, b, c = before.lattice.abc
    relaxed.lattice = Lattice.orthorhombic(a / 2, b, 2 * c)  # as no crystal relaxes
    chosen = parent_supercell(relaxed, "mine", 64, before)
    assert len(chosen) == 64
    assert np.allclose(chosen.lattice.abc, (a / 2, b, 4 * c))
    assert not np.allclose(
        parent_supercell(relaxed, "mine", 64, None).lattice.abc, chosen.lattice.abc
    )
    library = parent_supercell(relaxed, "beta-Li3PS4", 64, None)
    assert np.allclose(library.lattice.abc, chosen.lattice.abc)


def test_the_most_uncertain_structures_are_kept_for_labelling() -> None:
    problem = RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)
    strict = SETTINGS.model_copy(update={"max_energy_std": 0.01, "generations": 0})
    stds = [0.001, 0.02, 0.5, 0.03, 0.2]

    def relax(structures):
        found = relax_batch(structures, ToyPotential(), RELAXATION)
        return [replace(r, energy_std=stds[k % 5]) for k, r in enumerate(found)]

    strict = strict.model_copy(update={"population": 5})
    generations = [record_generation(g) for g in evolve(problem, relax, strict)]
    document = record_run(
        generations,
        problem,
        method="ann-1",
        device="cpu",
        parent_key="gamma-Li3PS4",
        settings=strict,
        relaxation=RELAXATION,
    )
    assert document.rejections["uncertain"] == 4
    assert [entry.energy_std for entry in document.uncertain] == [0.5, 0.2, 0.03]
    assert [entry.energy_std for entry in document.lowest] == [0.001]


@pytest.mark.parametrize("given", ["document", "itself", "file", "published"])
def test_a_search_takes_a_potential_however_it_is_named(
    parent, potential, model, tmp_path, monkeypatch, given
):
    monkeypatch.chdir(tmp_path)
    model.save("mine.safetensors")
    name = "Li-P-S-dynamics"
    asked, used = {
        "document": (potential, model),
        "itself": (model, model),
        "file": (str(tmp_path / "mine.safetensors"), model),
        "published": (name, ANNPotential.published(name)),
    }[given]
    maker = EvolutionMaker(
        settings=SETTINGS.model_copy(update={"population": 2, "generations": 1}),
        relaxation=RELAXATION,
    )
    response = run_alone(maker, parent, asked)
    assert response.output.method == f"ann-{used.identifier}"
    # and so does the flow of a composition
    plan = CompositionPlan(
        parent="gamma-Li3PS4",
        remove="Li2S",
        n_units=1,
        formula="Li4P2S7",
        target_atoms=16,
    )
    flow = SamplingFlowMaker(evolution=maker).make(parent, asked, plan)
    assert len(list(flow.iterflow())) == 2
