"""Figures from documents: what is drawn, labelled and said in the captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from lps_flows.analysis import MOTIFS
from lps_flows.analysis.rdf import measured_peaks
from lps_flows.analysis.shown import stacked_rows
from lps_flows.analysis.shown_diagram import in_region
from lps_flows.appearance import counted, pretty
from lps_flows.plotting import (
    NothingToPlotError,
    TernaryError,
    captions,
    cluster_figure,
    elasticity_figure,
    formation_energy_figure,
    motif_figure,
    nearest_crystal_figure,
    rdf_figure,
    region_figure,
    ternary_figure,
    write_figures,
)
from lps_flows.plotting.captions import formation_caption, rdf_caption
from lps_flows.plotting.electrolyte import scattering_figure, window_figure
from lps_flows.plotting.labels import AROUND, place_labels
from lps_flows.schemas.phase_diagram import HullInterval
from lps_flows.schemas.results import Results

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def _texts(axes: Axes) -> set[str]:
    return {text.get_text() for text in axes.texts}


def test_formation_energies_have_units_hull_and_names(
    documents: Results,
) -> None:
    figure = formation_energy_figure(documents.diagram, documents.entries)
    (axes,) = figure.axes
    assert "meV/atom" in axes.get_ylabel()
    labels = {text.get_text() for text in axes.get_legend().get_texts()}
    assert {"hull", "metastable hull (glass-ceramic)", "GA (12)"} <= labels
    assert pretty("gamma-Li3PS4") in _texts(axes)
    hull = next(line for line in axes.lines if line.get_label() == "hull")
    x, energy = hull.get_data()
    at = np.argmin(np.abs(np.asarray(x) - 0.75))
    assert energy[at] == pytest.approx(-187.0, abs=0.5)


def test_gap_and_unsampled_stretches_are_shaded(documents: Results) -> None:
    diagram = documents.diagram
    common = {"vertices": ("a", "b"), "largest_unsampled": 0.05, "tolerance": 0.005}
    parts = [
        HullInterval(x_start=0.5, x_end=0.667, status="gap", n_sampled=2, depth=0.03,
                    margin=0.02, **common),
        HullInterval(x_start=0.75, x_end=0.875, status="unsampled", n_sampled=0,
                    depth=None, margin=None, **common),
    ]  # fmt: skip
    shaded = diagram.model_copy(update={"metastable_hull": parts})
    figure = formation_energy_figure(shaded, documents.entries)
    labels = {t.get_text() for t in figure.axes[0].get_legend().get_texts()}
    assert {"miscibility gap", "unsampled"} <= labels
    caption = formation_caption(shaded)
    assert "0.500 < x < 0.667" in caption
    assert "up to 30.0" in caption
    assert "0.750-0.875" in caption


def test_ternary_names_the_off_line_phase(documents: Results) -> None:
    figure = ternary_figure(documents.diagram, documents.entries)
    assert pretty("Li2PS3") in _texts(figure.axes[0])
    assert any("meV/atom" in axes.get_ylabel() for axes in figure.axes)


def test_ternary_without_elements_says_why(documents: Results) -> None:
    lacking = documents.diagram.model_copy(update={"ternary_note": "no Li"})
    with pytest.raises(TernaryError, match="no Li"):
        ternary_figure(lacking, documents.entries)


def test_motifs_have_a_panel_each(documents: Results) -> None:
    figure = motif_figure(documents.trends)
    assert len(figure.axes) == len(MOTIFS) == 7
    assert figure.axes[0].get_ylabel() == "fraction of P"


def test_rdfs_name_composition_and_x(documents: Results) -> None:
    figure = rdf_figure(documents.rdfs)
    assert [axes.get_title() for axes in figure.axes] == ["Li-S", "P-S"]
    assert "Å" in figure.axes[0].get_xlabel()
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert any("0.750" in row for row in rows)


def test_rdfs_show_the_first_peaks_of_measured_crystals(documents: Results) -> None:
    """P-S bonds of 2.05 Å and Li-S of 2.4-2.6 Å, as diffraction found them."""
    figure = rdf_figure(documents.rdfs)
    for axes, pair, (low, high) in zip(
        figure.axes, (("Li", "S"), ("P", "S")), ((2.4, 2.65), (2.0, 2.1)), strict=True
    ):
        dashed = {line.get_xdata()[0] for line in axes.lines if line.get_ls() == "--"}
        known = {distance for distance, _ in measured_peaks(pair).values()}
        assert dashed == known
        assert all(low < distance < high for distance in known)
    caption = rdf_caption(documents.rdfs)
    assert "10.1016/j.ssi.2010.10.001" in caption  # gamma-Li3PS4
    assert "10.1021/acs.inorgchem.7b00751" in caption  # LiPS3


def test_captions_count_the_structures_that_are_drawn(documents: Results) -> None:
    """Crystals that nothing descends from are in no stack, and yet were counted."""
    for stack, figure, caption in (
        (documents.rdfs, rdf_figure, captions.rdf_caption),
        (documents.scattering, scattering_figure, captions.scattering_caption),
    ):
        parents = {d.parent: set() for d in stack}
        for d in stack:
            parents[d.parent].add(d.formula_pretty)
        along = [d for d in stack if d.x is not None]
        drawn = [d for d in along if len(parents[d.parent]) > 1]
        assert len(figure(stack).axes[0].get_yticks()) == len(drawn) < len(along)
        rows = stacked_rows(stack)
        total = sum(d.n_structures for d in drawn)
        assert f", {total} structures in all" in caption(rows)
    # polymorphs share the window of their composition
    twice = [*documents.windows, *documents.windows]
    bars = len(window_figure(twice).axes[0].get_yticks())
    said = f"of all elements, {counted(bars, 'structure')} of"
    assert said in captions.window_caption(twice)


def test_the_caption_of_structure_factors_names_their_window(
    documents: Results,
) -> None:
    """Lorch's is that of G(r)."""
    caption = captions.scattering_caption(documents.scattering)
    assert "up to 20 Å, fading out as (1 - (r / 20 Å)²)³" in caption
    assert "Lorch" not in caption


