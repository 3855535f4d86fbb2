"""Conductivity over composition: methods apart, trusted told from untrusted."""

from __future__ import annotations

import csv
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from jobflow import JobStore

from lps_flows.analysis.conductivity_map import largest_comparison
from lps_flows.builders import build_all, read_results
from lps_flows.chemistry import CompositionLine, crystal, full_formula
from lps_flows.jobs.outputs import outputs
from lps_flows.plotting import NothingToPlotError, conductivity_map_figure
from lps_flows.plotting.captions import conductivity_map_caption
from lps_flows.report.blocks import Table
from lps_flows.report.charts.conductivity_map import conductivity_map_chart
from lps_flows.report.hull_table import hull_downloads
from lps_flows.report.sections.candidates import candidate_section
from lps_flows.report.sections.transport import transport_section
from lps_flows.report.sheet import candidate_table
from lps_flows.report.values import conductivity_values, map_downloads
from lps_flows.schemas.conductivity_map import ConductivityMapDocument
from lps_flows.schemas.selection import SelectedStructure, SelectionDocument
from lps_flows.schemas.transport import (
    RunSummary,
    TransportDocument,
    TransportRecord,
)
from tests.builders.toy_campaign import CAMPAIGN, METHOD, SETTINGS, fill, put, read

mpl.use("Agg")
MD = "toy-md"


def transport(
    label: str,
    sigma: float | None,
    *,
    method: str = MD,
    survived: bool | None = True,
    energy: float = 0.25,
) -> TransportDocument:
    """Return a conductivity (S/cm); the structure within does not matter here."""
    structure = crystal("beta-Li3PS4")
    runs = [
        RunSummary(
            run_uuid=f"run {T}",
            temperature=T,
            production=1e5,
            D=1e-5,
            interval=(8e-6, 1.2e-5),
            used=sigma is not None,
            reason="",
            framework_survived=survived if T > 1000 else True,
        )
        for T in (700.0, 900.0, 1200.0)
    ]
    return TransportDocument(
        method=method,
        label=label,
        structure=structure,
        formula=full_formula(structure),
        x=0.75,
        n_atoms=len(structure),
        mobile="Li",
        number_density=0.02,
        runs=runs,
        activation_energy=None if sigma is None else energy,
        conductivity=sigma,
        conductivity_interval=None if sigma is None else (sigma / 2, 2 * sigma),
        framework_survived=survived,
    )


def run_dynamics(
    store: JobStore, chosen: dict[str, tuple[str, TransportDocument]], second: int = 0
) -> None:
    """Store conductivities and the selection that names their structures' jobs."""
    selected = [
        SelectedStructure(
            label=document.label,
            reason="along the line",
            structure_uuid=structure_uuid,
            transport_uuid=put(store, name, document, second=second),
        )
        for name, (structure_uuid, document) in chosen.items()
    ]
    document = SelectionDocument(method=METHOD, criteria=[], selected=selected)
    put(store, f"select {sorted(chosen)}", document)


def _filled(store: JobStore) -> tuple[JobStore, dict[str, str]]:
    """Fill a store with dynamics of six structures, of one by two methods."""
    uuids = fill(store, glasses=2)
    chosen = {
        "md beta": ("beta-Li3PS4", transport("beta-Li3PS4", 0.014)),
        "md gc": ("beta-Li3PS4-1-0", transport("gc-a", 0.033)),
        "md broken": ("beta-Li3PS4-2-0", transport("gc-b", 1.3, survived=False)),
        "md none": ("Li7P3S11-1-0", transport("gc-c", None)),
        "md cooling": ("gamma-Li3PS4-1-0", transport("gc-d", 0.2, energy=-0.1)),
        "md off": ("Li2PS3", transport("Li2PS3", 0.5)),
        "aimd gc": ("beta-Li3PS4-1-0", transport("gc-a", 0.9, method="aimd")),
    }
    run_dynamics(store, {k: (uuids[s], d) for k, (s, d) in chosen.items()})
    build_all(store, SETTINGS)
    return store, uuids


@pytest.fixture(scope="module")
def mapped(module_job_store: JobStore) -> tuple[JobStore, dict[str, str]]:
    return _filled(module_job_store)


