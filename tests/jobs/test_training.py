"""Training, picking the uncertain, and comparing with the reference, as jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from jobflow import Flow, Job, JobStore, OnMissing, OutputReference, run_locally
from maggma.stores import MemoryStore
from monty.json import MontyDecoder
from pymatgen.core import Structure

from lps_flows.chemistry import crystal, full_formula
from lps_flows.engines import Engine
from lps_flows.flows.potential import RetrainFlowMaker
from lps_flows.jobs.lowest import LowestSettings, compare_energies
from lps_flows.jobs.reference import LabelMaker
from lps_flows.jobs.training import (
    TrainingMaker,
    TrainingSetError,
    dataset_hash,
    gather,
)
from lps_flows.jobs.uncertainty import (
    ActiveLearningSettings,
    EnoughSettings,
    UncertainStructuresMaker,
)
from lps_flows.potential import ANNPotential, TrainingSettings
from lps_flows.potential import training as training_module
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure
from tests.engines.stub import stub_engine
from tests.potential.toy import random_potential
from tests.toy_potential import ToyPotential

TINY = TrainingSettings(
    descriptor={"radial_cutoff": 4.0, "radial_order": 4, "angular_order": 2},
    hidden=(4,),
    restarts=2,
    iterations=15,
    seed=1,
    max_force=None,  # the toy is stiff
)
TOY = ToyPotential()


def document(
    structure: Structure,
    *,
    method: str = "toy",
    converged: bool = True,
    group: str = "g",
) -> StructureDocument:
    result = TOY.evaluate([structure])[0]
    return StructureDocument(
        method=method,
        provenance=Provenance(source="rattled", parent="gamma-Li3PS4", group=group),
        structure=structure,
        formula=full_formula(structure),
        chemsys=structure.composition.chemical_system,
        nsites=len(structure),
        energy=result.energy,
        energy_per_atom=result.energy / len(structure),
        forces=result.forces.tolist(),
        relaxed=False,
        converged=converged,
    )


def rattled(n: int, amplitude: float = 0.1, seed: int = 0) -> list[StructureDocument]:
    rng = np.random.default_rng(seed)
    found = []
    for index in range(n):
        structure = crystal("gamma-Li3PS4").copy()
        shifts = rng.normal(scale=amplitude, size=(len(structure), 3))
        structure = Structure(
            structure.lattice,
            structure.species,
            structure.cart_coords + shifts,
            coords_are_cartesian=True,
        )
        found.append(document(structure, group=f"g{index}"))
    return found


def as_set(documents: list[StructureDocument]) -> StructureSet:
    return StructureSet(method="toy", n_structures=len(documents), entries=documents)


@pytest.fixture
def store() -> JobStore:
    return JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})


def test_training_job_writes_a_usable_potential(
    store: JobStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    entries = rattled(12)
    job = TrainingMaker(settings=TINY).make([as_set(entries[:10]), *entries[10:], None])
    job.config.on_missing_references = OnMissing.NONE
    out = run_locally(
        job, store=store, log=False, root_dir=tmp_path_factory.mktemp("run")
    )[job.uuid][1].output
    assert out.n_structures == 12
    assert out.reference_method == "toy"
    assert out.device == "cpu"
    assert out.dataset_hash == dataset_hash(entries)
    assert out.n_members == TINY.restarts
    potential = ANNPotential.from_dict(out.potential)
    assert out.method == f"ann-{potential.identifier}"
    predicted = [potential.evaluate(e.structure).energy / e.nsites for e in entries]
    np.testing.assert_allclose(predicted, out.parity["predicted"], rtol=0, atol=1e-12)
    held = [s == "validation" for s in out.parity["split"]]
    errors = 1000 * (np.array(predicted) - out.parity["reference"])
    assert out.validation.rmse == pytest.approx(np.sqrt(np.mean(errors[held] ** 2)))
    # Weights are big: they belong to the data store, not to the document.
    stored = store.query_one({"uuid": job.uuid}, load=False)
    assert "blob_uuid" in stored["output"]["potential"]


def test_a_frame_with_outsized_forces_is_counted_and_not_shown(
    store: JobStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    calm = rattled(12)
    wild = calm[4].model_copy(update={"forces": [[99.0, 0.0, 0.0]] * calm[4].nsites})
    largest = max(np.linalg.norm(e.forces, axis=1).max() for e in calm)
    settings = TINY.model_copy(update={"max_force": float(largest) + 1.0})
    job = TrainingMaker(settings=settings).make([as_set([*calm[:4], wild, *calm[5:]])])
    out = run_locally(
        job, store=store, log=False, root_dir=tmp_path_factory.mktemp("run")
    )[job.uuid][1].output
    assert (out.n_structures, out.n_left_out) == (12, 1)
    assert {len(values) for values in out.parity.values()} == {11}
    assert out.by_source["rattled (left out)"].n_structures == 1


def test_same_set_and_settings_give_the_previous_potential_back(
    store: JobStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    maker = TrainingMaker(settings=TINY)
    first = maker.make([as_set(rattled(12))])
    again = maker.make([as_set(rattled(12))], previous=first.output)
    more = maker.make(
        [as_set(rattled(12)), as_set(rattled(1, seed=9))], previous=first.output
    )
    responses = run_locally(
        Flow([first, again, more]),
        store=store,
        log=False,
        ensure_success=True,
        root_dir=tmp_path_factory.mktemp("run"),
    )
    method = [responses[job.uuid][1].output.method for job in (first, again, more)]
    assert method[0] == method[1] != method[2]
    assert responses[more.uuid][1].output.n_structures == 13


def test_the_same_set_is_trained_on_again_with_other_settings() -> None:
    train = TrainingMaker.make.original
    known = as_set(rattled(12))
    first = train(TrainingMaker(settings=TINY), [known])
    assert train(TrainingMaker(settings=TINY), [known], first) is first
    other = TINY.model_copy(update={"seed": TINY.seed + 1})
    again = train(TrainingMaker(settings=other), [known], first)
    assert again.method != first.method
    assert again.settings["seed"] == TINY.seed + 1


def test_mixed_methods_are_refused() -> None:
    entries = rattled(2)
    other = document(entries[0].structure, method="another")
    with pytest.raises(TrainingSetError, match="another"):
        gather([as_set(entries), other])


def test_unconverged_and_missing_entries_are_left_out() -> None:
    good, bad = rattled(2)
    unconverged = bad.model_copy(update={"converged": False})
    assert gather([None, as_set([good, unconverged])]) == [good]
    with pytest.raises(TrainingSetError, match="no converged"):
        gather([None, as_set([unconverged])])


def picked_from(
    store: JobStore,
    folder: Path,
    documents: list[StructureDocument],
    settings: ActiveLearningSettings,
) -> UnlabelledSet:
    """Return what a potential trained on small rattles picks of others."""
    # two networks this small may agree by chance
    four = TINY.model_copy(update={"restarts": 4})
    train = TrainingMaker(settings=four).make([as_set(rattled(12))])
    pick = UncertainStructuresMaker(settings=settings).make(
        train.output, [as_set(documents), None]
    )
    flow = Flow([train, pick])
    responses = run_locally(
        flow, store=store, log=False, ensure_success=True, root_dir=folder
    )
    found: UnlabelledSet = responses[pick.uuid][1].output
    return found


def test_the_most_uncertain_structures_come_first(
    store: JobStore, tmp_path: Path
) -> None:
    near, far = rattled(4, 0.02, seed=3), rattled(4, 0.2, seed=4)
    settings = ActiveLearningSettings(n_structures=3, min_energy_std=0.0)
    picked = picked_from(store, tmp_path, [*near, *far], settings)
    stds = [entry.provenance.details["energy_std"] for entry in picked.entries]
    assert picked.n_structures == 3
    assert stds == sorted(stds, reverse=True)
    coordinates = [entry.structure.frac_coords.tolist() for entry in picked.entries]
    assert all(
        c not in [e.structure.frac_coords.tolist() for e in near] for c in coordinates
    )


def test_the_lowest_of_every_search_come_first_and_none_twice() -> None:
    potential = PotentialDocument.model_construct(
        potential=random_potential(hidden=(3,), members=2).as_dict()
    )
    searches = [
        EvolutionDocument.model_construct(
            formula_pretty="Li3PS4",
            generations=[],
            lowest=found,
            uncertain=found[1:2],
        )
        for found in (rattled(3, 0.05, seed=1), rattled(3, 0.05, seed=2))
    ]

    def picked(n_structures: int, n_lowest: int) -> list[list[list[float]]]:
        settings = ActiveLearningSettings(
            n_structures=n_structures,
            min_energy_std=0.0,
            enough=EnoughSettings(n_lowest=n_lowest),
        )
        maker = UncertainStructuresMaker(settings=settings)
        found = UncertainStructuresMaker.make.original(maker, potential, searches)
        judged = ["ann_energy" in e.provenance.details for e in found.entries]
        assert sum(judged) == min(2 * n_lowest, n_structures)
        return [entry.structure.frac_coords.tolist() for entry in found.entries]

    ranked = [
        search.lowest[rank].structure.frac_coords.tolist()
        for rank in range(3)
        for search in searches
    ]
    assert picked(3, 2) == ranked[:3]
    everything = picked(9, 2)
    assert sorted(everything) == sorted(ranked)


def test_the_lowest_of_a_search_gets_no_label_where_its_atoms_nearly_touch() -> None:
    first, second, third = rattled(3, 0.05, seed=1)
    squeezed = first.structure.copy().scale_lattice(0.2 * first.structure.volume)
    touching = first.model_copy(update={"structure": squeezed})
    search = EvolutionDocument.model_construct(
        formula_pretty="Li3PS4",
        generations=[],
        lowest=[touching, second, third],
        uncertain=[],
    )
    maker = UncertainStructuresMaker(
        settings=ActiveLearningSettings(
            n_structures=2, min_energy_std=1e9, enough=EnoughSettings(n_lowest=2)
        )
    )
    potential = PotentialDocument.model_construct(
        potential=random_potential(hidden=(3,), members=2).as_dict()
    )
    found = UncertainStructuresMaker.make.original(maker, potential, [search])
    assert [e.structure for e in found.entries] == [second.structure, third.structure]


def test_structures_whose_atoms_nearly_touch_get_no_label(
    store: JobStore, tmp_path: Path
) -> None:
    apart, touching = rattled(2, 0.02, seed=3)
    squeezed = touching.structure.scale_lattice(0.2 * touching.structure.volume)
    both = [apart, touching.model_copy(update={"structure": squeezed})]
    settings = ActiveLearningSettings(n_structures=2)
    (picked,) = picked_from(store, tmp_path, both, settings).entries
    assert picked.structure.volume == pytest.approx(apart.structure.volume)


def test_nothing_is_picked_where_all_atoms_touch(
    store: JobStore, tmp_path: Path
) -> None:
    touching = rattled(1)[0]
    squeezed = touching.structure.scale_lattice(0.2 * touching.structure.volume)
    documents = [touching.model_copy(update={"structure": squeezed})]
    settings = ActiveLearningSettings(n_structures=2)
    assert picked_from(store, tmp_path, documents, settings).entries == []


def test_a_rerun_of_a_killed_job_goes_on(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = TrainingMaker(settings=TINY).make([as_set(rattled(12))])
    straight = TrainingMaker(settings=TINY).make.original(
        TrainingMaker(settings=TINY), [as_set(rattled(12))]
    )
    store.connect()
    honest, calls = training_module._evaluator, []

    def killed_after(most: int) -> None:
        def make(*arguments: object) -> object:
            evaluate = honest(*arguments)

            def wrapped(members: list[int], points: np.ndarray) -> object:
                calls.append(members)
                if len(calls) > most:
                    raise KeyboardInterrupt
                return evaluate(members, points)

            return wrapped

        monkeypatch.setattr(training_module, "_evaluator", make)

    for launch, most in (("launcher_1", 9), ("launcher_2", 1000)):
        (tmp_path / launch).mkdir()
        monkeypatch.chdir(tmp_path / launch)
        calls.clear()
        killed_after(most)
        if most == 9:
            with pytest.raises(KeyboardInterrupt):
                job.run(store)
        else:
            output = job.run(store).output
    evaluations = max(len(r.training) for r in straight.restarts)
    assert len(calls) <= evaluations
    assert output.method == straight.method
    assert not list(tmp_path.glob("*.record"))


def lj_labels(engine: Engine, documents: list[StructureDocument]) -> StructureSet:
    entries = [
        UnlabelledStructure(structure=d.structure, provenance=d.provenance)
        for d in documents
    ]
    maker = LabelMaker(engine=engine, per_job=len(entries))
    return LabelMaker.make.original(maker, entries)


def pool_error(document: PotentialDocument, pool: StructureSet) -> float:
    """Return the RMSE over a labelled pool (meV/atom)."""
    found = ANNPotential.from_dict(document.potential).evaluate(
        [entry.structure for entry in pool.entries]
    )
    misses = [
        1000 * (a.energy - b.energy) / b.nsites
        for a, b in zip(found, pool.entries, strict=True)
    ]
    return float(np.sqrt(np.mean(np.square(misses))))


@pytest.fixture
def rounds(
    store: JobStore, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[StructureSet, list[PotentialDocument], list[StructureSet]]]:
    """Return a function that runs rounds of active learning on a pool of cells."""
    engine = stub_engine()
    start = lj_labels(engine, rattled(12, 0.03))
    pool = lj_labels(engine, rattled(24, 0.1, seed=5))

    def run(
        n: int, picking: ActiveLearningSettings
    ) -> tuple[StructureSet, list[PotentialDocument], list[StructureSet]]:
        training = TrainingMaker(settings=TINY)
        first = training.make([start])
        jobs: list[Job | Flow] = [first]
        potentials, added = [first.output], []
        maker = RetrainFlowMaker(
            pick=UncertainStructuresMaker(settings=picking),
            label=LabelMaker(engine=engine),
            training=training,
        )
        for _ in range(n):
            again = maker.make(potentials[-1], [start, *added], [pool])
            jobs.append(again)
            potentials.append(again.output["potential"])
            added.append(again.output["labelled"])
        run_locally(
            Flow(jobs),
            store=store,
            log=False,
            ensure_success=True,
            root_dir=tmp_path_factory.mktemp("run"),
        )

        def read(reference: OutputReference) -> object:
            output = store.get_output(reference.uuid, load=True)
            return MontyDecoder().process_decoded(output)

        return pool, [read(p) for p in potentials], [read(a) for a in added]

    return run


def test_active_learning_labels_retrains_and_gets_better(rounds: Callable) -> None:
    picking = ActiveLearningSettings(n_structures=5, min_energy_std=0.0)
    pool, potentials, added = rounds(2, picking)
    assert [p.n_structures for p in potentials] == [12, 17, 22]
    assert len({p.dataset_hash for p in potentials}) == 3
    assert [a.n_structures for a in added] == [5, 5]
    assert all(a.method == "stub-lj" for a in added)
    stds = [e.provenance.details["energy_std"] for e in added[0].entries]
    assert stds == sorted(stds, reverse=True)
    labels = np.array([entry.energy for entry in pool.entries])
    for entry in [e for a in added for e in a.entries]:
        assert np.abs(labels - entry.energy).min() < 1e-8
    errors = [pool_error(p, pool) for p in potentials]
    assert errors[2] < 0.5 * errors[0]


def test_a_training_that_goes_on_is_judged_by_what_is_new() -> None:
    warm = TrainingMaker(settings=TINY.model_copy(update={"warm_iterations": 5}))
    train = TrainingMaker.make.original
    known, new = as_set(rattled(12)), as_set(rattled(4, 0.1, seed=5))
    first = train(warm, [known])
    again = train(warm, [known, new], first)
    assert [s == "validation" for s in again.parity["split"]].index(True) >= 12


def test_active_learning_ends_when_nothing_is_uncertain(rounds: Callable) -> None:
    _, potentials, added = rounds(1, ActiveLearningSettings(min_energy_std=1e6))
    assert added[0].n_structures == 0
    assert potentials[1].method == potentials[0].method


def _compare(
    reference: list[float | None],
    ann: list[float],
    stds: list[float | None],
    best: Sequence[float] = (),
) -> object:
    base = rattled(1)[0]
    relaxed = [
        None
        if energy is None
        else base.model_copy(update={"energy_per_atom": energy, "method": "ref"})
        for energy in reference
    ]
    return compare_energies.original(
        relaxed,
        structure_uuids=[str(k) for k in range(len(ann))],
        method="ref",
        potential_method="ann-x",
        provenance=Provenance(source="ga", parent="p", removed="Li2S", n_removed=1),
        formula="Li4P2S7",
        x=2 / 3,
        ann_energies=ann,
        ann_stds=stds,
        best_energies=list(best),
        still_falling=False,
        settings=LowestSettings(),
    )


def test_comparison_reports_error_and_order() -> None:
    good = _compare([-4.0, -3.9, -3.7], [-4.01, -3.92, -3.69], [0.001] * 3)
    assert good.mean_absolute_error == pytest.approx(40 / 3)
    assert good.rank_correlation == pytest.approx(1.0)
    assert not good.needs_active_learning
    wrong_order = _compare([-3.7, -3.9, -4.0], [-4.0, -3.9, -3.7], [None] * 3)
    assert wrong_order.rank_correlation == pytest.approx(-1.0)
    assert wrong_order.needs_active_learning
    uncertain = _compare([-4.0, -3.9, -3.7], [-4.0, -3.9, -3.7], [0.5, 0.0, 0.0])
    assert uncertain.needs_active_learning


def test_searches_of_one_composition_tell_their_error_by_their_spread() -> None:
    three = _compare([-4.0], [-4.0], [None], best=[-4.1, -4.3, -4.2])
    assert three.search_error == pytest.approx(0.2)
    assert _compare([-4.0], [-4.0], [None], best=[-4.1]).search_error is None


def test_comparison_survives_failed_relaxations() -> None:
    some = _compare([None, -3.9], [-4.0, -3.8], [None, None])
    assert some.reference_energies == [None, -3.9]
    assert some.mean_absolute_error == pytest.approx(100.0)
    assert some.rank_correlation is None
    none = _compare([None], [-4.0], [None])
    assert none.mean_absolute_error is None
