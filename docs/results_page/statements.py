"""The paper's statements, each confirmed, contradicted or undecided by a rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lps_flows.analysis.literature import of_the_paper, paper_value
from results_page.published import ABOVE, FORMATION, SAME_X, Published, within
from results_page.tie_lines import over_the_outside, point, tie_line

TOLERANCE = 5.0
"""What counts as different (meV/atom): the tolerance of the campaign's own gap rule."""
SURE = 0.95
"""Probability from which a statement counts as sure."""
MAJORITY = 2 / 3
FEWEST = 3
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
class Verdict:
    """A statement of the paper, and what these numbers say of it."""

    statement: str
    word: str
    number: str


def gap(data: Published, start: float, end: float, text: str) -> Verdict:
    """Judge a gap by the glass-ceramics inside, over the hull of those outside."""
    statement = f"miscibility gap at x = {text}"
    points = {row["label"]: point(row) for row in data.glasses}
    inside, heights = over_the_outside(points, start, end)
    others = "the glass-ceramics outside"
    if not heights:
        crystals = [
            point(row) for row in data.table("hull") if row["source"] == "crystal"
        ]
        _, heights = over_the_outside(points, start, end, crystals)
        others = "the crystals at its borders, beyond which no glass-ceramic lies"
    low, high = within(start, end)
    stretches = [
        part
        for part in data.table("gaps")
        if float(part["x_start"]) < high and float(part["x_end"]) > low
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
            f"{len(inside)} compositions inside, but nothing on both sides to draw a "
            "tie line between."
            if inside
            else "no glass-ceramic inside."
        )
        return Verdict(statement, UNDECIDED, lacking + by_rule)
    height, label, x = min(heights)
    said = (
        f"the lowest of {len(heights)} compositions inside, {label} (x = {x:.3f}), "
        f"lies {height:+.1f} meV/atom over the tie line of {others}."
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
    every = data.table("hull")
    rows = [row for row in every if 0.0 < float(row["x"]) < 1.0]
    by_label = {row["label"]: row for row in rows}
    if "gamma-Li3PS4" not in by_label:
        return Verdict(statement, UNDECIDED, "gamma-Li3PS4 is missing.")
    gamma = float(by_label["gamma-Li3PS4"][ABOVE])
    others = {}
    for row in rows:
        if float(row[ABOVE]) < 0.05 and row["label"] != "gamma-Li3PS4":
            rest = [point(other) for other in every if other is not row]
            tie = tie_line(rest, float(row["x"]))
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
        "below": nearest(data, 0.667, 0.75 - SAME_X),
        "from 0.75 on": nearest(data, 0.75 - SAME_X, 0.875),
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


def nearest(data: Published, start: float, end: float) -> Counter[str]:
    """Count the crystals that glass-ceramics between two x are most similar to."""
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
