"""Write all figures of a campaign, with their captions, into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt
import plotly.graph_objects as go
from matplotlib.figure import Figure

from lps_flows.plotting.captions import (
    cluster_caption,
    elasticity_caption,
    formation_caption,
    motif_caption,
    rdf_caption,
    region_caption,
    ternary_caption,
)
from lps_flows.plotting.clusters import (
    cluster_figure,
    cluster_plotly,
    nearest_crystal_figure,
    nearest_crystal_plotly,
)
from lps_flows.plotting.elasticity import elasticity_figure
from lps_flows.plotting.hull import formation_energy_figure, formation_energy_plotly
from lps_flows.plotting.motifs import motif_figure, motif_plotly
from lps_flows.plotting.rdf import pair_groups, rdf_figure, rdf_plotly
from lps_flows.plotting.region import region_figure, region_plotly
from lps_flows.plotting.ternary import ternary_figure, ternary_plotly
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.elasticity import ElasticityDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry
from lps_flows.schemas.rdf import RDFDocument

DEFAULT_LIMIT = 30.0
"""Hull distance drawn when no candidate tells the limit (meV/atom)."""


@dataclass(frozen=True)
class FigureDocuments:
    """The results of one campaign by one method, as figures need them."""

    diagram: PhaseDiagramDocument | None = None
    entries: Sequence[PhaseDiagramEntry] = ()
    trends: Sequence[MotifTrendDocument] = ()
    rdfs: Sequence[RDFDocument] = ()
    model: ClusterModelDocument | None = None
    places: Sequence[ClusterAssignment] = ()
    candidates: Sequence[CandidateDocument] = ()
    elasticity: Sequence[ElasticityDocument] = ()

    @property
    def limit(self) -> float:
        """Hull distance up to which a composition can be a candidate (meV/atom)."""
        if self.candidates:
            return float(self.candidates[0].settings["max_e_above_hull"])
        return DEFAULT_LIMIT


@dataclass(frozen=True)
class _Plan:
    """One figure: its name, how it is made, its caption and plotly twin."""

    name: str
    figure: Callable[[], Figure]
    caption: Callable[[], str]
    twin: Callable[[], go.Figure] | None = None


@dataclass(frozen=True)
class WrittenFigures:
    """What `write_figures` left in the folder."""

    files: list[Path] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Figures that could not be made, with the reason."""


