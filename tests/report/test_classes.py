"""Classes on the page: energies over x beside the plane, in either colouring."""

import pytest
from jobflow import JobStore

from lps_flows.analysis.shown_diagram import above_hull, in_region
from lps_flows.builders import read_results
from lps_flows.report.charts.classes import class_chart, region_chart
from lps_flows.schemas.results import Results
from tests.report import synthetic


@pytest.fixture(scope="module")
def results(built: JobStore) -> Results:
    return read_results(built, campaign=synthetic.CAMPAIGN)


def test_each_colouring_shows_every_structure_in_both_panels(results: Results) -> None:
    heights = above_hull(results.places, results.entries)
    assert heights
    expected = {
        "x": {place.structure_id for place, _ in heights},
        "x2": {place.structure_id for place in results.places},
    }
    chart, ways = class_chart(results.places, results.model, results.entries, "x")
    assert [way for way, _ in ways] == ["class", "nearest crystal"]
    for _, visible in ways:
        traces = [t for t, on in zip(chart.data, visible, strict=True) if on]
        for axis, ids in expected.items():
            shown = [t for t in traces[:-1] if (t.xaxis or "x") == axis]
            found = [identifier for t in shown for identifier in t.customdata]
            assert sorted(found) == sorted(ids)
        assert traces[-1].name == "reference crystals"


def test_the_chosen_composition_has_a_star(results: Results) -> None:
    place, above = next(
        pair
        for pair in in_region(results.places, results.entries, 30.0)
        if pair[0].source != "crystal"
    )
    verdict = results.candidates[0].model_copy(
        update={"chosen": True, "structure_id": place.structure_id, "x": place.x}
    )
    chart = region_chart(
        results.model,
        results.places,
        results.entries,
        30.0,
        along="x",
        candidates=[verdict],
    )
    (star,) = [trace for trace in chart.data if trace.name == "candidate"]
    assert (star.x, star.y) == ((place.x,), (pytest.approx(above, abs=1e-3),))
