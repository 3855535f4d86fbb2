"""Documents that versions 1.0 and 1.1 of the layout stored are read as they are.

``old_documents.json`` holds one document of every kind, from a store that the demo
campaign filled before parts were shared between analyses and documents; long lists
and large cells were cut short.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Composition, Structure

from lps_flows.analysis import ClusterModel, gaps
from lps_flows.schemas.base import Document, Stored
from lps_flows.schemas.built import StructureHead, StructureRecord
from lps_flows.schemas.candidates import CandidateDocument, CandidateVerdict
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.damage import DamagedDocumentError
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.fingerprints import FingerprintDocument
from lps_flows.schemas.md import MDChunkDocument, MDRunDocument
from lps_flows.schemas.motifs import MotifDocument, MotifTrendDocument
from lps_flows.schemas.phase_diagram import (
    CompositionSummary,
    DecompositionProduct,
    HullPlace,
    LineEntry,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.reference import UnlabelledSet
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.selection import SelectedStructure, SelectionDocument
from lps_flows.schemas.structure import StructureDocument, StructureSet
from lps_flows.schemas.transport import TransportDocument, TransportRecord

OLD = json.loads(Path(__file__).with_name("old_documents.json").read_text("utf-8"))

JOBS: list[type[Document]] = [
    EvolutionDocument,
    MDChunkDocument,
    MDRunDocument,
    PotentialDocument,
    SamplingDocument,
    SelectionDocument,
    StructureDocument,
    StructureSet,
    TransportDocument,
    UnlabelledSet,
]
RESULTS: dict[str, type[Document]] = {
    "structures": StructureRecord,
    "phase_diagrams": PhaseDiagramDocument,
    "phase_diagram_entries": PhaseDiagramEntry,
    "motifs": MotifDocument,
    "motif_trends": MotifTrendDocument,
    "rdfs": RDFDocument,
    "fingerprints": FingerprintDocument,
    "cluster_models": ClusterModelDocument,
    "clusters": ClusterAssignment,
    "candidates": CandidateDocument,
    "transport": TransportRecord,
}


def _kept(old: Any, new: Any) -> bool:
    """Whether everything the old document says is said by the new one, unchanged."""
    if isinstance(old, dict):
        return all(k in new and _kept(v, new[k]) for k, v in old.items() if k[0] != "@")
    if isinstance(old, list):
        return len(old) == len(new) and all(map(_kept, old, new))
    return bool(old == new)


def test_every_kind_is_there() -> None:
    assert {kind.__name__ for kind in JOBS} == set(OLD["jobs"])
    assert set(RESULTS) == set(OLD["results"])


@pytest.mark.parametrize("kind", JOBS)
def test_job_outputs_are_read_and_say_the_same(kind: type[Document]) -> None:
    old = OLD["jobs"][kind.__name__]
    new = kind.from_store(old)
    assert _kept(_today(old, kind), _plain(new))


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_read_and_say_the_same(name: str) -> None:
    old = OLD["results"][name]
    new = RESULTS[name].from_store({"_id": "the database's own", **old})
    assert _kept(_today(old, RESULTS[name]), _plain(new))


@pytest.mark.parametrize("name", OLD["results of 1.1"])
def test_results_of_1_1_say_what_those_of_1_0_say(name: str) -> None:
    new, before = (
        RESULTS[name].from_store(OLD[results][name])
        for results in ("results of 1.1", "results")
    )
    assert _plain(new) == _plain(before)
    with pytest.warns(DeprecationWarning, match="versions is now builder_meta"):
        assert new.versions == new.builder_meta


def _plain(document: Document) -> dict[str, Any]:
    return json.loads(json.dumps(document.model_dump(), default=str))


NESTED = {
    "line": HullPlace,
    "ternary": HullPlace,
    "decomposes_to": DecompositionProduct,
    "compositions": CompositionSummary,
    "entries": StructureDocument,
    "lowest": StructureDocument,
    "uncertain": StructureDocument,
    "criteria": CandidateVerdict,
    "selected": SelectedStructure,
}
"""Fields whose parts were renamed, too."""


def _today(old: Any, kind: type[Stored]) -> Any:
    """Return what was stored under the names of today, by name and by hand."""
    names = {
        "chemical_system": "chemsys",
        "created_at": "last_updated",
        "decomposition": "decomposes_to",
        "e_above_hull": "energy_above_hull",
        "formation_energy": "formation_energy_per_atom",
        "glass_e_above_hull": "glass_energy_above_hull",
        "glass_formation_energy": "glass_formation_energy_per_atom",
        "versions": "builder_meta",
    }
    if "nsites" in kind.model_fields:
        names["n_atoms"] = "nsites"
    if "formula" not in kind.model_fields:
        names["formula"] = "formula_pretty"
    now = {names.get(key, key): value for key, value in old.items()}
    if "schema_version" in now:
        now["schema_version"] = "1.2"
        now["builder_meta"] = {
            f"{package.replace('-', '_')}_version": number
            for package, number in now["builder_meta"].items()
        }
    for field, part in NESTED.items():
        inside = now.get(field)
        if isinstance(inside, dict):
            now[field] = _today(inside, part)
        elif isinstance(inside, list) and field in kind.model_fields:
            now[field] = [
                _today(item, part) if isinstance(item, dict) and part else item
                for item in inside
            ]
    return _without_structures(now)


def _without_structures(value: Any) -> Any:
    """Leave out cells, which pydantic writes in a form of its own, and time stamps."""
    if isinstance(value, dict):
        return {
            key: _without_structures(item)
            for key, item in value.items()
            if key not in {"structure", "parent_structure", "last_updated"}
        }
    if isinstance(value, list):
        return [_without_structures(item) for item in value]
    return value


def test_a_field_of_nobody_is_refused() -> None:
    with pytest.raises(DamagedDocumentError, match="Extra"):
        SamplingDocument.from_store({**OLD["jobs"]["SamplingDocument"], "alien": 1})


def test_old_documents_do_what_new_ones_do() -> None:
    diagram = PhaseDiagramDocument.from_store(OLD["results"]["phase_diagrams"])
    intervals = diagram.metastable_hull
    middle = (intervals[0].x_start + intervals[0].x_end) / 2
    assert intervals[0].contains(middle)
    assert diagram.gaps() == gaps(intervals)
    entry = PhaseDiagramEntry.from_store(OLD["results"]["phase_diagram_entries"])
    assert LineEntry(**dict(entry)).label.startswith("gc-") is entry.glass
    document = ClusterModelDocument.from_store(OLD["results"]["cluster_models"])
    model = ClusterModel.from_document(document)
    mean = np.array(document.scaler_mean)
    assert model.reduce(mean) == pytest.approx(np.zeros((1, len(model.components))))
    structure = OLD["results"]["structures"]
    names = set(StructureHead.stored_names()) & structure.keys()
    head = StructureHead.from_store({name: structure[name] for name in names})
    assert head.formula_pretty == Composition(structure["formula"]).reduced_formula
    with pytest.warns(DeprecationWarning, match="n_atoms is now nsites"):
        assert head.n_atoms == structure["n_atoms"] == head.nsites
    with pytest.raises(AttributeError):
        _ = head.natoms
    place = HullPlace(
        formation_energy=-0.1, e_above_hull=0.0, on_hull=True, decomposition=[]
    )
    assert place.energy_above_hull == 0.0
    run = MDRunDocument.from_store(OLD["jobs"]["MDRunDocument"])
    assert run.diffusion["Li"].msd.shape == run.diffusion["Li"].lags.shape
    assert run.diffusion["Li"].n_jumps is None
    verdict = SelectionDocument.from_store(OLD["jobs"]["SelectionDocument"]).criteria[0]
    assert verdict.chosen is all(criterion.passed for criterion in verdict.criteria)


@pytest.mark.parametrize("kind", [*JOBS, *RESULTS.values()])
def test_every_document_is_written_as_json_and_read_back(kind: type[Document]) -> None:
    of = OLD["jobs"] if kind.__name__ in OLD["jobs"] else OLD["results"]
    name = next(n for n in of if n == kind.__name__ or RESULTS.get(n) is kind)
    document = kind.from_store(of[name])
    text = document.model_dump_json()
    assert kind.model_validate_json(text).model_dump_json() == text
    assert kind.from_store(json.loads(text)).model_dump_json() == text
    structure = document.model_dump().get("structure")
    assert structure is None or isinstance(structure, Structure)
    assert kind.model_json_schema(mode="serialization")
