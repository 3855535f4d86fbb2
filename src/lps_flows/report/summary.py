"""The summary of a campaign as Markdown: what came out, and what has not run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from lps_flows.analysis.literature import paper_citation, paper_value
from lps_flows.report.documents import JobOutput
from lps_flows.report.hull_table import HullRow
from lps_flows.schemas.transport import TransportDocument

NOT_RUN = "_This stage has not run yet._"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars in cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |"
        for line in lines
    )


def summary_text(
    campaign: str,
    sections: Sequence[tuple[str, str]],
    *,
    methods: Sequence[str],
    versions: dict[str, str],
    beside_paper: bool,
) -> str:
    """Return the whole summary.

    Parameters
    ----------
    campaign
        Name of the campaign.
    sections
        Titles and texts.
    methods
        Reference methods of the energies.
    versions
        Versions of the code that wrote the documents.
    beside_paper
        Whether the paper's numbers stand in the tables.
    """
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    code = ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
    head = [
        f"# {campaign}",
        "",
        f"Energies by {', '.join(methods) or 'no method yet'}. Written {written}"
        + (f" from documents of {code}." if code else "."),
    ]
    if beside_paper:
        head += [
            "",
            (
                f"The column 'paper' holds PBE and AIMD values of {paper_citation()}; "
                "ours are by the method named, at the size of this campaign."
            ),
        ]
    for title, text in sections:
        head += ["", f"## {title}", "", text or NOT_RUN]
    return "\n".join(head) + "\n"


def hull_text(rows: Sequence[HullRow], *, beside_paper: bool = True) -> str:
    """Return the hull table, energies in meV/atom."""
    if not rows:
        return ""
    paper = ("paper",) if beside_paper else ()
    return markdown_table(
        ("structure", "x", "E above hull (meV/atom)", *paper, "E_f (meV/atom)", "n"),
        [
            (
                row.label + (f" (from {row.parent})" if row.glass else ""),
                f"{row.x:.3f}",
                f"{row.e_above_hull:.1f}",
                *(number(row.paper_e_above_hull, 1) for _ in paper),
                f"{row.formation_energy:.1f}",
                str(row.n_structures),
            )
            for row in rows
        ],
    )


def potential_text(potentials: Sequence[JobOutput]) -> str:
    """Return the errors of every potential trained, oldest first (meV/atom)."""
    if not potentials:
        return ""
    return markdown_table(
        (
            "potential",
            "members",
            "structures",
            "validation RMSE",
            "MAE",
            "max",
            "train RMSE",
        ),
        [
            (
                doc["method"],
                str(doc["n_members"]),
                f"{doc['n_structures']} ({doc['validation']['n_structures']} held out)",
                f"{doc['validation']['rmse']:.1f} meV/atom",
                f"{doc['validation']['mae']:.1f}",
                f"{doc['validation']['max']:.1f}",
                f"{doc['training']['rmse']:.1f}",
            )
            for doc in (found.output for found in potentials)
        ],
    )


def sampling_text(samplings: Sequence[JobOutput]) -> str:
    """Return one line per sampled composition."""
    if not samplings:
        return ""
    documents = sorted((f.output for f in samplings), key=lambda d: d["x"] or 0.0)
    table = markdown_table(
        (
            "composition",
            "x",
            "parent",
            "relaxed",
            "failed",
            "ANN error (meV/atom)",
            "rank",
        ),
        [
            (
                doc["formula"],
                number(doc["x"], 3),
                f"{doc['parent']} - {doc['n_removed']} {doc['removed']}",
                str(sum(e is not None for e in doc["reference_energies"])),
                str(sum(e is None for e in doc["reference_energies"])),
                number(doc["mean_absolute_error"], 1),
                number(doc["rank_correlation"], 2),
            )
            for doc in documents
        ],
    )
    poor = [doc["formula"] for doc in documents if doc["needs_active_learning"]]
    if not poor:
        return table
    return (
        f"{table}\n\nThe ANN's order is poor or its committee uncertain for "
        f"{', '.join(poor)}: more reference data would help. Give the campaign a new "
        "`name` and raise `active_learning.rounds`; each round labels the most "
        "uncertain structures of such searches and trains again."
    )


def candidates_text(selections: Sequence[JobOutput]) -> str:
    """Return the verdict on every composition, and what went into MD."""
    if not selections:
        return ""
    document = selections[-1].output
    table = markdown_table(
        ("composition", "x", "candidate", "why"),
        [
            (
                verdict["formula"],
                f"{verdict['x']:.3f}",
                f"yes, rank {verdict['rank']}" if verdict["chosen"] else "no",
                reasons(verdict["criteria"]),
            )
            for verdict in document["criteria"]
        ],
    )
    taken = ", ".join(
        f"{chosen['label']} ({chosen['reason']})" for chosen in document["selected"]
    )
    return f"{table}\n\nInto molecular dynamics: {taken or 'nothing'}."


def reasons(criteria: Sequence[dict[str, Any]]) -> str:
    """Return the criteria in words, those not met first."""
    ordered = sorted(criteria, key=lambda criterion: criterion["passed"])
    return "; ".join(
        f"{'met' if found['passed'] else 'NOT met'}: {found['name']}: "
        f"{verdict(found['value'], found['threshold'], passed=found['passed'])}"
        for found in ordered
    )


def verdict(value: Any, threshold: Any, *, passed: bool) -> str:
    """Return what a composition has beside what a criterion asks, in words.

    Parameters
    ----------
    value
        What the composition has: a position, a number, a class.
    threshold
        What is asked: intervals to keep out of, an upper limit, classes by crystal.
    passed
        Whether it is met.
    """
    if isinstance(threshold, dict):
        wanted = ", ".join(f"{key} ({label})" for key, label in threshold.items())
        return f"class {short(value)}, {'as' if passed else 'not as'} {wanted}"
    if isinstance(threshold, list | tuple):
        gaps = "; ".join(f"{low:.3f} to {high:.3f}" for low, high in threshold)
        return f"x = {value:.3f}, {f'gaps {gaps}' if gaps else 'no gap'}"
    return f"{short(value)}, at most {short(threshold)}"


def short(value: Any) -> str:
    """Return a value of a criterion in a few characters."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    return "none" if value is None else str(value)


