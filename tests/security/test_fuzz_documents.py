"""A document that was changed in the store stops builders with a typed error only."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from bson.errors import InvalidDocument
from hypothesis import given
from hypothesis import strategies as st
from jobflow import JobStore
from maggma.stores import MemoryStore
from monty.json import jsanitize

from lps_flows.builders import BuildSettings, all_builders, run_builder
from lps_flows.chemistry import crystal, full_formula
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.base import Document
from lps_flows.schemas.elasticity import EOSDocument
from lps_flows.schemas.selection import SelectedStructure, SelectionDocument
from lps_flows.schemas.transport import RunSummary, TransportDocument
from tests.security.test_fuzz import fuzz, places, replaced, values


def job_document(key: str) -> dict[str, Any]:
    structure = crystal(key)
    document = StructureDocument(
        method="toy",
        provenance=Provenance(source="crystal", parent=key),
        structure=structure,
        formula=full_formula(structure),
        chemsys=structure.chemical_system,
        nsites=len(structure),
        energy=-4.0 * len(structure),
        energy_per_atom=-4.0,
        relaxed=True,
        converged=True,
    )
    output = jsanitize(document.model_dump(), strict=True)
    kind = {"@module": "lps_flows.schemas.structure", "@class": "StructureDocument"}
    return {
        "uuid": key,
        "index": 1,
        "output": {**output, **kind},
        "completed_at": "2026-01-01T00:00:00",
        "metadata": {"campaign": "fuzz", "stage": "crystals"},
        "name": key,
    }


def written(uuid: str, output: Document) -> dict[str, Any]:
    """The document of a job with this output."""
    kind = {"@module": type(output).__module__, "@class": type(output).__name__}
    return {
        "uuid": uuid,
        "index": 1,
        "output": {**jsanitize(output.model_dump(), strict=True), **kind},
        "completed_at": "2026-01-01T00:00:00",
        "metadata": {"campaign": "fuzz", "stage": "conductivity"},
        "name": uuid,
    }


CELL = crystal("gamma-Li3PS4")
LATER = [
    written(
        "eos",
        EOSDocument(
            method="toy",
            provenance=Provenance(source="crystal", parent="gamma-Li3PS4"),
            formula="Li6P2S8",
            x=0.75,
            nsites=len(CELL),
            relaxed_ions=True,
            volumes=[CELL.volume * (0.9 + 0.03 * k) for k in range(7)],
            energies=[-60.0 + 0.1 * (k - 3) ** 2 for k in range(7)],
        ),
    ),
    written(
        "transport",
        TransportDocument(
            method="toy",
            label="gamma-Li3PS4",
            structure=CELL,
            formula="Li6P2S8",
            nsites=len(CELL),
            mobile="Li",
            number_density=0.02,
            runs=[
                RunSummary(
                    run_uuid="run",
                    temperature=900.0,
                    production=1000.0,
                    used=True,
                    reason="linear",
                )
            ],
            reference_temperature=300.0,
        ),
    ),
    written(
        "selection",
        SelectionDocument(
            method="toy",
            criteria=[],
            selected=[
                SelectedStructure(
                    label="gamma-Li3PS4",
                    reason="reference",
                    structure_uuid="gamma-Li3PS4",
                    transport_uuid="transport",
                )
            ],
        ),
    ),
]
SOUND = [job_document(key) for key in ("Li2S", "P2S5", "gamma-Li3PS4")]


def sound_places(document: dict[str, Any]) -> list[tuple]:
    """What can be damaged: all of the output, and the metadata of its job."""
    inside = [("output", *path) for path in places(document["output"])]
    around = [("metadata",), ("metadata", "stage"), ("completed_at",), ("name",)]
    return [path for path in inside if path[-1] != "@class"] + around


def build(documents: list[dict[str, Any]]) -> dict[str, int]:
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    try:
        store.docs_store.update(documents, key=["uuid", "index"])
    except InvalidDocument:  # no server takes it, so no builder reads it
        return {}
    made: dict[str, MemoryStore] = {}
    builders = all_builders(
        store,
        BuildSettings(),
        campaign="fuzz",
        store=lambda name: made.setdefault(name, MemoryStore()),
    )
    written = {}
    for builder in builders:
        with contextlib.suppress(LpsFlowsError):
            written[type(builder).__name__] = run_builder(builder)
    return written


def test_undamaged_documents_are_read() -> None:
    written = build([*SOUND, *LATER])
    for name in ("StructureBuilder", "TransportBuilder", "ElasticityBuilder"):
        assert written[name] > 0


@fuzz
@given(path=st.sampled_from(sound_places(SOUND[0])), new=values)
def test_damaged_structures(path: tuple, new: Any) -> None:
    build([replaced(SOUND[0], path, new), *SOUND[1:]])


@pytest.mark.parametrize("which", range(len(LATER)), ids=lambda k: LATER[k]["uuid"])
@fuzz
@given(data=st.data())
def test_damaged_results(which: int, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sound_places(LATER[which])))
    damaged = replaced(LATER[which], path, data.draw(values))
    build([*SOUND, damaged, *LATER[which + 1 :]])
