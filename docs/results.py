"""Write ``docs/results.md`` from the published data of ``docs/data/map`` alone.

``python docs/results.py`` rewrites it; a test compares it with the data. Every verdict
follows from a number by a rule that the page states; nothing here knows a result.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymatgen.core import Composition

from lps_flows.analysis.literature import of_the_paper, paper_value

HERE = Path(__file__).parent
DATA = HERE / "data" / "map"

Row = dict[str, str]
ABOVE = "energy_above_hull (meV/atom)"
FORMATION = "formation_energy_per_atom (meV/atom)"

TOLERANCE = 5.0
"""What counts as different (meV/atom): the tolerance of the campaign's own gap rule."""
SURE = 0.95
"""Probability from which a statement counts as sure."""
MAJORITY = 2 / 3
FEWEST = 3
SAME_X = 0.002
TARGET_ERROR, TARGET_EVALUATIONS = 2.0, 6000  # meV/atom, evaluations
BINS = ((0.0, 0.5), (0.5, 0.667), (0.667, 0.75), (0.75, 0.875), (0.875, 1.0))
CONFIRMED, CONTRADICTED, UNDECIDED = "confirmed", "contradicted", "undecided"

RULES = (
    "The rules were written with the first rows of the hull in view, and one "
    "after the numbers: that of one seed, when an upper bound had counted as a "
    f"contradiction. Different is what differs by more than {TOLERANCE:g} "
    "meV/atom. A gap is confirmed when every composition inside, at least two, "
    "lies so far over the tie line of the glass-ceramics outside and the "
    "campaign's own rule gives its stretches a probability of at least "
    f"{SURE:g}, contradicted when one lies as far below. gamma-Li3PS4 is alone "
    "on the hull when no other phase reaches it; that is contradicted by one "
    "that lies more than as much under the hull of the rest. A polymorph is "
    f"within a few meV up to {TOLERANCE:g} and not beyond {2 * TOLERANCE:g}. A "
    "candidate is what the campaign's rule says, undecided between the "
    f"probabilities of {1 - SURE:.2g} and {SURE:g}; a no is undecided, too, "
    "where one seed alone searched. The class changes when two thirds, of at "
    f"least {FEWEST} on each side, are like the crystal that the paper says."
)


@dataclass(frozen=True)
class Published:
    """What lies in the folder; a table that is not there is empty."""

    folder: Path
    facts: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Published:
        """Read the folder of `docs/publish.py`."""
        text = (folder / "campaign.json").read_text(encoding="utf-8")
        return cls(folder, json.loads(text))

    def table(self, name: str) -> list[Row]:
        """Return the rows of a table."""
        file = self.folder / f"{name}.csv"
        if not file.exists():
            return []
        with file.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def setting(self, *path: str) -> Any:
        """Return a value of the campaign file, None where it has none."""
        value: Any = self.facts["settings"]
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def crystals(self) -> list[Row]:
        """Crystals on the line, lowest of each."""
        return [row for row in self.table("hull") if row["source"] == "crystal"]

    @property
    def glasses(self) -> list[Row]:
        """The lowest glass-ceramic structure of every composition."""
        return [row for row in self.table("hull") if row["label"].startswith("gc-")]


@dataclass(frozen=True)
class Verdict:
    """A statement of the paper, and what these numbers say of it."""

    statement: str
    word: str
    number: str


def number(text: str | float | None, digits: int = 1) -> str:
    """Return a number as a cell, 'missing' where there is none."""
    if text in ("", None):
        return "missing"
    return f"{float(text):.{digits}f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(str(c).replace("|", r"\|") for c in line) + " |"
        for line in lines
    )


def span(values: Sequence[float], digits: int = 1) -> str:
    """Return the range of some numbers."""
    if not values:
        return "missing"
    ends = dict.fromkeys(f"{v:.{digits}f}" for v in (min(values), max(values)))
    return " to ".join(ends)


# the statements


