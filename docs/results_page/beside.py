"""What was computed beside the campaign: energies by DFT, bulk moduli."""

from __future__ import annotations

from lps_flows.analysis.literature import of_the_paper
from lps_flows.chemistry import reduced_formula
from lps_flows.engines import EngineSettings
from results_page.dynamics import RESOLVED
from results_page.published import Published, Row, number, span, table
from results_page.tie_lines import atom_share, over_the_outside, tie_line


def _formation(rows: list[Row], column: str) -> dict[str, float]:
    """Return formation energies (meV/atom) by label, of energies by one method."""
    energies = {row["label"]: float(row[column]) for row in rows}
    ends = [energies[end] for end in ("P2S5", "Li2S")]
    shares = {row["label"]: atom_share(float(row["x"])) for row in rows}
    return {
        label: 1000 * (energies[label] - (1 - share) * ends[0] - share * ends[1])
        for label, share in shares.items()
    }


def dft(data: Published) -> str:
    """Compare DFT with the surrogate and the potential at the same geometries."""
    every = sorted(data.table("beside/dft"), key=lambda row: int(row["k_points"]))
    # where a structure was computed on two grids the finer one counts
    rows = list({row["label"]: row for row in every}.values())
    if not any(row["label"].startswith("gc-") for row in rows):
        return "No glass-ceramic was computed by DFT: missing."
    places = {row["label"]: float(row["x"]) for row in rows}
    columns = {
        "DFT": _formation(rows, "energy_per_atom"),
        "ANN": _formation(rows, "ann_energy_per_atom"),
        "surrogate": _formation(rows, "surrogate_energy_per_atom"),
    }
    above = {}
    for name, found in columns.items():
        points = [(places[label], energy) for label, energy in found.items()]
        crystals = [
            p for p, k in zip(points, found, strict=True) if not k.startswith("gc-")
        ]
        above[name] = {
            label: energy - (tie_line(crystals, x) or 0.0)
            for (x, energy), label in zip(points, found, strict=True)
        }
    computed = sorted(rows, key=lambda row: (float(row["x"]), row["label"]))
    cells = [
        (
            *(row["label"], number(row["x"], 3), row["nsites"]),
            *(row["k_points"], number(row["max_force"], 2)),
            *(number(above[name][row["label"]]) for name in above),
        )
        for row in computed
    ]
    methods = ", ".join(sorted({row["method"] for row in every}))
    surrogate = rows[0]["surrogate"]
    head = ("structure", "x", "atoms", "k-points", "largest force (eV/Å)", *above)
    said = (
        f"Single points by {methods} at geometries of {surrogate} (glass-ceramics: "
        "`docs/data/map/beside/structures`, those of the map, or of an earlier one; "
        "with the ending `_lower` those of the map where another stands beside them; "
        "crystals: `benchmarks/results/hull.json`), above the hull of the crystals by "
        "the same method (meV/atom). ANN: the published potential Li-P-S, which "
        "learned the surrogate."
    )
    parts = [said, *_other_crystals(data, rows), table(head, cells)]
    finer = {row["label"]: row for row in rows}
    for row in every:
        if row is not (best := finer[row["label"]]):
            change = float(row["energy_per_atom"]) - float(best["energy_per_atom"])
            parts.append(
                f"{row['label']} on {row['k_points']} k-points less that on "
                f"{best['k_points']}: {1000 * change:+.1f} meV/atom."
            )
    for name, kind in (("surrogate", surrogate), ("ANN", "the ANN")):
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
            label: (places[label], energy)
            for label, energy in columns["DFT"].items()
            if label.startswith("gc-")
        }
        _, heights = over_the_outside(glasses, *value.values[:2])
        others = "those computed outside"
        if not heights:
            crystals = [
                (places[label], energy)
                for label, energy in columns["DFT"].items()
                if label not in glasses
            ]
            _, heights = over_the_outside(glasses, *value.values[:2], crystals)
            others = "the crystals at its borders, beyond which no glass-ceramic lies"
        said = "no glass-ceramic computed inside."
        if heights:
            height, label, _ = min(heights)
            said = (
                f"the lowest computed inside, {label}, lies {height:+.1f} meV/atom "
                f"over the tie line of {others}."
            )
        parts.append(f"By DFT the gap at x = {value.text}: {said}")
    return "\n\n".join(parts)


def _other_crystals(data: Published, rows: list[Row]) -> list[str]:
    """Say of crystals that are not those of the map how far they lie from them."""
    of_the_map = {
        (row["parent"], row["method"]): float(row["energy_per_atom"])
        for row in data.table("structures")
        if row["source"] == "crystal" and row["relaxed"] == "True"
    }
    held = EngineSettings.model_validate(data.setting("engine") or {}).cells_held
    others = []
    for row in rows:
        known = of_the_map.get((row["label"], row["surrogate"]))
        if known is None:
            continue
        change = 1000 * (float(row["surrogate_energy_per_atom"]) - known)
        if abs(change) > RESOLVED:
            why = ", its cell free here and held in the map" * (row["label"] in held)
            others.append(f"{row['label']} {change:+.1f} meV/atom{why}")
    if not others:
        return []
    said = (
        "By the surrogate these crystals differ from those of the map, so that heights "
        f"over them are not those of Fig. 5: {'; '.join(others)}."
    )
    return [said]


def elasticity(data: Published) -> str:
    """Return bulk moduli, of the campaign and of other runs."""
    rows = [
        (
            row.get("label") or _label(row),
            row.get("method") or str(data.facts["method"]),
            number(row["bulk_modulus"], 2),
            f"{float(error):.2g}"
            if (error := row["bulk_modulus_error"])
            else "missing",
            f"not trusted: {row['note']}" if row.get("trusted") == "False" else "-",
        )
        for row in (*data.table("elasticity"), *data.table("beside/elasticity"))
    ]
    if not rows:
        return "Bulk moduli were not computed: missing."
    return table(("structure", "method", "B0 (GPa)", "error", "remark"), rows)


def _label(row: Row) -> str:
    """Name a structure as `PropertyResult.label` does."""
    formula = reduced_formula(row["formula"])
    if row["source"] == "crystal":
        return row["parent"] or formula
    return f"gc-{formula}"