def test_no_rdf_is_an_error_of_its_own() -> None:
    with pytest.raises(NothingToPlotError, match="pairs"):
        rdf_figure([])


def test_planes_say_how_much_variance_they_show(documents: Results) -> None:
    for make in (nearest_crystal_figure, cluster_figure):
        figure = make(documents.model, documents.places)
        assert "% of the variance" in figure.axes[0].get_xlabel()
        assert pretty("beta-Li3PS4") in _texts(figure.axes[0])


def test_nearest_crystals_and_classes_stand_over_x_beside_the_plane(
    documents: Results,
) -> None:
    above = {
        entry.structure_id: 1000 * entry.energy_above_hull
        for entry in documents.entries
        if entry.energy_above_hull is not None
    }
    expected = sorted(
        (round(place.x, 6), round(above[place.structure_id], 6))
        for place in documents.places
        if place.x is not None and place.structure_id in above
    )
    assert expected
    for make in (nearest_crystal_figure, cluster_figure):
        over, plane = make(documents.model, documents.places, documents.entries).axes
        assert over.get_xlabel() == "x"
        assert "above the hull (meV/atom)" in over.get_ylabel()
        assert "% of the variance" in plane.get_xlabel()
        drawn = [
            (round(float(x), 6), round(float(y), 6))
            for part in over.collections
            for x, y in part.get_offsets()
        ]
        assert sorted(drawn) == expected


def test_region_draws_the_limit(documents: Results) -> None:
    figure = region_figure(
        documents.model, documents.places, documents.entries, max_e_above_hull=25.0
    )
    (axes,) = figure.axes
    assert any(np.allclose(line.get_ydata(), 25.0) for line in axes.lines)
    assert {pretty("beta-Li3PS4"), pretty("gamma-Li3PS4")} <= _texts(axes)


def test_region_gives_the_candidate_a_star(documents: Results) -> None:
    shown = in_region(documents.places, documents.entries, 30.0)
    place, above = next(pair for pair in shown if pair[0].source != "crystal")
    verdict = documents.candidates[0].model_copy(
        update={
            "chosen": True,
            "structure_id": place.structure_id,
            "formula_pretty": place.formula_pretty,
            "x": place.x,
        }
    )
    figure = region_figure(
        documents.model, documents.places, documents.entries, candidates=[verdict]
    )
    (axes,) = figure.axes
    (star,) = [part for part in axes.collections if part.get_label() == "candidate"]
    assert star.get_offsets().tolist() == [[place.x, pytest.approx(above)]]
    assert pretty(place.formula_pretty) in _texts(axes)


