from pathlib import Path

import pytest
from jobflow import OutputReference

from lps_flows.chemistry import (
    CompositionLine,
    RemovalError,
    UnknownCrystalError,
    crystal,
)
from lps_flows.evolution import EvolutionSettings
from lps_flows.flows.sampling import CompositionPlan, ScanSettings
from lps_flows.jobs.lowest import lowest_of
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.settings import load_campaign

PAPER = Path(__file__).parents[2] / "workflows" / "paper.yaml"


@pytest.fixture(scope="module")
def settings():
    return load_campaign(PAPER)


@pytest.fixture(scope="module")
def searches(settings):
    """Jobs of the whole scan that search one composition each."""
    return [
        job
        for job, _ in settings.flow().iterflow()
        if job.metadata.get("stage") == "sampling" and job.name.startswith("evolve ")
    ]


def test_every_composition_of_the_paper_is_a_search_of_its_own(settings, searches):
    plans = settings.compositions()
    assert len(searches) == len(plans) == len({job.name for job in searches})
    assert len({plan.parent for plan in plans}) == 5
    assert {plan.remove for plan in plans} == {"Li2S", "P2S5"}
    for plan, job in zip(plans, searches, strict=True):
        assert job.metadata["composition"] == plan.formula
        assert job.metadata["parent"] == plan.parent


def test_compositions_wait_only_for_their_parent_and_the_potential(searches):
    own = {job.uuid for job in searches}
    waits = [set(job.input_uuids) for job in searches]
    assert all(len(uuids) == 2 and not uuids & own for uuids in waits)
    potential = set.intersection(*waits)
    assert len(potential) == 1
    parents = {
        (job.metadata["parent"], *(uuids - potential))
        for job, uuids in zip(searches, waits, strict=True)
    }
    assert len(parents) == 5


def test_searches_hand_on_as_many_as_the_reference_engine_relaxes(settings):
    assert settings.maker().sampling.evolution.settings.n_lowest >= 10
    lowest = settings.sampling.lowest.model_copy(update={"n_lowest": 25})
    sampling = settings.sampling.model_copy(update={"lowest": lowest})
    maker = settings.model_copy(update={"sampling": sampling}).maker()
    assert maker.sampling.evolution.settings.n_lowest == 25


def test_scans_know_their_compositions_before_anything_runs():
    scan = ScanSettings(parent="beta-Li3PS4", remove="Li2S", n_units=(3,))
    ((n_units, formula, x),) = scan.compositions(CompositionLine())
    assert (n_units, formula) == (3, "Li42P16S61")
    assert x == pytest.approx(42 / 58)


def test_scans_may_leave_the_line():
    scan = ScanSettings(parent="beta-Li3PS4", remove={"S": 1}, n_units=(3,))
    assert scan.compositions(CompositionLine()) == [(3, "Li48P16S61", None)]
    assert ScanSettings.model_validate(scan.model_dump(mode="json")) == scan


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"n_units": (25,)}, RemovalError),
        ({"remove": "Li3P"}, RemovalError),
        ({"remove": {"Cl": 1}}, RemovalError),
        ({"parent": "Li9PS9"}, UnknownCrystalError),
    ],
)
def test_impossible_scans_are_refused(change, error):
    base = {"parent": "beta-Li3PS4", "remove": "Li2S", "n_units": (1,)}
    with pytest.raises(error):
        ScanSettings(**base | change).compositions(CompositionLine())


def test_every_composition_is_searched_from_two_seeds(settings):
    flow = settings.maker().sampling.make(
        OutputReference("parent"),
        OutputReference("potential"),
        CompositionPlan(
            parent="beta-Li3PS4",
            remove="Li2S",
            n_units=3,
            formula="Li42P16S61",
            target_atoms=128,
        ),
    )
    first, second, lowest = flow.jobs
    assert first.maker.settings.seed + 1 == second.maker.settings.seed
    assert second.name == "seed 1, evolve Li42P16S61 from beta-Li3PS4"
    assert {first.uuid, second.uuid} <= set(lowest.input_uuids)


def _found(structure, energy):
    return StructureDocument.of(
        structure,
        energy * len(structure),
        Provenance(source="ga", parent="beta-Li3PS4"),
        method="ann-1",
        line=CompositionLine(),
        relaxed=True,
    )


def _search(entries, *energies):
    search = EvolutionDocument.model_construct(
        settings=EvolutionSettings().model_dump(),
        formula_pretty="Li3PS4",
        generations=[],
        lowest=entries,
    )
    search.best_energy_per_atom = min(energies)
    return search


def test_the_lowest_of_two_searches_are_distinct():
    beta, gamma = crystal("beta-Li3PS4"), crystal("gamma-Li3PS4")
    moved = beta.copy()
    moved.translate_sites(range(len(moved)), [0.1, 0.2, 0.3])  # the same structure
    first = _search([_found(beta, -4.0), _found(gamma, -3.9)], -4.0, -3.9)
    second = _search([_found(moved, -4.0005)], -4.0005)
    lowest = lowest_of([first, second], 10)
    assert [e.energy_per_atom for e in lowest] == pytest.approx([-4.0005, -3.9])
    assert len(lowest_of([first, second], 1)) == 1
    assert lowest_of([first], 1) == first.lowest[:1]
