"""What the structures of a phase diagram are called."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lps_flows.analysis import HullSettings
from lps_flows.analysis.phase_diagram import phase_diagram
from lps_flows.report.hull_table import hull_rows
from lps_flows.report.sections.phase_diagram import _named
from lps_flows.schemas import Provenance
from lps_flows.schemas.built import StructureHead

ENDS = {"Li8S4": -40.0, "P4S10": -60.0}


def head(formula: str, energy: float, **origin: Any) -> StructureHead:
    return StructureHead(
        structure_id=f"{formula} {origin}",
        method="m",
        provenance=Provenance(**origin),
        formula=formula,
        n_atoms=1,
        energy=energy,
        energy_per_atom=energy,
        relaxed=True,
        converged=True,
    )


def test_only_a_crystal_bears_its_name() -> None:
    """What lacks units of it goes by its formula, and says where it comes from."""
    heads = [head(f, e, source="crystal", parent=f) for f, e in ENDS.items()]
    parent = {"parent": "beta-Li3PS4"}
    heads += [
        head("Li12P4S16", -123.0, source="crystal", **parent),
        head("Li24P8S32", -240.0, source="user", **parent),
        head("Li10P4S15", -110.0, source="rattled", removed="Li2S", **parent),
        head("Li10P4S15", -111.0, source="ga", removed="Li2S", **parent),
        head("Li6P2S8", -60.0, source="user"),
    ]
    _, entries = phase_diagram(heads, HullSettings())
    names = {(e.source, e.formula_pretty, e.parent): _named(e).text for e in entries}
    assert names == {
        ("crystal", "Li2S", "Li8S4"): "Li8S4",
        ("crystal", "P2S5", "P4S10"): "P4S10",
        ("crystal", "Li3PS4", "beta-Li3PS4"): "beta-Li3PS4",
        ("user", "Li3PS4", "beta-Li3PS4"): "beta-Li3PS4",
        ("rattled", "Li10P4S15", "beta-Li3PS4"): "Li10P4S15 (from beta-Li3PS4)",
        ("ga", "Li10P4S15", "beta-Li3PS4"): "gc-Li10P4S15 (from beta-Li3PS4)",
        ("user", "Li3PS4", None): "Li3PS4",
    }
    rows = hull_rows(SimpleNamespace(on_line=entries))
    assert [row.label for row, _ in rows] == [
        "P4S10",
        "Li10P4S15",
        "gc-Li10P4S15",
        "Li3PS4",
        "beta-Li3PS4",
        "Li8S4",
    ]
