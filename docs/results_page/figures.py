"""The paper's figures of energies and structures, beside what it says of them."""

from __future__ import annotations

from collections import Counter

from lps_flows.analysis.literature import of_the_paper, paper_value
from results_page.published import (
    ABOVE,
    BINS,
    FORMATION,
    MOTIFS,
    Published,
    formulas,
    number,
    picture,
    span,
    table,
    within,
)
from results_page.statements import nearest


def fig_1(data: Published) -> str:
    """Return the crystals over the hull of Li-P-S."""
    column = "energy_above_ternary_hull (meV/atom)"
    crystals = [
        r for r in data.table("structures") if r["source"] == "crystal" and r[column]
    ]
    rows = [(r["parent"] or r["formula_pretty"], number(r[column])) for r in crystals]
    lines = [picture(data, "fig1_ternary")]
    if rows:
        head = ("crystal", "above the hull of Li-P-S (meV/atom)")
        lines.append(table(head, sorted(rows, key=lambda r: float(r[1]))))
    return "\n\n".join(lines)


def fig_3(data: Published) -> str:
    """Return the share of each motif in glass-ceramics, by stretch of x."""
    glasses, _ = data.on_line("motifs")
    rows = []
    for start, end in BINS:
        low, high = within(start, end)
        inside = [row for row in glasses if low < float(row["x"]) < high]
        if inside:
            means = [sum(float(r[m]) for r in inside) / len(inside) for m in MOTIFS]
            share = [f"{100 * mean:.0f}" for mean in means]
            counts = (len(formulas(inside)), len(inside))
            rows.append((f"{start:g}-{end:g}", *map(str, counts), *share))
    parts = [picture(data, "fig3_motifs")]
    if rows:
        head = ("x strictly inside", "compositions", "averaged")
        said = (
            "Glass-ceramics alone; a composition that comes from several parents is "
            "averaged once for each."
        )
        columns = (*head, *(f"{m} (% of P)" for m in MOTIFS))
        parts += [said, table(columns, rows)]
    return "\n\n".join(parts)


def fig_5(data: Published) -> str:
    """Return formation energies beside the paper, and every stretch of their hull."""
    rows = []
    for row in data.table("hull"):
        theirs = paper_value(row["label"], "energy above hull")
        if row["source"] == "crystal" or theirs is not None:
            rows.append(
                (
                    row["label"],
                    number(row["x"], 3),
                    number(row[FORMATION]),
                    number(row[ABOVE]),
                    "not given" if theirs is None else f"{theirs:.1f}",
                )
            )
    known = {row[0] for row in rows}
    for value in of_the_paper("energy above hull"):
        label = value.phase.split(" ")[0]
        if label not in known:
            missing = (label, number(value.x, 3), "missing", "missing", value.text)
            rows.append(missing)
    head = ("phase", "x", "formation (meV/atom)", "above hull (meV/atom)", "the paper")
    parts = [picture(data, "fig5_formation_energies"), table(head, rows)]
    heights = [float(row[ABOVE]) for row in data.glasses]
    if heights:
        lowest = min(data.glasses, key=lambda row: float(row[ABOVE]))
        parts.append(
            f"{len(heights)} compositions of glass-ceramics, {span(heights)} meV/atom "
            f"above the hull; lowest: {lowest['label']} (x = {float(lowest['x']):.3f})."
        )
    stretches = [
        (
            f"{float(r['x_start']):.3f}-{float(r['x_end']):.3f}",
            r["between"],
            r["verdict"] + (f": {r['note']}" if r["note"] else ""),
            number(r["probability"], 2),
            r["n_sampled"],
            number(r["margin (meV/atom)"]),
            number(r["depth (meV/atom)"]),
        )
        for r in data.table("gaps")
    ]
    columns = ("x", "between", "verdict", "probability", "sampled", "margin", "depth")
    if stretches:
        parts.append(
            "Every stretch of the hull of the glass-ceramic structures (margin and "
            "depth in meV/atom):\n\n" + table(columns, stretches)
        )
    return "\n\n".join(parts)


def rdfs(data: Published, figure: str, binding: bool) -> str:
    """Return first peaks of pairs that bind, or of the others, and measured ones."""
    rows = []
    peaks = data.on_line("rdf_peaks")
    measured = data.table("measured_peaks")
    for pair in dict.fromkeys(row["pair"] for side in peaks for row in side):
        if ("S" in pair.split("-") and len(set(pair.split("-"))) == 2) is not binding:
            continue
        glasses, crystals = (
            [r for r in side if r["pair"] == pair and r["first_peak"]] for side in peaks
        )
        ours, own = (
            span([float(r["first_peak"]) for r in side], 2)
            for side in (glasses, crystals)
        )
        theirs = [
            f"{r['crystal']} {number(r['first_peak'], 2)}"
            for r in measured
            if r["pair"] == pair
        ]
        found = ", ".join(theirs) or "none on record"
        rows.append((pair, ours, str(len(formulas(glasses))), own, found))
    head = ("pair", "first peak in glass-ceramics (Å)", "compositions")
    head += ("in crystals (Å)", "measured in crystals (Å)")
    text = table(head, rows) if rows else "No distances: missing."
    return f"{picture(data, figure)}\n\n{text}"


def fig_7a(data: Published) -> str:
    """Return how many structures are nearest to each crystal, by stretch of x."""
    counts = {limits: nearest(data, *within(*limits)) for limits in BINS}
    names = sorted({name for found in counts.values() for name in found})
    rows = [
        (f"{start:g}-{end:g}", *(str(found[name]) for name in names))
        for (start, end), found in counts.items()
        if found
    ]
    parts = [picture(data, "fig7a_nearest_crystals")]
    if rows:
        parts.append(table(("x strictly inside", *names), rows))
    return "\n\n".join(parts)


def fig_7b(data: Published) -> str:
    """Return the classes and the crystals in them."""
    sizes = Counter(row["label"] for row in data.table("classes"))
    own: dict[str, list[str]] = {}
    for row in data.table("reference_classes"):
        own.setdefault(row["label"], []).append(row["crystal"])
    rows = [
        (label, str(size), ", ".join(own.get(label, [])) or "none")
        for label, size in sorted(sizes.items())
    ]
    parts = [picture(data, "fig7b_classes")]
    if rows:
        parts.append(table(("class", "structures", "reference crystals"), rows))
        parts.append(f"{len(rows)} classes here, 4 in the paper.")
    return "\n\n".join(parts)


def fig_9(data: Published) -> str:
    """Return the candidates."""
    found = data.table("candidates")
    counts = Counter(row["candidate"] for row in found)
    text = (
        ", ".join(f"{n} {word}" for word, n in sorted(counts.items())) or "none judged"
    )
    best = [r for r in found if r["candidate"] == "yes"]
    named = "; ".join(
        f"{r['formula']} (x = {float(r['x']):.3f}, {number(r[ABOVE])} meV/atom, "
        f"like {r['nearest']})"
        for r in sorted(best, key=lambda r: float(r["rank"] or 0))
    )
    verdict = f"Candidates: {text}." + (f" {named}." if named else "")
    return f"{picture(data, 'fig9_region')}\n\n{verdict}"
