"""Literature, figures, table and builder of conductivities."""

import csv
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.analysis import diffusivity
from lps_flows.analysis.density import probability_density
from lps_flows.analysis.literature import (
    PAPER,
    literature,
    literature_for,
    paper_value,
)
from lps_flows.analysis.shown import shown_run
from lps_flows.analysis.transport import summarise_transport
from lps_flows.builders.transport import TransportBuilder
from lps_flows.chemistry import CompositionLine, crystal, full_formula
from lps_flows.plotting import (
    arrhenius_figure,
    density_figure,
    msd_figure,
    write_figures,
)
from lps_flows.plotting.density_shape import enclosing_level
from lps_flows.plotting.isosurface import isosurface
from lps_flows.report.sections.transport import transport_section
from lps_flows.report.values import conductivity_values
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.transport import RunSummary, TransportDocument
from tests.transport import walkers


@pytest.fixture(scope="module")
def document():
    structure = crystal("beta-Li3PS4")
    density = structure.composition["Li"] / structure.volume
    runs = []
    for T, D in ((900.0, 0.001), (1200.0, 0.003), (1500.0, 0.006)):
        positions, times, _ = walkers.brownian(np.random.default_rng(int(T)), D=D)
        found = diffusivity(positions, times)
        runs.append(
            RunSummary(
                run_uuid=f"run-{T:g}",
                temperature=T,
                production=float(times[-1]),
                D=found.D,
                interval=found.interval,
                used=T > 900,
                reason=found.reason,
                framework_survived=T < 1500,
                lags=found.lags.tolist(),
                msd=found.msd.tolist(),
                msd_std=found.msd_std.tolist(),
                start=found.start,
            )
        )
    result = summarise_transport(
        [(r.temperature, r.D, r.interval) for r in runs if r.used],
        number_density=density,
        charge=1,
        reference_temperature=300,
    )
    return TransportDocument(
        method="toy",
        label="beta-Li3PS4",
        structure=structure,
        formula=full_formula(structure),
        x=0.75,
        nsites=len(structure),
        mobile="Li",
        number_density=density,
        runs=runs,
        activation_energy=result.fit.activation_energy,
        activation_energy_interval=result.fit.activation_energy_interval,
        prefactor=result.fit.prefactor,
        covariance=result.fit.covariance.tolist(),
        conductivity=result.conductivity,
        conductivity_interval=result.conductivity_interval,
        conductivities=result.conductivities,
        warnings=list(result.warnings),
    )


def test_without_a_usable_run_the_reason_is_the_number_of_temperatures():
    result = summarise_transport(
        [], number_density=0.02, charge=1.0, reference_temperature=300.0
    )
    assert result.fit is None
    assert "at least two different temperatures" in result.warnings[0]


def test_the_papers_values_are_found_by_label():
    assert len(literature()) == 107
    assert all(value.citation for value in literature())
    for label, energy, sigma in (
        ("gc-Li38P24S79", 0.282, 3.45),
        ("Li7P3S11", 0.189, 46.9),
        ("gc-Li42P16S61", 0.208, 33.1),
        ("beta-Li3PS4", 0.236, 14.3),
    ):
        for quantity, value in (
            ("activation energy", energy),
            ("RT ionic conductivity", sigma),
        ):
            paper = [v for v in literature_for(label, quantity) if v.by_the_paper]
            assert [v.values for v in paper] == [(value,)]
            assert "chemmater" in paper[0].citation
            assert paper_value(label, quantity) == value
    assert paper_value("Li4P2S7", "energy above hull") == 23.5
    assert paper_value("Li2S", "energy above hull") is None


