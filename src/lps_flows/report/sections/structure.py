"""Section: motifs, distances, similarity and classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lps_flows.report.blocks import Block, Chart, Section, Table
from lps_flows.report.charts.structure import (
    class_figure,
    motif_figure,
    nearest_figure,
    rdf_figure,
)
from lps_flows.report.charts.style import styles, x_title
from lps_flows.report.diagram import Diagram
from lps_flows.report.summary import counted, number
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.elasticity import ElasticityDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.rdf import RDFDocument


def motif_section(
    trends: Sequence[MotifTrendDocument],
    rdfs: Sequence[RDFDocument],
    diagram: Diagram | None,
) -> Section:
    """Return the section on motifs and distribution functions."""
    style = styles(diagram.crystals if diagram else ())
    blocks: list[Block] = []
    if trends:
        n = sum(trend.n_structures for trend in trends)
        blocks.append(
            Chart(
                "motif-chart",
                motif_figure(trends, along(diagram), style),
                "Fraction of P per motif, mean and standard deviation over the lowest "
                f"structures of each composition and parent: {counted(n, 'structure')} "
                f"by {trends[0].method}.",
                520,
            )
        )
        blocks.append(_motif_table(trends))
    if rdfs:
        n = sum(document.n_structures for document in rdfs)
        curves, pairs = rdf_figure(rdfs, style)
        blocks.append(
            Chart(
                "rdf-chart",
                curves,
                "Partial radial distribution functions, each averaged over the lowest "
                "structures of a composition, x rising from bottom to top, coloured by "
                f"parent: {counted(n, 'structure')} by {rdfs[0].method}.",
                640,
                pairs,
                "pair",
            )
        )
        blocks.append(_coordination_table(rdfs))
    return Section(
        "motifs",
        "Motifs and distances",
        blocks,
        missing="The motif and distribution builders have not run yet.",
        status="done" if trends and rdfs else "partial",
    )


def along(diagram: Diagram | None) -> str:
    """Return the title of an axis along the composition line."""
    return "x" if diagram is None else x_title(diagram.line.end_members)


def _motif_table(trends: Sequence[MotifTrendDocument]) -> Table:
    n = sum(trend.n_structures for trend in trends)
    return Table(
        (
            "composition",
            "x",
            "parent",
            "structures",
            "PS4",
            "P2S7",
            "P2S6 edge",
            "P2S6 P-P",
            "chain",
            "other",
            "free S",
        ),
        [
            (
                trend.formula,
                number(trend.x, 3),
                trend.parent or "-",
                str(trend.n_structures),
                *(f"{value:.2f}" for value in trend.mean.model_dump().values()),
                f"{trend.free:.2f}",
            )
            for trend in sorted(trends, key=lambda t: (t.x is None, t.x or 0.0))
        ],
        f"The same numbers: fractions of P, and of S bonded to no P, by "
        f"{trends[0].method}, {counted(n, 'structure')}.",
    )


def _coordination_table(rdfs: Sequence[RDFDocument]) -> Table:
    return Table(
        ("composition", "parent", "pair", "first peak (Å)", "neighbours"),
        [
            (
                document.formula,
                document.parent or "-",
                "-".join(partial.pair),
                number(partial.first_peak, 2),
                number(partial.coordination, 2),
            )
            for document in sorted(rdfs, key=lambda d: (d.x is None, d.x or 0.0))
            for partial in document.partials
        ],
        "First peaks, and neighbours of the pair's first element up to the first "
        f"minimum, by {rdfs[0].method}, {sum(d.n_structures for d in rdfs)} "
        "structures.",
    )


def class_section(
    assignments: Sequence[ClusterAssignment],
    models: Sequence[ClusterModelDocument],
    diagram: Diagram | None,
) -> Section:
    """Return the section on similarity and classes."""
    if not models or not assignments:
        return Section(
            "classes",
            "Similarity and classes",
            missing="The fingerprint and cluster builders have not run yet.",
        )
    model = models[0]
    style = styles(diagram.crystals if diagram else ())
    of = f"of {model.element} environments" if model.element else "of all atoms"
    number_of = counted(len(assignments), "structure")
    about = f"Fingerprints {of}, {number_of} by {model.method}"
    blocks: list[Block] = [
        Chart(
            "class-chart",
            class_figure(assignments, model),
            f"{about}; k-means classes, stars: reference crystals. Click a point to "
            "see the structure.",
            500,
        ),
        _class_table(assignments, model),
    ]
    if any(found.x is not None and found.source != "crystal" for found in assignments):
        blocks.append(
            Chart(
                "nearest-chart",
                nearest_figure(assignments, along(diagram), style),
                f"{about}; nearest crystal by similarity (Eq. 3), 'none' below "
                f"{model.similarity_threshold:g}.",
            )
        )
    scores = sorted((int(k), score) for k, score in model.silhouette.items())
    blocks.append(
        Table(
            ("number of classes", "silhouette score"),
            [(str(k), f"{score:.3f}") for k, score in scores],
            f"Silhouette scores over {number_of} by {model.method}; "
            f"{len(model.centroids)} classes were chosen.",
        )
    )
    return Section("classes", "Similarity and classes", blocks)


def _class_table(
    assignments: Sequence[ClusterAssignment], model: ClusterModelDocument
) -> Table:
    sizes = Counter(found.label for found in assignments)
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


def elasticity_section(documents: Sequence[ElasticityDocument]) -> Section:
    """Return the section on bulk moduli."""
    if not documents:
        return Section(
            "elasticity",
            "Elasticity",
            missing="No equation of state has been computed.",
        )
    table = Table(
        ("structure", "formula", "bulk modulus (GPa)", "B0'", "V (Å³/atom)", "trusted"),
        [
            (
                found.parent or found.formula,
                found.formula,
                "-"
                if found.bulk_modulus is None
                else f"{found.bulk_modulus:.1f} ± {found.bulk_modulus_error or 0:.1f}",
                number(found.pressure_derivative, 1),
                number(found.volume, 2),
                "yes" if found.trusted else f"no: {found.note or '-'}",
            )
            for found in documents
        ],
        f"Bulk moduli from equations of state by {documents[0].method}: "
        f"{counted(len(documents), 'structure')}.",
    )
    return Section("elasticity", "Elasticity", [table])