def counted(number: int, what: str) -> str:
    """Return a number of things, "1 structure" or "2 structures"."""
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def number(value: float | None, digits: int) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def conductivity_text(
    documents: Sequence[TransportDocument], *, beside_paper: bool = True
) -> str:
    """Return activation energies and conductivities beside the paper's."""
    if not documents:
        return ""
    header = ["structure", "method", "runs used", "Ea (eV)", "sigma at 300 K (mS/cm)"]
    if beside_paper:
        header = [*header[:4], "paper", header[4], "paper"]
    rows = [
        (
            document.label,
            document.method,
            f"{sum(run.used for run in document.runs)} of {len(document.runs)}",
            *_beside(document, beside_paper=beside_paper),
        )
        for document in sorted(documents, key=lambda d: (d.label, d.method))
    ]
    table = markdown_table(header, rows)
    warnings = [
        f"- {d.label}: {text}" for d in documents for text in dict.fromkeys(d.warnings)
    ]
    return "\n".join([table, "", *warnings]).rstrip()


def _beside(document: TransportDocument, *, beside_paper: bool) -> tuple[str, ...]:
    energy, sigma = conductivity_cells(document)
    if not beside_paper:
        return energy, sigma
    paper_energy, paper_sigma = paper_transport(document.label)
    return energy, paper_energy, sigma, paper_sigma


def conductivity_cells(document: TransportDocument) -> tuple[str, str]:
    """Return activation energy (eV) and conductivity (mS/cm) with 68 % intervals."""
    energy = "-"
    if document.activation_energy is not None:
        energy = f"{document.activation_energy:.3f}"
        if document.activation_energy_interval is not None:
            low, high = document.activation_energy_interval
            energy += f" ({low:.3f} to {high:.3f})"
    sigma = "-"
    if document.conductivity is not None:
        sigma = _plain(1000 * document.conductivity)
        if document.conductivity_interval is not None:
            low, high = document.conductivity_interval
            sigma += f" ({_plain(1000 * low)} to {_plain(1000 * high)})"
    return energy, sigma


def _plain(value: float) -> str:
    """Return three digits, large numbers without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def paper_transport(label: str) -> tuple[str, str]:
    """Return the paper's activation energy (eV) and conductivity (mS/cm)."""
    energy = paper_value(label, "activation energy")
    sigma = paper_value(label, "RT ionic conductivity")
    return number(energy, 3), "-" if sigma is None else f"{sigma:g}"