def test_what_was_measured_of_one_polymorph_is_not_filed_under_another():
    sigma = "RT ionic conductivity"
    measured = {
        label: {
            number
            for value in literature_for(label, sigma)
            if value.method == "experiment"
            for number in value.values
        }
        for label in ("alpha-Li3PS4", "beta-Li3PS4", "gamma-Li3PS4")
    }
    # Table 1 files the three under beta; gamma conducts six hundred times worse
    assert measured["beta-Li3PS4"] >= {0.16, 0.2, 0.28}
    assert measured["gamma-Li3PS4"] == {0.00026}
    assert measured["alpha-Li3PS4"] == set()
    assert not literature_for("gamma-Li3PS4", "activation energy")[0].by_the_paper


def test_the_paper_is_cited_for_what_it_contains_alone():
    # it has no glass of another source in its tables
    assert not [v for v in literature() if PAPER in v.citation and "glass/" in v.phase]
    assert not [v for v in literature() if v.phase == "Li3PS4"]


def test_table_holds_ours_the_papers_and_others(document):
    (file,) = conductivity_values([document])
    assert file.name == "table_1.csv"
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert {"this work", "the paper, AIMD", "experiment"} <= {r["source"] for r in rows}
    assert all(r["citation"] for r in rows if r["source"] != "this work")
    ours = next(r for r in rows if r["unit"] == "mS/cm" and r["source"] == "this work")
    assert float(ours["value"]) == pytest.approx(1000 * document.conductivity, rel=0.01)
    assert float(ours["low"]) < float(ours["value"]) < float(ours["high"])
    assert "toy; MD 1200, 1500 K" in ours["method"]
    wide = transport_section([document]).blocks[0].rows[0]
    assert wide[2].startswith(f"{document.activation_energy:.3f} (")
    assert wide[3] == "0.236"
    assert wide[-1] == "2 of 3"
    table = transport_section([document]).blocks[1]
    cells = dict(zip(table.header, table.rows[0], strict=True))
    assert cells["x"] == "0.750"
    assert cells["moiety"] == "PS4 100%"
    assert cells["measured (eV)"] == "0.16 to 0.49"
    assert cells["measured (mS/cm)"] == "0.000893 to 0.28"
    assert cells["measured by"] == "10.1021/ja3110895"
    silicon = document.structure.copy()
    silicon.replace_species({"P": "Si"})
    other = transport_section(
        [document.model_copy(update={"structure": silicon})],
        line=CompositionLine(end_members=("Li2S", "SiS2")),
        beside_paper=False,
    )
    assert "SiS4 100%" in other.blocks[1].rows[0]
    (crystal_row,) = [row for row in table.rows if row[0] == "Li7P3S11"]
    cells = dict(zip(table.header, crystal_row, strict=True))
    assert cells["measured (mS/cm)"] == "0.022 to 17"
    assert "10.1016/j.ssi.2007.05.020" in cells["measured by"]
    assert conductivity_values([]) == []


def test_figures_show_what_was_left_out_and_what_broke(document):
    empty = document.model_copy(update={"activation_energy": None, "runs": []})
    figure = msd_figure([document, empty])
    texts = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert any("1500 K, framework broke" in text for text in texts)
    assert any("900 K, not used" in text for text in texts)
    plt.close(figure)
    figure = arrhenius_figure([document, empty])
    legend = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert "eV" in legend[0]
    assert "no fit" in legend[1]
    assert legend[2] == "framework broke"
    plt.close(figure)


def test_isosurface_of_a_sphere_is_closed_and_has_its_area():
    n = 24
    grid = (np.indices((n, n, n)) + 0.5) / n - 0.5
    field = -np.linalg.norm(grid, axis=0)
    triangles = isosurface(field, -0.3)
    normals = np.cross(
        triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    )
    area = 0.5 * np.linalg.norm(normals, axis=1).sum()
    assert area == pytest.approx(4 * np.pi * 0.3**2, rel=0.02)
    # closed: every edge belongs to two triangles
    edges = np.stack([triangles, np.roll(triangles, 1, axis=1)], axis=2).reshape(
        -1, 2, 3
    )
    edges = edges[np.linalg.norm(edges[:, 0] - edges[:, 1], axis=1) > 1e-9]
    middle = np.round(edges.mean(axis=1), 9)
    _, counts = np.unique(middle, axis=0, return_counts=True)
    assert (counts % 2 == 0).all()


