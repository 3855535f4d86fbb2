"""How far to trust the numbers, and what they cost."""

from __future__ import annotations

from lps_flows.analysis.literature import of_the_paper
from results_page.published import Published, number, span, table

TARGET_ERROR, TARGET_EVALUATIONS = 2.0, 6000  # meV/atom, evaluations


def limits(data: Published) -> list[str]:
    """Return what these numbers cannot know, by what was run."""
    found = []
    method = str(data.facts["method"])
    methods = {row["method"] for row in data.table("structures")} or {method}
    if not any(m.startswith(("vasp", "gpaw")) for m in methods):
        labels = {row["label"] for row in data.table("beside/dft")}
        asked = [label for label in labels if label.startswith("gc-")]
        found.append(
            f"No energy of the campaign is by DFT: all are by "
            f"{', '.join(sorted(methods))}, a surrogate. "
            + (
                f"DFT was asked at {len(asked)} glass-ceramics, at geometries that are "
                "not its own minima (see By DFT)."
                if asked
                else "Its error on glass-ceramics was not measured; DFT at these "
                "geometries was not run."
            )
        )
    if not data.facts["complete"]:
        scans = data.setting("sampling", "scans") or []
        planned = sum(len(scan["n_units"]) for scan in scans)
        found.append(
            "The campaign had not ended when this was published: "
            f"{len(data.table('searches'))} of {planned} searches were complete, with "
            f"{len(data.glasses)} compositions of glass-ceramics."
        )
    seeds = data.setting("sampling", "n_seeds")
    if seeds == 1:
        found.append(
            "One seed for each search: the error of the search is unknown, and every "
            "energy of a glass-ceramic is an upper bound."
        )
    relaxed = data.setting("sampling", "lowest", "n_lowest")
    if relaxed == 1:
        found.append(
            "One structure of each composition and parent was relaxed by the reference "
            "engine: no rank correlation, and distances and motifs are those of one "
            "structure."
        )
    size = data.setting("sampling", "evolution", "population")
    generations = data.setting("sampling", "evolution", "generations")
    if size and generations:
        found.append(
            f"Searches of {generations} generations of {size} structures; the paper "
            "has a population of 32 and does not give the generations."
        )
    production = data.setting("conductivity", "production")
    if not data.table("runs"):
        found.append("No dynamics has ended: nothing here is about conductivity.")
    elif production and production < 300_000:
        found.append(
            f"{production / 1000:g} ps of production at each temperature; the paper "
            "has about 300 ps."
        )
    falling = [r for r in data.table("searches") if r["still_falling"] == "True"]
    if falling:
        found.append(
            f"{len(falling)} of {len(data.table('searches'))} searches still fell when "
            "they stopped."
        )
    return found


def errors(data: Published) -> str:
    """Return errors of the potential on lowest and on held-out structures."""
    column = "mean_absolute_error (meV/atom)"
    rows = [r for r in data.table("searches") if r[column]]
    if not rows:
        return "The error of the potential on the lowest structures: missing."
    errors = [float(row[column]) for row in rows]
    ranks = [float(r["rank_correlation"]) for r in rows if r["rank_correlation"]]
    met = sum(error < TARGET_ERROR for error in errors)
    parts = [
        (
            "Mean absolute difference of potential and reference engine on the lowest "
            f"structures: {span(errors)} meV/atom over {len(errors)} searches, mean "
            f"{sum(errors) / len(errors):.1f}; below the target of {TARGET_ERROR:g} in "
            f"{met}. Rank correlation: {span(ranks, 2)}."
        ),
        table(
            ("cell", "x", "parent", "relaxed", "error (meV/atom)"),
            [
                (
                    *(r["formula"], number(r["x"], 3), r["parent"], r["n_relaxed"]),
                    number(r[column]),
                )
                for r in sorted(rows, key=lambda r: (float(r["x"] or 0), r["parent"]))
            ],
        ),
    ]
    if rounds := data.facts.get("rounds"):
        learnt = [
            (
                str(found["number"]),
                *(
                    "missing" if found[kind] is None else number(1000 * found[kind])
                    for kind in ("error", "spread")
                ),
                str(found["n_evaluations"]),
            )
            for found in rounds
        ]
        head = ("round", "error (meV/atom)", "spread of the committee", "evaluations")
        parts.append(
            "On the lowest structures that a round of active learning explored, before "
            "they were trained on:\n\n" + table(head, learnt)
        )
    potentials = data.facts["potentials"]
    if potentials:
        held_out = [
            (
                *(p["method"], str(p["n_structures"])),
                *(number(p["validation"][kind]) for kind in ("rmse", "mae")),
            )
            for p in potentials
        ]
        theirs = [of_the_paper(f"potential {kind}") for kind in ("RMSE", "MAE")]
        held_out.append(("the paper", "~6000", *(v[0].text for v in theirs)))
        head = ("potential", "structures", "RMSE (meV/atom)", "MAE (meV/atom)")
        parts.append("On held-out structures:\n\n" + table(head, held_out))
    return "\n\n".join(parts)


def cost(data: Published) -> str:
    """Return what every stage took, beside what was foretold."""
    found = data.table("cost")
    rows = [
        (
            row["stage"],
            row["evaluations"],
            row["foretold_evaluations"] or "not foretold",
            number(row["core_hours"], 2),
            number(row["foretold_core_hours"], 2),
        )
        for row in found
    ]
    head = ("stage", "evaluations", "at most", "core-hours", "foretold")
    parts = [table(head, rows)]
    total = next((r for r in found if r["stage"] == "total"), None)
    if total is not None:
        within = int(total["evaluations"]) <= TARGET_EVALUATIONS
        parts.append(
            f"{total['evaluations']} reference evaluations: "
            f"{'within' if within else 'above'} the target of {TARGET_EVALUATIONS}."
        )
    first, last = data.facts["first_job_ended"], data.facts["last_job_ended"]
    if first and last:
        parts.append(f"First job ended {first[:16]}, last {last[:16]}.")
    return "\n\n".join(parts)
