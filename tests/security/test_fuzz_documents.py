"""A document that was changed in the store stops builders with a typed error only."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jobflow import JobStore
from maggma.stores import MemoryStore
from monty.json import jsanitize

from lps_flows.builders import BuildSettings, all_builders, run_builder
from lps_flows.chemistry import crystal
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas import Provenance, StructureDocument
from tests.security.test_fuzz import fuzz, places, replaced, values


def job_document(key: str) -> dict[str, Any]:
    structure = crystal(key)
    document = StructureDocument(
        method="toy",
        provenance=Provenance(source="crystal", parent=key),
        structure=structure,
        formula=structure.composition.formula.replace(" ", ""),
        chemical_system=structure.chemical_system,
        n_atoms=len(structure),
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


SOUND = [job_document(key) for key in ("Li2S", "P2S5", "gamma-Li3PS4")]
PLACES = [path for path in places(SOUND[0]["output"]) if path[0] != "@class"]


@fuzz
@given(path=st.sampled_from(PLACES), new=values)
def test_builders(path: tuple, new: Any) -> None:
    damaged = copy.deepcopy(SOUND[0])
    damaged["output"] = replaced(damaged["output"], path, new)
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    store.docs_store.update([damaged, *SOUND[1:]], key=["uuid", "index"])
    made: dict[str, MemoryStore] = {}
    builders = all_builders(
        store,
        BuildSettings(),
        campaign="fuzz",
        store=lambda name: made.setdefault(name, MemoryStore()),
    )
    for builder in builders:
        with contextlib.suppress(LpsFlowsError):
            run_builder(builder)
