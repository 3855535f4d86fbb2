"""Conductivities, runs and densities of the mobile ion."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.analysis.literature import of_the_paper, paper_value
from results_page.published import MOTIFS, Published, Row, picture, table

RESOLVED = 0.5
"""What two relaxations to 0.02 eV/Å may differ by and mean nothing (meV/atom)."""
_VALUES = ("activation energy", "RT ionic conductivity")


def table_1(data: Published) -> str:
    """Return Ea and conductivity of every structure, of the campaign and beside it."""
    of_the_campaign = _table_1(data, "", [v.phase for v in of_the_paper(_VALUES[0])])
    said = "Intervals hold 68 %."
    parts = (said, of_the_campaign, other_potential(data), quenches(data))
    return "\n\n".join(filter(None, parts))


def other_potential(data: Published) -> str:
    """Return the same structures on a published potential, which learned dynamics."""
    found = data.table("beside/table_1")
    if not found:
        return ""
    methods = ", ".join(dict.fromkeys(row["method"].partition(";")[0] for row in found))
    return (
        "The structures of `docs/data/map/beside/structures` (of this map, or of an "
        f"earlier one) on the published potential Li-P-S-dynamics ({methods}), "
        "which learned frames of dynamics and is meant for up to 1200 K "
        f"([its card](pretrained.md)), {_longest(data):.0f} ps at each "
        "temperature (`benchmarks/map_conductivity.py`):\n\n"
        + _table_1(data, "beside/")
    )


def _longest(data: Published) -> float:
    """Return the longest run beside the campaign's (ps)."""
    return max(float(run["production"]) for run in data.table("beside/runs")) / 1000


def quenches(data: Published) -> str:
    """Return minima under frames of dynamics, over those the dynamics began from."""
    found = data.table("beside/quenches")
    rows: list[tuple[str, ...]] = []
    lower: dict[str, list[float]] = {}
    for label in dict.fromkeys(row["label"] for row in found):
        start, *later = (row for row in found if row["label"] == label)
        for row in later:
            by_ann, by_surrogate = (
                1000 * (float(row[energy]) - float(start[energy]))
                for energy in ("ann_energy_per_atom", "energy_per_atom")
            )
            lower.setdefault(label, []).append(by_surrogate)
            motifs = ", ".join(
                f"{name} {100 * float(start[name]):.0f} -> {100 * float(row[name]):.0f}"
                for name in MOTIFS
                if row[name] != start[name]
            )
            place = (label, row["temperature"], row["ps"], row["formers_broken"])
            rows.append(
                (*place, f"{by_ann:+.1f}", f"{by_surrogate:+.1f}", motifs or "the same")
            )
    if not rows:
        return ""
    downhill = [k for k, changes in lower.items() if min(changes) < -RESOLVED]
    head = ("structure", "T (K)", "ps", "P with a bond broken", "on the potential")
    return (
        f"Whether they change downhill: minima under frames of dynamics on "
        f"{found[0]['ann']}, relaxed on it and then by {found[0]['method']}, over the "
        "minimum that the dynamics began from (meV/atom; `benchmarks/quenches.py`):"
        "\n\n"
        + table((*head, "by the surrogate", "motifs (% of P)"), rows)
        + "\n\nLower by the surrogate than where they began, by more than "
        f"{RESOLVED:g}, which relaxations leave open: {', '.join(downhill) or 'none'}; "
        "such a structure was not the lowest arrangement of its composition."
    )


def _table_1(data: Published, place: str, wanted: Sequence[str] = ()) -> str:
    """Return the table of one set of runs, and what is to be said of each structure."""
    found = [r for r in data.table(f"{place}table_1") if r["source"] == "this work"]
    runs = data.table(f"{place}runs")
    labels = {phase.split(" ")[0] for phase in wanted}
    rows, remarks = [], []
    for label in sorted(labels | {row["structure"] for row in found}):
        cells = [label]
        for quantity in _VALUES:
            row = next(
                (
                    r
                    for r in found
                    if (r["structure"], r["quantity"]) == (label, quantity)
                ),
                None,
            )
            theirs = paper_value(label, quantity)
            cells += [_value(row), "not given" if theirs is None else f"{theirs:g}"]
        of_label = [run for run in runs if run["label"] == label]
        used = sum(run["used"] == "True" for run in of_label)
        broke = ", ".join(
            f"{float(run['temperature']):g} K"
            for run in of_label
            if run["framework_survived"] == "False"
        )
        rows.append((*cells, f"{used} of {len(of_label)}", broke or "none"))
        said = dict.fromkeys(r["remarks"] for r in found if r["structure"] == label)
        remarks += [f"- {label}: {remark}" for remark in said if remark]
    head = ("structure", "Ea (eV)", "the paper", "sigma(300 K) (mS/cm)", "the paper")
    text = table((*head, "runs used", "framework broke at"), rows)
    return "\n\n".join(filter(None, (text, "\n".join(remarks))))


def _value(row: Row | None) -> str:
    """Return a value with its 68 % interval."""
    if row is None or not row["value"]:
        return "missing"
    interval = f" ({row['low']} to {row['high']})" if row["low"] else ""
    return row["value"] + interval


def fig_s2(data: Published) -> str:
    """Return every run, with the reason why it counts or does not."""
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


def fig_8b(data: Published) -> str:
    """Return the densities of the mobile ion."""
    names = [name for name in data.facts["figures"] if name.startswith("fig8b")]
    return "\n\n".join(picture(data, n) for n in names) or "No density of Li: missing."
