"""What an OPTIMADE server is given, by the words of the specification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.jobs.export import ExportError
from lps_flows.jobs.export_optimade import export_optimade
from lps_flows.schemas import Provenance, StructureDocument


def _stored(key: str) -> dict[str, object]:
    cell = crystal(key)
    document = StructureDocument.of(
        cell,
        -4.5 * len(cell),
        Provenance(source="crystal", parent=key),
        method="toy",
        line=CompositionLine(),
        relaxed=True,
    )
    plain = document.model_dump(exclude={"structure"})
    return plain | {"structure_id": key, "structure": cell.as_dict()}


def test_entries_speak_as_the_specification_does(tmp_path: Path) -> None:
    keys = ["gamma-Li3PS4", "Li2S", "S"]
    stored = map(_stored, keys)
    assert export_optimade(stored, {"Li2S": 0.0}, tmp_path) == 3
    lines = (tmp_path / "optimade.jsonl").read_text("utf-8").splitlines()
    header, *entries = map(json.loads, lines)
    assert header["x-optimade"]["meta"]["api_version"] == "1.1.0"
    assert [entry["id"] for entry in entries] == keys
    assert {entry["type"] for entry in entries} == {"structures"}
    gamma, sulfide, sulfur = (entry["attributes"] for entry in entries)
    assert gamma["elements"] == ["Li", "P", "S"]
    assert gamma["elements_ratios"] == [0.375, 0.125, 0.5]
    assert gamma["chemical_formula_reduced"] == "Li3PS4"
    assert gamma["chemical_formula_anonymous"] == "A4B3C"
    assert gamma["last_modified"].endswith("Z")
    assert sulfur["chemical_formula_reduced"] == "S"  # never S8
    assert sulfide["_lps_flows_energy_above_hull"] == 0.0
    assert gamma["_lps_flows_energy_above_hull"] is None
    assert gamma["_lps_flows_energy_per_atom"] == pytest.approx(-4.5)
    cell = crystal("gamma-Li3PS4")
    again = Structure(
        gamma["lattice_vectors"],
        gamma["species_at_sites"],
        gamma["cartesian_site_positions"],
        coords_are_cartesian=True,
    )
    assert again.matches(cell)
    assert gamma["nsites"] == len(gamma["species_at_sites"]) == len(cell)
    config = json.loads((tmp_path / "optimade.json").read_text("utf-8"))
    fields = {f["name"] for f in config["provider_fields"]["structures"]}
    assert fields == {name for name in gamma if name.startswith("_lps_flows_")}


def test_a_used_folder_and_nothing_to_write_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no relaxed structure"):
        export_optimade([], {}, tmp_path)
    export_optimade([_stored("Li2S")], {}, tmp_path)
    with pytest.raises(ExportError, match="--overwrite"):
        export_optimade([_stored("Li2S")], {}, tmp_path)
    assert export_optimade([_stored("Li2S")], {}, tmp_path, overwrite=True) == 1
