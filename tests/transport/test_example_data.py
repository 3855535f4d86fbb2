"""The documents of a real run that the documentation shows."""

import json
from pathlib import Path

import pytest

from lps_flows.analysis.shown import shown_run
from lps_flows.analysis.transport import summarise_transport
from lps_flows.plotting import write_figures
from lps_flows.potential import ANNPotential
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.transport import TransportDocument

FOLDER = Path(__file__).parents[2] / "docs" / "data" / "conductivity"
LABELS = ("Li7P3S11", "beta-Li3PS4", "gc-Li42P16S61")


def plain(output):
    return {key: value for key, value in output.items() if key[0] != "@"}


@pytest.fixture(scope="module", params=LABELS)
def example(request):
    found = json.loads((FOLDER / f"{request.param}.json").read_text())
    document = TransportDocument.model_validate(plain(found["transport"]))
    runs = [MDRunDocument.model_validate(plain(run)) for run in found["runs"]]
    return document, runs


def test_runs_are_as_long_and_as_warm_as_stated(example):
    document, runs = example
    assert [run.temperature for run in runs] == [700.0, 900.0, 1200.0, 1500.0]
    for run in runs:
        assert run.failure is None
        assert run.equilibration == 5000
        assert run.production == pytest.approx(50_000, abs=run.frame_interval)
        # NVT: the mean within its error, the fluctuation canonical
        assert run.mean_temperature == pytest.approx(
            run.temperature, abs=3 * run.mean_temperature_error
        )
        assert run.temperature_fluctuation == pytest.approx(
            run.canonical_fluctuation, rel=0.15
        )
        assert run.method == document.method


def test_the_line_follows_from_the_runs(example):
    document, _ = example
    found = summarise_transport(
        [(run.temperature, run.D, run.interval) for run in document.runs if run.used],
        number_density=document.number_density,
        charge=1.0,
        reference_temperature=300.0,
    )
    assert found.fit.activation_energy == pytest.approx(document.activation_energy)
    assert found.conductivity == pytest.approx(document.conductivity)
    assert found.conductivity_interval == pytest.approx(document.conductivity_interval)


def test_other_estimators_agree(example):
    _, runs = example
    for run in runs:
        D = run.diffusion["Li"].D
        for other in run.cross_checks.values():
            assert other == pytest.approx(D, rel=0.4)


def test_its_figures_can_be_drawn_and_its_potential_read(example, tmp_path):
    document, runs = example
    by_job = {
        summary.run_uuid: run for summary, run in zip(document.runs, runs, strict=True)
    }
    shown = by_job[shown_run(document).run_uuid]
    voxel = shown.volume / shown.density.unpack().size
    assert shown.density.unpack().sum() * voxel == pytest.approx(
        shown.structure.composition["Li"], rel=1e-3
    )
    densities = {key: run for key, run in by_job.items() if run is shown}
    results = Results(transport=[document], densities=densities)
    assert len(write_figures(results, tmp_path, ("png",)).pictures) == 3
    potential = ANNPotential.published("Li-P-S-dynamics")
    assert document.method.endswith(potential.identifier)


def test_the_example_stays_small():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 5e6
