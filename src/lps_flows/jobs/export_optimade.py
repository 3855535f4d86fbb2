"""Write relaxed structures as a folder that an OPTIMADE server serves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from pymatgen.io.optimade import OptimadeStructureAdapter

from lps_flows.jobs.export import ExportError, replacing
from lps_flows.schemas.built import StructureRecord

# Properties of ours beside the specification's: type, unit, meaning.
_OURS = {
    "method": ("string", None, "Method that gave the energy."),
    "energy_per_atom": ("float", "eV", "Energy per atom."),
    "energy_above_hull": ("float", "eV", "Distance per atom above the line's hull."),
    "x": ("float", None, "Position on the composition line."),
    "source": ("string", None, "How the structure was made."),
    "parent": ("string", None, "Crystal it descends from."),
}


def export_optimade(
    structures: Iterable[Mapping[str, Any]],
    above_hull: Mapping[str, float | None],
    folder: str | Path,
    *,
    overwrite: bool = False,
) -> int:
    """Write ``optimade.jsonl``, an entry a line, and ``optimade.json`` for the server.

    In the folder, ``OPTIMADE_CONFIG_FILE=optimade.json uvicorn
    optimade.server.main:app`` (of ``pip install "optimade[server]"``) then answers
    https://specification.optimade.org.

    Parameters
    ----------
    structures
        What the ``structures`` collection holds of relaxed structures.
    above_hull
        Their distances above the hull (eV/atom), by structure, where known.
    folder, overwrite
        As in `lps_flows.jobs.export.export_structures`.

    Returns
    -------
    int
        Number of structures written.

    Raises
    ------
    ExportError
        When there is nothing to write, or the folder is used.

    Notes
    -----
    pymatgen writes what the specification asks of a structure (Å).
    """
    header = {"x-optimade": {"meta": {"api_version": "1.1.0"}}}
    lines = [header, *(_entry(each, above_hull) for each in structures)]
    if len(lines) == 1:
        raise ExportError(
            "there is no relaxed structure",
            field="structures",
            value=0,
            remedy="Export after the campaign's relaxations are done",
        )
    config = {
        "insert_from_jsonl": "optimade.jsonl",
        "insert_test_data": False,
        "provider": {
            "prefix": "lps_flows",
            "name": "lps-flows",
            "description": "Structures of a campaign of lps-flows",
        },
        "provider_fields": {
            "structures": [
                {"name": _named(name), "type": kind, "unit": unit, "description": said}
                for name, (kind, unit, said) in _OURS.items()
            ]
        },
    }
    with replacing(folder, overwrite=overwrite) as beside:
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (beside / "optimade.jsonl").write_text(text, encoding="utf-8")
        (beside / "optimade.json").write_text(json.dumps(config, indent=1), "utf-8")
    return len(lines) - 1


def _entry(
    stored: Mapping[str, Any], above_hull: Mapping[str, float | None]
) -> dict[str, Any]:
    record = StructureRecord.from_store(stored)
    made = OptimadeStructureAdapter.get_optimade_structure(record.structure)
    attributes: dict[str, Any] = made["attributes"]  # type: ignore[assignment]
    ours = {
        "method": record.method,
        "energy_per_atom": record.energy_per_atom,
        "energy_above_hull": above_hull.get(record.structure_id),
        "x": record.x,
        "source": record.provenance.source,
        "parent": record.provenance.parent,
    }
    attributes |= {
        "last_modified": f"{record.last_updated:%Y-%m-%dT%H:%M:%SZ}",
        # pymatgen's are in no order
        "species": sorted(attributes["species"], key=itemgetter("name")),
        **{_named(name): value for name, value in ours.items()},
    }
    return {"id": record.structure_id, "type": "structures", "attributes": attributes}


def _named(name: str) -> str:
    return f"_lps_flows_{name}"