def write_figures(
    documents: FigureDocuments,
    folder: str | Path,
    formats: Sequence[str] = ("png", "pdf"),
    progress: Callable[[str, int, int | None], None] | None = None,
) -> WrittenFigures:
    """Write every figure the documents allow, and ``captions.md``.

    Parameters
    ----------
    documents
        Results of one campaign by one method.
    folder
        Where to write; made when missing.
    formats
        File types of the matplotlib figures. The plotly twins are HTML files.
    progress
        Called after every figure with what is done, how many, and of how many.

    Returns
    -------
    WrittenFigures
        The files, and the figures for which there are no documents.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    plans, missing = _plans(documents)
    written = WrittenFigures(missing=missing)
    captions = ["# Figures", ""]
    for number, plan in enumerate(plans, start=1):
        figure = plan.figure()
        for ending in formats:
            path = target / f"{plan.name}.{ending}"
            figure.savefig(path)
            written.files.append(path)
        plt.close(figure)
        if plan.twin is not None:
            path = target / f"{plan.name}.html"
            plan.twin().write_html(path, include_plotlyjs="directory")
            written.files.append(path)
        captions += [f"**{plan.name}.** {plan.caption()}", ""]
        if progress is not None:
            progress("figures", number, len(plans))
    captions += [f"**{name}.** Not made: {why}." for name, why in missing.items()]
    path = target / "captions.md"
    path.write_text("\n".join(captions).rstrip() + "\n", encoding="utf-8")
    written.files.append(path)
    return written


def _plans(found: FigureDocuments) -> tuple[list[_Plan], dict[str, str]]:
    plans: list[_Plan] = []
    missing: dict[str, str] = {}
    _hull_plans(found, plans, missing)
    trends = [t for t in found.trends if t.x is not None]
    if trends:
        plans.append(
            _Plan(
                "fig3_motifs",
                lambda: motif_figure(trends),
                lambda: motif_caption(trends),
                lambda: motif_plotly(trends),
            )
        )
    else:
        missing["fig3_motifs"] = "there are no motif trends"
    _rdf_plans(found, plans, missing)
    _cluster_plans(found, plans, missing)
    if any(d.bulk_modulus is not None for d in found.elasticity):
        plans.append(
            _Plan(
                "elasticity",
                lambda: elasticity_figure(found.elasticity),
                lambda: elasticity_caption(found.elasticity),
            )
        )
    else:
        missing["elasticity"] = "no equation of state was computed"
    return plans, missing


def _hull_plans(
    found: FigureDocuments, plans: list[_Plan], missing: dict[str, str]
) -> None:
    diagram = found.diagram
    if diagram is None:
        missing["fig1_ternary"] = missing["fig5_formation_energies"] = (
            "there is no phase diagram"
        )
        return
    if diagram.ternary_note is None and len(diagram.elements) == 3:
        plans.append(
            _Plan(
                "fig1_ternary",
                lambda: ternary_figure(diagram, found.entries),
                lambda: ternary_caption(diagram),
                lambda: ternary_plotly(diagram, found.entries),
            )
        )
    else:
        missing["fig1_ternary"] = (
            diagram.ternary_note or "the diagram has not three elements"
        ).rstrip(".")
    plans.append(
        _Plan(
            "fig5_formation_energies",
            lambda: formation_energy_figure(diagram, found.entries),
            lambda: formation_caption(diagram),
            lambda: formation_energy_plotly(diagram, found.entries),
        )
    )


def _rdf_plans(
    found: FigureDocuments, plans: list[_Plan], missing: dict[str, str]
) -> None:
    shown = [d for d in found.rdfs if d.x is not None]
    names = ("fig6_rdfs", "figS1_rdfs")
    for name, pairs in zip(names, pair_groups(shown), strict=True):
        wanted = {frozenset(pair) for pair in pairs}
        if any(frozenset(p.pair) in wanted for d in shown for p in d.partials):
            plans.append(
                _Plan(
                    name,
                    lambda pairs=pairs: rdf_figure(shown, pairs),  # type: ignore[misc]
                    lambda: rdf_caption(shown),
                    lambda pairs=pairs: rdf_plotly(shown, pairs),  # type: ignore[misc]
                )
            )
        else:
            missing[name] = "there are no such distribution functions"


def _cluster_plans(
    found: FigureDocuments, plans: list[_Plan], missing: dict[str, str]
) -> None:
    model = found.model
    if model is None:
        for name in ("fig7a_nearest_crystals", "fig7b_classes", "fig9_region"):
            missing[name] = "there are no classes"
        return
    places = found.places
    plans += [
        _Plan(
            "fig7a_nearest_crystals",
            lambda: nearest_crystal_figure(model, places),
            lambda: cluster_caption(model, places, "nearest crystal"),
            lambda: nearest_crystal_plotly(model, places),
        ),
        _Plan(
            "fig7b_classes",
            lambda: cluster_figure(model, places),
            lambda: cluster_caption(model, places, "class"),
            lambda: cluster_plotly(model, places),
        ),
    ]
    if found.diagram is None:
        missing["fig9_region"] = "there is no phase diagram"
        return
    plans.append(
        _Plan(
            "fig9_region",
            lambda: region_figure(
                model, places, found.entries, max_e_above_hull=found.limit
            ),
            lambda: region_caption(model, places, found.entries, found.limit),
            lambda: region_plotly(
                model, places, found.entries, max_e_above_hull=found.limit
            ),
        )
    )