def _by_method(store: JobStore) -> dict[str, ConductivityMapDocument]:
    maps = map(ConductivityMapDocument.from_store, read(store, "conductivity_maps"))
    return {document.dynamics_method: document for document in maps}


def test_composition_parent_and_class_stand_beside_conductivity(
    mapped: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = mapped
    document = _by_method(store)[MD]
    assert (document.method, document.reference_temperature) == (METHOD, 300.0)
    assert [p.x for p in document.points] == sorted(p.x for p in document.points)
    points = {p.structure_id: p for p in document.points}
    assert uuids["Li2PS3"] not in points  # off the line
    glass = points[uuids["beta-Li3PS4-1-0"]]
    (structure,) = read(store, "structures", structure_id=glass.structure_id)
    (place,) = read(store, "clusters", structure_id=glass.structure_id, element="Li")
    assert glass.x == structure["x"] < 0.75
    assert (glass.source, glass.parent) == ("ga", "beta-Li3PS4")
    assert (glass.class_label, glass.nearest) == (place["label"], place["nearest"])
    assert glass.conductivity == 0.033
    assert points[uuids["beta-Li3PS4"]].source == "crystal"


def test_what_is_not_trusted_says_why(mapped: tuple[JobStore, dict[str, str]]) -> None:
    store, _ = mapped
    points = {p.label: p for p in _by_method(store)[MD].points}
    trusted = {label for label, point in points.items() if point.trusted}
    assert trusted == {"beta-Li3PS4", "gc-a"}
    assert points["gc-b"].why_not == "the framework broke at 1200 K"
    assert points["gc-c"].why_not == "no Arrhenius line: 0 of 3 runs could be used"
    assert "does not rise with temperature" in points["gc-d"].why_not
    assert not any(points[label].why_not for label in trusted)


def test_methods_of_the_dynamics_are_never_mixed(
    mapped: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = mapped
    maps = _by_method(store)
    assert set(maps) == {MD, "aimd"}
    assert [p.conductivity for p in maps["aimd"].points] == [0.9]
    known = {
        verdict["structure_id"]: verdict["conductivity"]
        for verdict in read(store, "candidates")
    }
    # the one by most structures ranks
    assert known[uuids["beta-Li3PS4-1-0"]] == 0.033
    # and a verdict says whether its conductivity may
    trusted = {
        verdict["structure_id"]: verdict["conductivity_trusted"]
        for verdict in read(store, "candidates")
        if verdict["conductivity"] is not None
    }
    glasses = {uuids[f"{name}-0"]: name for name in ("beta-Li3PS4-1", "beta-Li3PS4-2")}
    assert {glasses.get(name, name): can for name, can in trusted.items()} == {
        "beta-Li3PS4-1": True,
        "beta-Li3PS4-2": False,
    }
    # the bench reads of the same one
    results = read_results(store)
    (judged,) = [c for c in results.candidates if c.conductivity == 0.033]
    facts = dict(candidate_table(results, judged, {}).rows)
    assert facts["it rests on"].startswith(f"32 atoms by {MD} at 700, 900, 1200 K")


def test_maps_are_made_again_only_when_something_changed(job_store: JobStore) -> None:
    store, uuids = _filled(job_store)
    before = read(store, "conductivity_maps")
    assert build_all(store, SETTINGS)["ConductivityMapBuilder"] == 0
    assert read(store, "conductivity_maps") == before
    # a second run of one structure: the newer one counts
    again = transport("gc-a", 0.04)
    run_dynamics(store, {"md gc 2": (uuids["beta-Li3PS4-1-0"], again)}, second=9)
    assert build_all(store, SETTINGS)["ConductivityMapBuilder"] == 1
    points = {p.label: p for p in _by_method(store)[MD].points}
    assert points["gc-a"].conductivity == 0.04
    # and one that is not trusted does not stand in for one that is
    broken = transport("gc-a", 1.2, survived=False)
    run_dynamics(store, {"md gc 3": (uuids["beta-Li3PS4-1-0"], broken)}, second=12)
    build_all(store, SETTINGS)
    points = {p.label: p for p in _by_method(store)[MD].points}
    assert points["gc-a"].conductivity == 0.04
    store.remove_docs({"output.@class": "TransportDocument", "output.method": "aimd"})
    build_all(store, SETTINGS)
    assert set(_by_method(store)) == {MD}


def test_figures_tell_trusted_values_from_others(
    mapped: tuple[JobStore, dict[str, str]],
) -> None:
    store, _ = mapped
    results = read_results(store)
    assert len(results.conductivity_maps) == 2
    (document,) = [m for m in results.conductivity_maps if m.dynamics_method == MD]
    figure = conductivity_map_figure([document], results.line)
    (axes,) = figure.axes
    faces = [c.lines[0].get_markerfacecolor() for c in axes.containers]
    assert len(faces) == 4  # one has no conductivity
    assert faces.count("white") == 2
    assert axes.get_yscale() == "log"
    assert "300 K (mS" in axes.get_ylabel()
    assert "not trusted" in {t.get_text() for t in axes.get_legend().get_texts()}
    assert sum("class" in t.get_text() for t in axes.texts) == 4
    plt.close(figure)
    with pytest.raises(NothingToPlotError):
        conductivity_map_figure([], CompositionLine())
    chart = conductivity_map_chart(document, results.line.end_members)
    shown = {y: t.marker.symbol for t in chart.data for y in t.y}
    assert sorted(shown) == pytest.approx([14.0, 33.0, 200.0, 1300.0])
    opened = [y for y, symbol in shown.items() if symbol.endswith("-open")]
    assert sorted(opened) == pytest.approx([200.0, 1300.0])
    caption = conductivity_map_caption([document])
    assert "stayed intact (2)" in caption
    assert "want of an Arrhenius line: 1." in caption


def test_section_and_csv_hold_every_structure(
    mapped: tuple[JobStore, dict[str, str]],
) -> None:
    store, _ = mapped
    results = read_results(store)
    section = transport_section(results.transport, results.conductivity_maps)
    tables = [b for b in section.blocks if getattr(b, "caption", "").startswith(
        "Conductivity over x by")]  # fmt: skip
    assert sorted(len(table.rows) for table in tables) == [1, 5]
    (file,) = map_downloads(results.conductivity_maps)
    header, *rows = file.content.decode().splitlines()
    names = header.split(",")
    assert {"conductivity (mS/cm)", "activation_energy (eV)", "x"} <= set(names)
    assert len(rows) == 6
    by_label = {row.split(",")[names.index("label")]: row.split(",") for row in rows}
    assert by_label["gc-b"][names.index("trusted")] == "False"
    assert float(by_label["gc-b"][names.index("conductivity (mS/cm)")]) == 1300.0
    assert map_downloads([]) == []


def test_poor_conductors_keep_their_digits(
    mapped: tuple[JobStore, dict[str, str]],
) -> None:
    """They came out as 0.0: 4.2e-10 S/cm of gamma-Li3PS4, say."""
    store, _ = mapped
    results = read_results(store)
    maps = [
        each.model_copy(
            update={
                "points": [
                    point.model_copy(update={"conductivity": 4.23456e-10})
                    for point in each.points
                ]
            }
        )
        for each in results.conductivity_maps
    ]
    (file,) = map_downloads(maps)
    rows = list(csv.DictReader(file.content.decode().splitlines()))
    assert {float(row["conductivity (mS/cm)"]) for row in rows} == {4.23456e-7}
    for sigma, shown in ((3.4e-5, "0.034"), (4.23456e-10, "4.23e-07")):
        known = {"conductivity": sigma, "conductivity_temperature": 300.0}
        known |= {"conductivity_trusted": True}
        poor = [verdict.model_copy(update=known) for verdict in results.candidates]
        table = candidate_section(poor, []).blocks[0]
        assert isinstance(table, Table)
        assert {row[-1] for row in table.rows} == {shown}
        files = hull_downloads(replace(results, candidates=poor))
        (file,) = [file for file in files if file.name == "candidates.csv"]
        rows = list(csv.DictReader(file.content.decode().splitlines()))
        (found,) = {float(row["conductivity at 300 K (mS/cm)"]) for row in rows}
        assert found == pytest.approx(1000 * sigma)


def test_conductivities_say_at_which_temperature_they_are(
    job_store: JobStore,
) -> None:
    """Whatever the temperature, they stood there as at 300 K, beside measured ones."""
    uuids = fill(job_store, glasses=2)
    hot = transport("gc-a", 0.5)
    hot = hot.model_copy(update={"reference_temperature": 400.0})
    known = transport("beta-Li3PS4", 0.6)
    known = known.model_copy(update={"reference_temperature": 400.0})
    chosen = {
        "md gc": (uuids["beta-Li3PS4-1-0"], hot),
        "md beta": (uuids["beta-Li3PS4"], known),
    }
    run_dynamics(job_store, chosen)
    build_all(job_store, SETTINGS)
    results = read_results(job_store)
    title = "conductivity at 400 K (mS/cm)"
    verdicts = candidate_section(results.candidates, []).blocks[0]
    assert isinstance(verdicts, Table)
    assert verdicts.header[-1] == title
    (file,) = [f for f in hull_downloads(results) if f.name == "candidates.csv"]
    assert f",{title}," in file.content.decode()
    table, more, *_ = transport_section(results.transport).blocks
    assert isinstance(table, Table)
    assert isinstance(more, Table)
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert {row[title] for row in rows} > {"500 (250 to 1,000)", "600 (300 to 1,200)"}
    # what is known at room temperature does not stand beside it
    assert {row["paper (mS/cm)"] for row in rows} == {"-"}
    assert "0.236" in {row["paper (eV)"] for row in rows}
    place = more.header.index("measured (mS/cm)")
    assert {row[place] for row in more.rows} == {"-"}
    (file,) = conductivity_values(results.transport)
    ours = [
        row["quantity"]
        for row in csv.DictReader(file.content.decode().splitlines())
        if row["unit"] == "mS/cm"
    ]
    assert ours == ["ionic conductivity at 400 K"] * 2
    mixed = transport_section([results.transport[0], transport("gc-b", 0.1)]).blocks[0]
    assert isinstance(mixed, Table)
    place = mixed.header.index("conductivity (mS/cm)")
    assert {row[place].rpartition(" at ")[2] for row in mixed.rows[:2]} == {
        "400 K",
        "300 K",
    }


def test_dynamics_off_the_line_alone_make_no_map(job_store: JobStore) -> None:
    uuids = fill(job_store, glasses=1)
    run_dynamics(job_store, {"md off": (uuids["Li2PS3"], transport("Li2PS3", 0.5))})
    build_all(job_store, SETTINGS)
    assert len(read(job_store, "transport")) == 1
    assert read(job_store, "conductivity_maps") == []


def test_a_job_that_ran_again_counts_though_its_number_is_the_same(
    job_store: JobStore,
) -> None:
    """The framework broke this time: the value stays, and may not rank any more."""
    uuids = fill(job_store, glasses=1)
    glass = uuids["beta-Li3PS4-1-0"]
    for second, survived in ((0, True), (9, False)):
        moved = transport("gc-a", 0.033, survived=survived)
        run_dynamics(job_store, {"md gc": (glass, moved)}, second=second)
        build_all(job_store, SETTINGS)
        (verdict,) = read(job_store, "candidates", structure_id=glass)
        assert verdict["conductivity"] == 0.033
        assert verdict["conductivity_trusted"] is survived


def test_of_a_job_that_was_replaced_the_last_output_counts(job_store: JobStore) -> None:
    for index in (2, 1):
        known = transport("gc-a", 0.01 * index)
        put(job_store, "md gc", known, index=index)
    (found,) = outputs(
        job_store, CAMPAIGN, "TransportDocument", fields=["conductivity"]
    )
    assert found.output["conductivity"] == 0.02


def record(name: str, method: str, sigma: float | None, **more) -> TransportRecord:
    document = transport(f"{name} {method}", sigma, method=method, **more)
    return TransportRecord(
        **dict(document),
        transport_id=f"{name} {method}",
        campaign="c",
        structure_id=name,
        source_digest="",
    )


def test_that_method_ranks_which_gives_most_values_that_are_trusted() -> None:
    of_structures = dict.fromkeys("abc", METHOD)
    broken = [record(name, "fast", 0.5, survived=False) for name in "abc"]
    sound = record("a", "good", 0.01)
    ranking = largest_comparison([*broken, sound], of_structures)
    assert {name: one.method for name, one in ranking.items()} == {"a": "good"}
    # without any the most values, and what gave none is none of them
    none = [record(name, "slow", None) for name in "abc"]
    ranking = largest_comparison([*none, *broken[:2]], of_structures)
    assert {name: one.method for name, one in ranking.items()} == dict.fromkeys(
        "ab", "fast"
    )