def _atom_share(x: float) -> float:
    """Return the share of atoms in Li2S at x: energies per atom are linear in it."""
    first, second = (Composition(f).num_atoms for f in ("Li2S", "P2S5"))
    return float(x * first / (x * first + (1 - x) * second))


def _tie_line(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """Return the energy of the lower hull of points (x, energy) at x."""
    t = _atom_share(x)
    shares = [(_atom_share(at), energy) for at, energy in points]
    over = [
        e0 if t1 == t0 else e0 + (e1 - e0) * (t - t0) / (t1 - t0)
        for t0, e0 in shares
        for t1, e1 in shares
        if t0 <= t <= t1
    ]
    return min(over, default=None)


def _point(row: Row) -> tuple[float, float]:
    return float(row["x"]), float(row[FORMATION])


def _over_the_outside(
    points: Mapping[str, tuple[float, float]], start: float, end: float
) -> tuple[list[str], list[tuple[float, str, float]]]:
    """Return who lies inside a gap, and how high over the tie line of those outside.

    Heights are (height, label, x), without those that have no neighbours outside.
    """
    margin = 2 * SAME_X
    inside = [k for k, (x, _) in points.items() if start + margin < x < end - margin]
    outside = [point for label, point in points.items() if label not in inside]
    heights = []
    for label in inside:
        x, energy = points[label]
        if (tie := _tie_line(outside, x)) is not None:
            heights.append((energy - tie, label, x))
    return inside, heights


def gap(data: Published, start: float, end: float, text: str) -> Verdict:
    """Judge a gap by the glass-ceramics inside, over the hull of those outside."""
    statement = f"miscibility gap at x = {text}"
    margin = 2 * SAME_X
    points = {row["label"]: _point(row) for row in data.glasses}
    inside, heights = _over_the_outside(points, start, end)
    stretches = [
        part
        for part in data.table("gaps")
        if float(part["x_start"]) < end - margin
        and float(part["x_end"]) > start + margin
    ]
    own = "; ".join(
        f"{float(p['x_start']):.3f}-{float(p['x_end']):.3f} {p['verdict']}"
        + (f" (P = {float(p['probability']):.2f})" if p["probability"] else "")
        + (f", {p['note']}" if p["note"] else "")
        for p in stretches
    )
    by_rule = f" The campaign's own rule: {own or 'no stretch'}."
    if not heights:
        lacking = (
            f"{len(inside)} compositions inside, but no glass-ceramic on both sides to "
            "draw a tie line between."
            if inside
            else "no glass-ceramic inside."
        )
        return Verdict(statement, UNDECIDED, lacking + by_rule)
    height, label, x = min(heights)
    said = (
        f"the lowest of {len(heights)} compositions inside, {label} (x = {x:.3f}), "
        f"lies {height:+.1f} meV/atom over the tie line of the glass-ceramics outside."
    )
    chances = [float(p["probability"]) for p in stretches if p["probability"]]
    sure = bool(chances) and min(chances) >= SURE
    word = UNDECIDED
    if height < -TOLERANCE:
        word = CONTRADICTED
    elif height > TOLERANCE and sure and len(heights) >= 2:
        word = CONFIRMED
    return Verdict(statement, word, said + by_rule)


def only_gamma(data: Published) -> Verdict:
    """Judge whether gamma-Li3PS4 is the only phase on the hull between the ends."""
    statement = "only gamma-Li3PS4 on the hull (end members apart)"
    rows = [row for row in data.table("hull") if 0.0 < float(row["x"]) < 1.0]
    by_label = {row["label"]: row for row in rows}
    if "gamma-Li3PS4" not in by_label:
        return Verdict(statement, UNDECIDED, "gamma-Li3PS4 is missing.")
    gamma = float(by_label["gamma-Li3PS4"][ABOVE])
    points = [_point(row) for row in data.table("hull")]
    others = {}
    for row in rows:
        if float(row[ABOVE]) < 0.05 and row["label"] != "gamma-Li3PS4":
            # all that shares its composition stays out: the hull without it
            rest = [p for p in points if abs(p[0] - float(row["x"])) > SAME_X]
            tie = _tie_line(rest, float(row["x"]))
            others[row["label"]] = (tie or 0.0) - float(row[FORMATION])
    next_one = min(
        (r for r in rows if r["label"] not in {"gamma-Li3PS4", *others}),
        key=lambda row: float(row[ABOVE]),
        default=None,
    )
    said = f"gamma-Li3PS4 {gamma:.1f} meV/atom above the hull"
    if others:
        said += "; also on it: " + ", ".join(
            f"{label} (by {depth:.1f} meV/atom)" for label, depth in others.items()
        )
    if next_one is not None:
        said += f"; next: {next_one['label']} at {float(next_one[ABOVE]):.1f}"
    if gamma > TOLERANCE or any(depth > TOLERANCE for depth in others.values()):
        return Verdict(statement, CONTRADICTED, f"{said}.")
    if others or gamma > 0.05:
        return Verdict(statement, UNDECIDED, f"{said}; all within {TOLERANCE:g}.")
    return Verdict(statement, CONFIRMED, f"{said}.")


def beta(data: Published) -> Verdict:
    """Judge whether beta-Li3PS4 lies within a few meV/atom of the hull."""
    theirs = paper_value("beta-Li3PS4", "energy above hull")
    statement = f"beta-Li3PS4 within a few meV/atom of the hull (paper: {theirs})"
    found = [r for r in data.crystals if r["label"] == "beta-Li3PS4"]
    if not found:
        return Verdict(statement, UNDECIDED, "beta-Li3PS4 is missing.")
    height = float(found[0][ABOVE])
    word = CONTRADICTED if height > 2 * TOLERANCE else UNDECIDED
    if height <= TOLERANCE:
        word = CONFIRMED
    return Verdict(statement, word, f"{height:.1f} meV/atom above the hull.")


def candidate(data: Published) -> Verdict:
    """Judge whether Li42P16S61 is a candidate by the campaign's rule."""
    statement = "Li42P16S61 (x = 0.724) is a candidate"
    found = [r for r in data.table("candidates") if r["formula"] == "Li42P16S61"]
    if not found:
        return Verdict(statement, UNDECIDED, "no verdict on it is in the data.")
    row = found[0]
    words = {"yes": CONFIRMED, "no": CONTRADICTED}
    chance = row["probability"]
    height = float(row[ABOVE])
    said = f"{height:.1f} meV/atom above the hull; candidate: {row['candidate']}"
    word = words.get(row["candidate"], UNDECIDED)
    if chance:
        said += f" (P = {float(chance):.2f})"
        if 1 - SURE < float(chance) < SURE:
            word = UNDECIDED
    seeds = [
        int(search["n_seeds"])
        for search in data.table("searches")
        if abs(float(search["x"]) - float(row["x"])) <= SAME_X
    ]
    if word == CONTRADICTED and max(seeds, default=0) < 2:
        word = UNDECIDED
        said += "; searched from one seed, so that its energy is an upper bound"
    return Verdict(statement, word, f"{said}; {row['reasons']}.")


def class_change(data: Published) -> Verdict:
    """Judge the change from gamma-like to beta-like below x = 0.75."""
    statement = "gamma-like at and above x = 0.75, beta-like below (down to 0.667)"
    # the cells at 0.75 itself are the crystals' own
    sides = {
        "below": _nearest(data, 0.667, 0.75 - SAME_X),
        "from 0.75 on": _nearest(data, 0.75 - SAME_X, 0.875),
    }
    said = "; ".join(
        f"{side}: {c['gamma-Li3PS4']} gamma-like, {c['beta-Li3PS4']} beta-like of "
        f"{sum(c.values())} glass-ceramics"
        for side, c in sides.items()
    )
    below, above = (
        _majority(counts, "beta-Li3PS4", "gamma-Li3PS4") for counts in sides.values()
    )
    word = UNDECIDED
    if below and above:
        pair = (below, above)
        word = CONFIRMED if pair == ("beta-Li3PS4", "gamma-Li3PS4") else CONTRADICTED
    return Verdict(statement, word, f"{said}.")


def _nearest(data: Published, start: float, end: float) -> Counter[str]:
    return Counter(
        row["nearest"]
        for row in data.table("classes")
        if row["x"] and row["source"] != "crystal" and start < float(row["x"]) < end
    )


def _majority(counts: Counter[str], *kinds: str) -> str | None:
    """Return which of two kinds two thirds are of, None of too few or neither."""
    total = sum(counts[kind] for kind in kinds)
    sure = (k for k in kinds if counts[k] >= MAJORITY * total)
    return next(sure, None) if total >= FEWEST else None


def verdicts(data: Published) -> list[Verdict]:
    """Return every statement with its verdict."""
    ranges = [
        (value.values[0], value.values[1], value.text)
        for value in of_the_paper("miscibility gap")
    ]
    return [
        *(gap(data, *limits) for limits in ranges),
        only_gamma(data),
        beta(data),
        candidate(data),
        class_change(data),
    ]


# figure by figure


def picture(data: Published, name: str) -> str:
    """Return a figure with its caption, or why there is none."""
    if name in data.facts["figures"]:
        file = os.path.relpath(data.folder / "figures" / f"{name}.png", HERE)
        return f"![{name}]({file})\n\n{data.facts['figures'][name]}"
    why = data.facts["missing_figures"].get(name, "not asked for")
    return f"No figure: {why}."


def _fig1(data: Published) -> str:
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


def _fig3(data: Published) -> str:
    motifs = ("PS4", "P2S7", "P2S6_edge", "P2S6_PP", "chain", "PS3", "other")
    rows = []
    for start, end in BINS:
        inside = [
            row
            for row in data.table("motifs")
            if row["x"] and start < float(row["x"]) < end
        ]
        if inside:
            means = [sum(float(r[m]) for r in inside) / len(inside) for m in motifs]
            share = [f"{100 * mean:.0f}" for mean in means]
            rows.append((f"{start:g}-{end:g}", str(len(inside)), *share))
    head = ("x strictly inside", "compositions", *(f"{m} (% of P)" for m in motifs))
    return picture(data, "fig3_motifs") + ("\n\n" + table(head, rows) if rows else "")


def _fig5(data: Published) -> str:
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
    head = ("x", "between", "verdict", "probability", "sampled", "margin", "depth")
    if stretches:
        parts.append(
            "Every stretch of the hull of the glass-ceramic structures (margin and "
            "depth in meV/atom):\n\n" + table(head, stretches)
        )
    return "\n\n".join(parts)


def _rdfs(data: Published, figure: str, binding: bool) -> str:
    rows = []
    peaks = data.table("rdf_peaks")
    measured = data.table("measured_peaks")
    for pair in dict.fromkeys(row["pair"] for row in peaks):
        if ("S" in pair.split("-") and len(set(pair.split("-"))) == 2) is not binding:
            continue
        of_pair = [r for r in peaks if r["pair"] == pair and r["first_peak"]]
        ours = [float(r["first_peak"]) for r in of_pair]
        theirs = [
            f"{r['crystal']} {number(r['first_peak'], 2)}"
            for r in measured
            if r["pair"] == pair
        ]
        shown = (span(ours, 2), str(len(ours)), ", ".join(theirs) or "none on record")
        rows.append((pair, *shown))
    head = ("pair", "first peak (Å)", "compositions", "measured in crystals (Å)")
    text = table(head, rows) if rows else "No distances: missing."
    return f"{picture(data, figure)}\n\n{text}"


def _fig7a(data: Published) -> str:
    counts = {limits: _nearest(data, *limits) for limits in BINS}
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


def _fig7b(data: Published) -> str:
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


def _fig9(data: Published) -> str:
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


def _table_1(data: Published) -> str:
    found = data.table("table_1")
    wanted = {v.phase.split(" ")[0] for v in of_the_paper("activation energy")}
    labels = sorted(wanted | {row["structure"] for row in found})
    rows = []
    for label in labels:
        for quantity in ("activation energy", "RT ionic conductivity"):
            ours = [
                row
                for row in found
                if (row["structure"], row["quantity"], row["source"])
                == (label, quantity, "this work")
            ]
            theirs = paper_value(label, quantity)
            shown = [
                row["value"]
                + (f" ({row['low']} to {row['high']})" if row["low"] else "")
                for row in ours
                if row["value"]
            ]
            rows.append(
                (
                    label,
                    quantity,
                    "eV" if quantity == "activation energy" else "mS/cm",
                    "; ".join(shown) or "missing",
                    "not given" if theirs is None else f"{theirs:g}",
                    "; ".join(r["remarks"] for r in ours if r["remarks"]),
                )
            )
    head = ("structure", "quantity", "unit", "here (68 %)", "the paper", "remarks")
    return "\n\n".join(filter(None, (table(head, rows), _other_potential(data))))


def _other_potential(data: Published) -> str:
    """Return the same structures on a published potential, which learned dynamics."""
    found = data.table("beside/table_1")
    if not found:
        return ""
    runs = data.table("beside/runs")
    rows = []
    for label in dict.fromkeys(row["structure"] for row in found):
        of_label = [run for run in runs if run["label"] == label]
        broke = [r for r in of_label if r["framework_survived"] == "False"]
        cells = [label]
        for quantity in ("activation energy", "RT ionic conductivity"):
            (row,) = (
                r for r in found if (r["structure"], r["quantity"]) == (label, quantity)
            )
            theirs = paper_value(label, quantity)
            cells += [
                f"{row['value']} ({row['low']} to {row['high']})"
                if row["value"]
                else "missing",
                "not given" if theirs is None else f"{theirs:g}",
            ]
        used = sum(run["used"] == "True" for run in of_label)
        temperatures = ", ".join(f"{float(r['temperature']):g} K" for r in broke)
        rows.append((*cells, f"{used} of {len(of_label)}", temperatures or "none"))
    longest = max(float(run["production"]) for run in runs) / 1000
    methods = ", ".join(dict.fromkeys(row["method"].partition(";")[0] for row in found))
    head = ("structure", "Ea (eV)", "the paper", "sigma(300 K) (mS/cm)", "the paper")
    return (
        f"The same structures on the published potential Li-P-S-dynamics ({methods}), "
        "which learned frames of dynamics and is meant for up to 1200 K "
        f"([its card](pretrained.md)), {longest:.0f} ps at each temperature "
        "(`benchmarks/map_conductivity.py`):\n\n"
        + table((*head, "runs used", "framework broke at"), rows)
    )


def _fig_s2(data: Published) -> str:
    rows = [
        (
            row["label"],
            f"{float(row['temperature']):g}",
            f"{float(row['production']) / 1000:g}",
            row["D"] or "missing",
            "yes" if row["used"] == "True" else "no",
            {"True": "intact", "False": "broke"}.get(
                row["framework_survived"], "unknown"
            ),
            row["reason"],
        )
        for row in data.table("runs")
    ]
    head = ("structure", "T (K)", "ps", "D (cm²/s)", "used", "framework", "reason")
    text = table(head, rows) if rows else "No dynamics run: missing."
    return f"{picture(data, 'figS2_msd')}\n\n{text}"


def _fig_8b(data: Published) -> str:
    names = [name for name in data.facts["figures"] if name.startswith("fig8b")]
    return "\n\n".join(picture(data, n) for n in names) or "No density of Li: missing."


def _formation(data: Published, rows: list[Row], column: str) -> dict[str, float]:
    """Return formation energies (meV/atom) by label, of energies by one method."""
    energies = {row["label"]: float(row[column]) for row in rows}
    ends = [energies[end] for end in ("P2S5", "Li2S")]
    places = {row["label"]: float(row["x"]) for row in data.table("hull")}
    shares = {
        label: _atom_share(places[label]) for label in energies if label in places
    }
    return {
        label: 1000 * (energies[label] - (1 - share) * ends[0] - share * ends[1])
        for label, share in shares.items()
    }


def _dft(data: Published) -> str:
    """Compare DFT with the surrogate and the potential at the same geometries."""
    every = sorted(data.table("beside/dft"), key=lambda row: int(row["k_points"]))
    # where a structure was computed on two grids the finer one counts
    rows = list({row["label"]: row for row in every}.values())
    if not any(row["label"].startswith("gc-") for row in rows):
        return "No glass-ceramic was computed by DFT: missing."
    shown = {row["label"]: row for row in data.table("hull")}
    columns = {
        "DFT": _formation(data, rows, "energy_per_atom"),
        "ANN": _formation(data, rows, "ann_energy_per_atom"),
    }
    columns["surrogate"] = {k: float(shown[k][FORMATION]) for k in columns["DFT"]}
    above = {}
    for name, found in columns.items():
        points = [(float(shown[label]["x"]), e) for label, e in found.items()]
        crystals = [
            p for p, k in zip(points, found, strict=True) if not k.startswith("gc-")
        ]
        above[name] = {
            label: energy - (_tie_line(crystals, x) or 0.0)
            for (x, energy), label in zip(points, found, strict=True)
        }
    computed = sorted(
        (row for row in rows if row["label"] in columns["DFT"]),
        key=lambda row: (float(shown[row["label"]]["x"]), row["label"]),
    )
    cells = [
        (
            *(row["label"], number(shown[row["label"]]["x"], 3), row["nsites"]),
            *(row["k_points"], number(row["max_force"], 2)),
            *(number(above[name][row["label"]]) for name in above),
        )
        for row in computed
    ]
    methods = ", ".join(sorted({row["method"] for row in every}))
    head = ("structure", "x", "atoms", "k-points", "largest force (eV/Å)", *above)
    said = (
        f"Single points by {methods} at the geometries of {data.facts['method']}, "
        "above the hull of the crystals by the same method (meV/atom). ANN: the "
        "published potential Li-P-S, which learned the surrogate."
    )
    parts = [said, table(head, cells)]
    finer = {row["label"]: row for row in rows}
    for row in every:
        if row is not (best := finer[row["label"]]):
            change = float(row["energy_per_atom"]) - float(best["energy_per_atom"])
            parts.append(
                f"{row['label']} on {row['k_points']} k-points less that on "
                f"{best['k_points']}: {1000 * change:+.1f} meV/atom."
            )
    for name, kind in (("surrogate", data.facts["method"]), ("ANN", "the ANN")):
        errors = [
            energy - columns["DFT"][label]
            for label, energy in columns[name].items()
            if label.startswith("gc-")
        ]
        parts.append(
            f"Formation energies of {len(errors)} glass-ceramics by {kind} less those "
            f"by DFT: {span(errors)} meV/atom, mean {sum(errors) / len(errors):+.1f}, "
            f"mean absolute {sum(map(abs, errors)) / len(errors):.1f}."
        )
    for value in of_the_paper("miscibility gap"):
        glasses = {
            label: (float(shown[label]["x"]), energy)
            for label, energy in columns["DFT"].items()
            if label.startswith("gc-")
        }
        _, heights = _over_the_outside(glasses, *value.values[:2])
        said = "no glass-ceramic computed inside and on both sides."
        if heights:
            height, label, _ = min(heights)
            said = (
                f"the lowest computed inside, {label}, lies {height:+.1f} meV/atom "
                "over the tie line of those computed outside."
            )
        parts.append(f"By DFT the gap at x = {value.text}: {said}")
    return "\n\n".join(parts)


def _elasticity(data: Published) -> str:
    rows = [
        (
            row.get("label") or row["parent"],
            row.get("method") or str(data.facts["method"]),
            number(row["bulk_modulus"]),
            number(row["bulk_modulus_error"]),
        )
        for row in (*data.table("elasticity"), *data.table("beside/elasticity"))
    ]
    if not rows:
        return "Bulk moduli were not computed: missing."
    return table(("structure", "method", "B0 (GPa)", "error"), rows)


FIGURES: dict[str, Callable[[Published], str]] = {
    "Fig. 1: the Li-P-S diagram": _fig1,
    "Fig. 3: motifs": _fig3,
    "Fig. 5: formation energies and gaps": _fig5,
    "Fig. 6: distances of pairs that bind": lambda d: _rdfs(d, "fig6_rdfs", True),
    "Fig. S1: the other distances": lambda d: _rdfs(d, "figS1_rdfs", False),
    "Fig. 7a: nearest crystals": _fig7a,
    "Fig. 7b: classes": _fig7b,
    "Fig. 8a: Arrhenius lines": lambda d: picture(d, "fig8a_arrhenius"),
    "Fig. 8b: density of Li": _fig_8b,
    "Fig. 9: region of the conductors": _fig9,
    "Fig. S2: mean-squared displacements": _fig_s2,
    "Table 1: conductivities": _table_1,
    "Bulk moduli": _elasticity,
    "By DFT": _dft,
}


# how far to trust it


def limits(data: Published) -> list[str]:
    """Return what these numbers cannot know, by what was run."""
    found = []
    method = str(data.facts["method"])
    methods = {row["method"] for row in data.table("structures")} or {method}
    if not any(m.startswith(("vasp", "gpaw")) for m in methods):
        asked = [r for r in data.table("beside/dft") if r["label"].startswith("gc-")]
        found.append(
            f"No energy of the campaign is by DFT: all are by "
            f"{', '.join(sorted(methods))}, a surrogate. "
            + (
                f"DFT was asked at {len(asked)} of {len(data.glasses)} glass-ceramics, "
                "at geometries that are not its own minima (see By DFT)."
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


def _errors(data: Published) -> str:
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


def _cost(data: Published) -> str:
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


def page(folder: Path = DATA) -> str:
    """Return the page made of a folder of published data."""
    data = Published.read(folder)
    code = data.facts["versions"].get("lps-flows", "unknown")
    judged = verdicts(data)
    counts = Counter(verdict.word for verdict in judged)
    parts = [
        "<!-- Written by docs/results.py from docs/data/map. Change nothing here. -->",
        "# Results beside the paper",
        (
            f"The campaign `{data.facts['campaign']}` (`workflows/"
            f"{data.facts['campaign']}.yaml`), energies by {data.facts['method']}, "
            f"lps-flows {code}, beside Guo, Wang, Urban, Artrith, Chem. Mater. 2022 "
            "(doi 10.1021/acs.chemmater.2c00267). `docs/publish.py` wrote the tables, "
            "the lowest structures and the figures of `docs/data/map`, "
            "`docs/results.py` makes this page of them."
        ),
        "## The paper's statements",
        table(
            ("statement", "here", "the number that says so"),
            [(v.statement, f"**{v.word}**", v.number) for v in judged],
        ),
        (
            f"{counts[CONFIRMED]} confirmed, {counts[CONTRADICTED]} contradicted, "
            f"{counts[UNDECIDED]} undecided, of these energies."
        ),
        RULES,
        "## What these numbers cannot know",
        "\n".join(f"- {text}" for text in limits(data)) or "Nothing is named.",
    ]
    for title, part in FIGURES.items():
        parts += [f"## {title}", part(data)]
    parts += ["## Errors of the potential", _errors(data)]
    parts += ["## What it took", _cost(data)]
    n_files = len(list((folder / "structures").glob("*.cif")))
    parts += [
        "## The data",
        (
            "In `docs/data/map`: `structures.csv` (every structure with its energy), "
            f"`structures/` ({n_files} CIF files, the lowest structure of every "
            "crystal and composition), `hull.csv`, `gaps.csv`, `candidates.csv`, "
            "`classes.csv`, `motifs.csv`, `rdf_peaks.csv`, `runs.csv`, `searches.csv`, "
            "`cost.csv`, `campaign.json` (settings and versions), and, of dynamics, "
            "`table_1.csv`."
        ),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def main() -> None:
    """Write the page."""
    (HERE / "results.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