def test_elasticity_in_gpa(documents: Results) -> None:
    figure = elasticity_figure(documents.elasticity)
    assert "GPa" in figure.axes[1].get_xlabel()


def test_glass_on_the_ternary_hull_is_a_vertex(documents: Results) -> None:
    glass = next(e for e in documents.entries if e.glass)
    lower = glass.model_copy(
        update={
            "ternary": glass.ternary.model_copy(
                update={
                    "on_hull": True,
                    "energy_above_hull": 0.0,
                    "formation_energy_per_atom": -2.0,
                }
            )
        }
    )
    entries = [lower if e is glass else e for e in documents.entries]
    figure = ternary_figure(documents.diagram, entries)
    assert pretty(glass.formula_pretty) in _texts(figure.axes[0])


def test_everything_is_written_with_captions(
    documents: Results, tmp_path: Path
) -> None:
    written = write_figures(documents, tmp_path, formats=("png",))
    not_run = {
        "figS2_msd", "fig8a_arrhenius", "conductivity_map", "jumps", "free_energies",
    }  # fmt: skip
    assert set(written.missing) == not_run
    assert {path.name for path in written.files} == {
        "fig1_ternary.png",
        "fig3_motifs.png",
        "fig5_formation_energies.png",
        "fig6_rdfs.png",
        "figS1_rdfs.png",
        "fig7a_nearest_crystals.png",
        "fig7b_classes.png",
        "fig9_region.png",
        "windows.png",
        "structure_factors.png",
        "elasticity.png",
        "moduli.png",
        "captions.md",
    }
    assert set(written.pictures.values()) == set(tmp_path.glob("*.png"))
    assert all(path.stat().st_size > 0 for path in written.files)
    captions = (tmp_path / "captions.md").read_text(encoding="utf-8")
    assert "toy-1.0" in captions
    assert "P-S below 2.55 Å" in captions
    assert f"of campaign {documents.diagram.campaign} up to 120 meV/atom" in captions


def test_what_is_missing_is_said(documents: Results, tmp_path: Path) -> None:
    few = replace(
        documents, model=None, rdfs=(), elasticity=(), trends=(), scattering=(),
        elastic_tensors=(),
        windows=[d for d in documents.windows if d.window is None],
    )  # fmt: skip
    written = write_figures(few, tmp_path, formats=("png",))
    assert set(written.missing) == {
        "fig3_motifs", "fig6_rdfs", "figS1_rdfs", "fig7a_nearest_crystals",
        "fig7b_classes", "fig9_region", "elasticity", "figS2_msd", "fig8a_arrhenius",
        "windows", "structure_factors", "conductivity_map", "jumps",
        "free_energies", "moduli",
    }  # fmt: skip
    assert written.missing["fig9_region"] == "there are no classes"
    assert "no entry of Li3P" in written.missing["windows"]
    assert "Not made" in (tmp_path / "captions.md").read_text(encoding="utf-8")


def test_labels_do_not_overlap() -> None:
    figure, axes = plt.subplots(figsize=(4, 3))
    points = [(0.5 + 0.01 * k, 0.5) for k in range(6)]
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    place_labels(axes, points, [f"name {k}" for k in range(6)], directions=AROUND)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])


def test_names_of_crystals_keep_off_the_hull(documents: Results) -> None:
    figure = formation_energy_figure(documents.diagram, documents.entries)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    hull = next(line for line in axes.lines if line.get_label() == "hull")
    curve = axes.transData.transform(np.column_stack(hull.get_data()))
    for text in axes.texts:
        box = Text.get_window_extent(text).padded(-2)  # without the line to its point
        assert not any(box.contains(*point) for point in curve), text.get_text()


def test_style_is_left_as_it_was(documents: Results) -> None:
    before = dict(mpl.rcParams)
    motif_figure(documents.trends)
    assert dict(mpl.rcParams) == before
