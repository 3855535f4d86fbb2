"""Section: motifs, distances, similarity and classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lps_flows.analysis import MOTIFS
from lps_flows.appearance import counted, motif_name
from lps_flows.plotting.captions import (
    cluster_caption,
    motif_caption,
    rdf_caption,
    region_caption,
)
from lps_flows.report.blocks import Block, Chart, Section, Table, number
from lps_flows.report.charts.classes import class_chart, nearest_chart, region_chart
from lps_flows.report.charts.motifs import motif_chart, rdf_chart
from lps_flows.report.charts.style import x_title
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.elasticity import ElasticityDocument, ElasticTensorDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.results import Results


def motif_section(
    trends: Sequence[MotifTrendDocument],
    rdfs: Sequence[RDFDocument],
    end_members: Sequence[str],
) -> Section:
    """Return the section on motifs and distribution functions."""
    blocks: list[Block] = []
    if trends:
        chart = motif_chart(trends, x_title(end_members))
        caption = motif_caption(trends)
        blocks += [
            Chart("motif-chart", chart, caption, ["fig3_motifs"], height=520),
            _motif_table(trends),
        ]
    along = [rdf for rdf in rdfs if rdf.x is not None]
    if along:
        printed = ["fig6_rdfs", "figS1_rdfs"]
        blocks.append(_distances("rdf-chart", along, rdf_caption(along), printed))
    apart = [rdf for rdf in rdfs if rdf.x is None]
    if apart:
        caption = (
            f"The same off the line by {apart[0].method}: elements and other phases, "
            f"{counted(sum(rdf.n_structures for rdf in apart), 'structure')}."
        )
        blocks.append(_distances("rdf-apart-chart", apart, caption))
    if rdfs:
        blocks.append(_coordination_table(rdfs))
    return Section(
        "motifs",
        "Motifs and distances",
        blocks,
        missing="The motif and distribution builders have not run yet.",
        status="done" if trends and rdfs else "partial",
    )


def _distances(
    chart_id: str,
    rdfs: Sequence[RDFDocument],
    caption: str,
    printed: Sequence[str] = (),
) -> Chart:
    curves, pairs = rdf_chart(rdfs)
    height = max(320, 170 + 30 * len(rdfs))
    return Chart(chart_id, curves, caption, printed, height, pairs, "pairs")


def _motif_table(trends: Sequence[MotifTrendDocument]) -> Table:
    former, ligand = trends[0].elements
    fractions = {
        motif_name(motif, former, ligand): _fraction(motif) for motif in MOTIFS
    }
    n_structures = sum(trend.n_structures for trend in trends)
    return Table.of(
        sorted(trends, key=lambda t: (t.x is None, t.x or 0.0)),
        {
            "composition": lambda trend: trend.formula_pretty,
            "x": lambda trend: number(trend.x, 3),
            "parent": lambda trend: trend.parent or "-",
            "structures": lambda trend: str(trend.n_structures),
            **fractions,
            f"free {ligand}": lambda trend: f"{trend.free:.2f}",
        },
        f"The same numbers: fractions of {former}, and of {ligand} bonded to no "
        f"{former}, by {trends[0].method}, {counted(n_structures, 'structure')}.",
        detail=True,
    )


def _fraction(motif: str) -> Callable[[MotifTrendDocument], str]:
    return lambda trend: f"{getattr(trend.mean, motif):.2f}"


def _coordination_table(rdfs: Sequence[RDFDocument]) -> Table:
    return Table.of(
        [
            (document, partial)
            for document in sorted(rdfs, key=lambda d: (d.x is None, d.x or 0.0))
            for partial in document.partials
        ],
        {
            "composition": lambda row: row[0].formula_pretty,
            "parent": lambda row: row[0].parent or "-",
            "pair": lambda row: "-".join(row[1].pair),
            "first peak (Å)": lambda row: number(row[1].first_peak, 2),
            "neighbours": lambda row: number(row[1].coordination, 2),
        },
        "First peaks, and neighbours of the pair's first element up to the first "
        f"minimum, by {rdfs[0].method}, {sum(d.n_structures for d in rdfs)} "
        "structures.",
        detail=True,
    )


def class_section(results: Results, end_members: Sequence[str]) -> Section:
    """Return the section on similarity and classes."""
    model, places = results.model, results.places
    if model is None or not places:
        return Section(
            "classes",
            "Similarity and classes",
            missing="The fingerprint and cluster builders have not run yet.",
        )
    along = x_title(end_members)
    chart, ways = class_chart(places, model, results.entries, along)
    blocks: list[Block] = [
        Chart(
            "class-chart",
            chart,
            f"{cluster_caption(model, places, 'class')} Click a point to see the "
            "structure.",
            ["fig7a_nearest_crystals", "fig7b_classes"],
            height=500,
            choices=ways,
            choose="colour",
        ),
        _class_table(places, model),
    ]
    number_of = counted(len(places), "structure")
    if any(place.x is not None and place.source != "crystal" for place in places):
        of = f"of {model.element} environments" if model.element else "of all atoms"
        blocks.append(
            Chart(
                "nearest-chart",
                nearest_chart(places, along),
                f"Fingerprints {of}, {number_of} by {model.method}; nearest crystal by "
                f"similarity (Eq. 3), 'none' below {model.similarity_threshold:g}.",
            )
        )
    if results.diagram is not None:
        shown = (model, places, results.entries, results.limit)
        blocks.append(
            Chart(
                "region-chart",
                region_chart(*shown, along=along, candidates=results.candidates),
                region_caption(*shown),
                ["fig9_region"],
            )
        )
    scores = sorted((int(k), score) for k, score in model.silhouette.items())
    blocks.append(
        Table(
            ("number of classes", "silhouette score"),
            [(str(k), f"{score:.3f}") for k, score in scores],
            f"Silhouette scores over {number_of} by {model.method}; "
            f"{len(model.centroids)} classes were chosen.",
            detail=True,
        )
    )
    return Section("classes", "Similarity and classes", blocks)


def _class_table(
    places: Sequence[ClusterAssignment], model: ClusterModelDocument
) -> Table:
    sizes = Counter(place.label for place in places)
    crystals: dict[int, list[str]] = {label: [] for label in sizes}
    for key, label in sorted(model.reference_classes.items()):
        crystals.setdefault(label, []).append(key)
    return Table(
        ("class", "structures", "reference crystals in it"),
        [
            (str(label), str(sizes[label]), ", ".join(crystals[label]) or "none")
            for label in sorted(crystals)
        ],
        f"Classes of {counted(sum(sizes.values()), 'structure')} by {model.method}; "
        f"{sum(model.explained_variance):.0%} of the variance lies in "
        f"{len(model.components)} principal components.",
    )


def elasticity_section(
    documents: Sequence[ElasticityDocument],
    tensors: Sequence[ElasticTensorDocument] = (),
) -> Section:
    """Return the section on bulk moduli and elastic tensors."""
    blocks: list[Block] = []
    if documents:
        blocks.append(_bulk_modulus_table(documents))
    if tensors:
        blocks.append(_moduli_table(tensors))
    return Section(
        "elasticity",
        "Elasticity",
        blocks,
        missing="No equation of state and no elastic tensor has been computed.",
    )


def _bulk_modulus_table(documents: Sequence[ElasticityDocument]) -> Table:
    return Table.of(
        documents,
        {
            "structure": lambda fit: fit.label,
            "formula": lambda fit: fit.formula,
            "bulk modulus (GPa)": lambda fit: (
                number(fit.bulk_modulus, 2)
                + (
                    ""
                    if fit.bulk_modulus_error is None
                    else f" ± {fit.bulk_modulus_error:.2g}"
                )
            ),
            "B0'": lambda fit: number(fit.pressure_derivative, 1),
            "V (Å³/atom)": lambda fit: number(fit.volume, 2),
            "trusted": lambda fit: "yes" if fit.trusted else f"no: {fit.note or '-'}",
        },
        f"Bulk moduli from equations of state by {documents[0].method}: "
        f"{counted(len(documents), 'structure')}.",
    )


def _moduli_table(tensors: Sequence[ElasticTensorDocument]) -> Table:
    def of(name: str, digits: int = 1) -> Callable[[ElasticTensorDocument], str]:
        return lambda d: number(getattr(d.moduli, name, None), digits)

    return Table.of(
        sorted(tensors, key=lambda d: (d.x is None, d.x or 0.0, d.label)),
        {
            "structure": lambda d: d.label,
            "bulk (GPa)": of("bulk"),
            "shear (GPa)": of("shear"),
            "Young (GPa)": of("young"),
            "Poisson": of("poisson", 2),
            "Pugh, bulk/shear": of("pugh", 2),
            "softest (GPa)": lambda d: number(d.lowest_stiffness, 1),
            "remark": lambda d: d.note or "-",
        },
        f"Moduli (Hill's means) from elastic tensors by {tensors[0].method}, "
        f"{counted(len(tensors), 'structure')}, one cell each at 0 K; softest: lowest "
        "eigenvalue of the tensor. How well the potential knows stresses is told by "
        "its errors of forces alone.",
    )
