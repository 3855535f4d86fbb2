"""Write the figures of a campaign for print, with their captions, into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lps_flows.analysis.density import write_density
from lps_flows.analysis.shown import pair_groups, stacked_rows
from lps_flows.foundation.writing import write_text, written_beside
from lps_flows.plotting import captions
from lps_flows.plotting.clusters import cluster_figure, nearest_crystal_figure
from lps_flows.plotting.conductivity_map import conductivity_map_figure
from lps_flows.plotting.density import density_figure
from lps_flows.plotting.elasticity import elasticity_figure, moduli_figure
from lps_flows.plotting.electrolyte import scattering_figure, window_figure
from lps_flows.plotting.free_energies import free_energy_figure
from lps_flows.plotting.hull import formation_energy_figure
from lps_flows.plotting.jumps import jump_figure
from lps_flows.plotting.motifs import motif_figure
from lps_flows.plotting.rdf import rdf_figure
from lps_flows.plotting.region import region_figure
from lps_flows.plotting.style import NothingToPlotError
from lps_flows.plotting.ternary import ternary_figure
from lps_flows.plotting.transport import arrhenius_figure, msd_figure
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.results import Results

Captioned = tuple[Figure, str]
"""A figure and its caption."""
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class WrittenFigures:
    """What `write_figures` left in the folder."""

    pictures: dict[str, Path] = field(default_factory=dict)
    """A picture of every figure, by its name."""
    files: list[Path] = field(default_factory=list)
    """All files, in the order in which they were written."""
    missing: dict[str, str] = field(default_factory=dict)
    """Figures that could not be made, with the reason."""


def write_figures(
    results: Results,
    folder: str | Path,
    formats: Sequence[str] = ("png", "pdf"),
    progress: Callable[[str, int, int | None], None] | None = None,
) -> WrittenFigures:
    """Write every figure the documents allow, densities as CHGCAR, and captions.

    Parameters
    ----------
    progress
        Called after every figure with what is done, how many, and of how many.

    Returns
    -------
    WrittenFigures
        The files, ``captions.md`` last, and the figures for which there are no
        documents.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = WrittenFigures()
    text = ["# Figures", ""]
    figures = _figures(results)
    for number, (name, make) in enumerate(figures.items(), start=1):
        try:
            figure, caption = make(results)
        except NothingToPlotError as error:
            written.missing[name] = error.problem.rstrip(".")
            continue
        paths = [target / f"{name}.{ending}" for ending in formats]
        for path in paths:
            with written_beside(path) as beside:
                figure.savefig(beside)
        plt.close(figure)
        written.files.extend(paths)
        written.pictures[name] = paths[0]
        text += [f"**{name}.** {caption}", ""]
        if progress is not None:
            progress("figures", number, len(figures))
    for run in results.densities.values():
        if run.density is not None:
            path = (
                target / f"CHGCAR_{captions.density_name(run.label, run.temperature)}"
            )
            written.files.append(
                write_density(path, run.structure, run.density.unpack())
            )
    text += [f"**{name}.** Not made: {why}." for name, why in written.missing.items()]
    path = target / "captions.md"
    write_text(path, "\n".join(text).rstrip() + "\n")
    written.files.append(path)
    return written


def _figures(results: Results) -> dict[str, Callable[[Results], Captioned]]:
    """Return how every figure is made; the densities depend on what was run."""
    densities = {
        f"fig8b_density_{captions.density_name(run.label, run.temperature)}": partial(
            _density, run
        )
        for run in results.densities.values()
    }
    return {
        "fig1_ternary": _ternary,
        "fig5_formation_energies": _formation_energies,
        "fig3_motifs": _motifs,
        "fig6_rdfs": partial(_rdfs, 0),
        "figS1_rdfs": partial(_rdfs, 1),
        "fig7a_nearest_crystals": _nearest_crystals,
        "fig7b_classes": _classes,
        "fig9_region": _region,
        "windows": _windows,
        "structure_factors": _structure_factors,
        "elasticity": _elasticity,
        "moduli": _moduli,
        "free_energies": _free_energies,
        "figS2_msd": _msd,
        "fig8a_arrhenius": _arrhenius,
        "conductivity_map": _conductivity_map,
        "jumps": _jumps,
        **densities,
    }


def _ternary(results: Results) -> Captioned:
    diagram = _needed(results.diagram, "there is no phase diagram")
    return ternary_figure(diagram, results.entries), captions.ternary_caption(diagram)


def _formation_energies(results: Results) -> Captioned:
    diagram = _needed(results.diagram, "there is no phase diagram")
    figure = formation_energy_figure(diagram, results.entries)
    return figure, captions.formation_caption(diagram)


def _motifs(results: Results) -> Captioned:
    return motif_figure(results.trends), captions.motif_caption(results.trends)


def _rdfs(group: int, results: Results) -> Captioned:
    figure = rdf_figure(results.rdfs, pair_groups(results.rdfs)[group])
    return figure, captions.rdf_caption(stacked_rows(results.rdfs))


def _nearest_crystals(results: Results) -> Captioned:
    model, places = _needed(results.model, "there are no classes"), results.places
    caption = captions.cluster_caption(model, places, "nearest crystal")
    return nearest_crystal_figure(model, places, results.entries), caption


def _classes(results: Results) -> Captioned:
    model, places = _needed(results.model, "there are no classes"), results.places
    caption = captions.cluster_caption(model, places, "class")
    return cluster_figure(model, places, results.entries), caption


def _region(results: Results) -> Captioned:
    model = _needed(results.model, "there are no classes")
    _needed(results.diagram, "there is no phase diagram")
    shown = (model, results.places, results.entries)
    figure = region_figure(
        *shown, candidates=results.candidates, max_e_above_hull=results.limit
    )
    return figure, captions.region_caption(*shown, results.limit)


def _windows(results: Results) -> Captioned:
    return window_figure(results.windows), captions.window_caption(results.windows)


def _structure_factors(results: Results) -> Captioned:
    figure = scattering_figure(results.scattering)
    return figure, captions.scattering_caption(results.scattering)


def _elasticity(results: Results) -> Captioned:
    figure = elasticity_figure(results.elasticity)
    return figure, captions.elasticity_caption(results.elasticity)


def _moduli(results: Results) -> Captioned:
    figure = moduli_figure(results.elastic_tensors)
    return figure, captions.moduli_caption(results.elastic_tensors)


def _free_energies(results: Results) -> Captioned:
    figure = free_energy_figure(results.free_energies)
    return figure, captions.free_energy_caption(results.free_energies)


def _msd(results: Results) -> Captioned:
    return msd_figure(results.transport), captions.msd_caption(results.transport)


def _arrhenius(results: Results) -> Captioned:
    figure = arrhenius_figure(results.transport)
    return figure, captions.arrhenius_caption(results.transport)


def _conductivity_map(results: Results) -> Captioned:
    maps = results.conductivity_maps
    figure = conductivity_map_figure(maps, results.line)
    return figure, captions.conductivity_map_caption(maps)


def _jumps(results: Results) -> Captioned:
    return jump_figure(results.jumps), captions.jump_caption(results.jumps)


def _density(run: MDRunDocument, _: Results) -> Captioned:
    density = _needed(run.density, "the run kept no density").unpack()
    figure = density_figure(run.structure, density, mobile=run.mobile)
    return figure, captions.density_caption(run)


def _needed(thing: Thing | None, otherwise: str) -> Thing:
    if thing is None:
        raise NothingToPlotError(otherwise)
    return thing