def test_density_figure_draws_a_surface_that_encloses_the_share():
    structure = crystal("beta-Li3PS4")
    lithium = np.array([s.coords for s in structure if s.specie.symbol == "Li"])
    cloud = lithium + 0.3 * np.random.default_rng(0).normal(size=(100, len(lithium), 3))
    density = probability_density(cloud, structure.lattice.matrix, smearing=0.3)
    level = enclosing_level(density, 0.8)
    assert density[density > level].sum() == pytest.approx(
        0.8 * density.sum(), rel=0.05
    )
    figure = density_figure(structure, density)
    assert "80 %" in figure.axes[0].get_title()
    plt.close(figure)


def test_everything_a_campaign_shows_of_conductivity_is_written(document, tmp_path):
    structure = document.structure
    lithium = np.array([s.coords for s in structure if s.specie.symbol == "Li"])
    density = probability_density(lithium[None], structure.lattice.matrix, spacing=1.0)
    coldest = shown_run(document)
    assert coldest.temperature == 1200.0
    run = MDRunDocument(
        method="toy",
        label=document.label,
        formula=document.formula,
        nsites=len(structure),
        volume=structure.volume,
        temperature=coldest.temperature,
        time_step=1.0,
        equilibration=0.0,
        production=1000.0,
        frame_interval=20.0,
        n_frames=50,
        chunk_uuids=[],
        mobile="Li",
        density=PackedArray.pack(density, "<f4"),
        structure=structure,
    )
    results = Results(transport=[document], densities={coldest.run_uuid: run})
    files = write_figures(results, tmp_path / "new", formats=("png",)).files
    assert [file.name for file in files] == [
        "figS2_msd.png",
        "fig8a_arrhenius.png",
        "fig8b_density_beta-Li3PS4_1200K.png",
        "CHGCAR_beta-Li3PS4_1200K",
        "captions.md",
    ]
    assert all(file.stat().st_size > 0 for file in files)
    captions = files[-1].read_text()
    assert "Density of Li in beta-Li3PS4 at 1200 K" in captions
    nothing = write_figures(Results(), tmp_path / "none")
    assert [file.name for file in nothing.files] == ["captions.md"]


def test_builder_collects_conductivities_with_their_structure_once(document):
    docs = MemoryStore(key="uuid")
    store = JobStore(docs, additional_stores={"data": MemoryStore()})
    store.connect()
    output = {
        "@module": "lps_flows.schemas.transport",
        "@class": "TransportDocument",
        **document.model_dump(),
        "structure": document.structure.as_dict(),
    }
    docs.update(
        [
            {
                "uuid": "t",
                "index": 1,
                "output": output,
                "completed_at": "2026-01-01",
                "metadata": {"campaign": "demo"},
            },
            {
                "uuid": "s",
                "index": 1,
                "completed_at": "2026-01-01",
                "metadata": {"campaign": "demo"},
                "output": {
                    "@class": "SelectionDocument",
                    "method": "m",
                    "criteria": [],
                    "selected": [
                        {
                            "label": "beta-Li3PS4",
                            "reason": "reference",
                            "structure_uuid": "abc",
                            "transport_uuid": "t",
                        }
                    ],
                },
            },
        ],
        key=["uuid", "index"],
    )
    target = MemoryStore(key="transport_id")
    target.connect()
    builder = TransportBuilder(store, target, campaign="demo")
    items = [builder.process_item(item) for item in builder.get_items()]
    builder.update_targets(items)
    found = target.query_one({"transport_id": "t"})
    assert found["structure_id"] == "abc"
    assert found["campaign"] == "demo"
    assert found["conductivity"] == pytest.approx(document.conductivity)
    assert list(builder.get_items()) == []
    docs.remove_docs({"uuid": "t"})
    assert list(builder.get_items()) == []
    assert target.query_one({"transport_id": "t"}) is None
