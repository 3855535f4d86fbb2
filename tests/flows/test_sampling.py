from pathlib import Path

import pytest

from lps_flows.chemistry import CompositionLine, RemovalError, UnknownCrystalError
from lps_flows.flows.sampling import ScanSettings
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


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"n_units": (25,)}, RemovalError),
        ({"remove": "Li3P"}, RemovalError),
        ({"parent": "Li9PS9"}, UnknownCrystalError),
    ],
)
def test_impossible_scans_are_refused(change, error):
    base = {"parent": "beta-Li3PS4", "remove": "Li2S", "n_units": (1,)}
    with pytest.raises(error):
        ScanSettings(**base | change).compositions(CompositionLine())
