"""What a store returns becomes objects in one place, which knows what it may make."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from monty.json import MSONable
from pydantic import BaseModel
from pymatgen.core import Structure

import lps_flows.schemas
from lps_flows.chemistry import crystal
from lps_flows.foundation import ForeignClassError, decode
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.base import Stored, StoredStructure
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.damage import DamagedDocumentError

ROOT = Path(__file__).parents[2] / "src" / "lps_flows"
SOURCES = sorted(ROOT.rglob("*.py"))
# What makes objects of dictionaries, and who may: the decoder; and what takes files of
# its own (connection settings). A potential's document holds arrays alone.
MAKERS = {"MontyDecoder", "process_decoded", "loadfn", "from_dict", "validate_monty_v2"}
ALLOWED = {
    "foundation/decoding.py": {"MontyDecoder", "process_decoded"},
    "runner/workplace.py": {"JobStore.from_dict"},
}


def makers_called(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = ast.unparse(call.func)
            if name.rpartition(".")[2] in MAKERS:
                yield "process_decoded" if "process_decoded" in name else name


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_nothing_else_makes_objects_of_documents(file: Path) -> None:
    allowed = ALLOWED.get(str(file.relative_to(ROOT)), set())
    called = set(makers_called(ast.parse(file.read_text())))
    assert called - {"ANNPotential.from_dict"} <= allowed


def subclasses(kind: type) -> Iterator[type]:
    for inner in kind.__subclasses__():
        yield inner
        yield from subclasses(inner)


def bare_classes(annotation: Any) -> Iterator[type]:
    """Classes in an annotation that pydantic would have monty make unchecked."""
    if isinstance(annotation, type) and issubclass(annotation, MSONable):
        yield annotation
    inner = typing.get_args(annotation)
    if not any("Before" in type(part).__name__ for part in inner):
        for part in inner:
            yield from bare_classes(part)


def test_pydantic_makes_no_objects_unchecked() -> None:
    """Whatever monty knows in a document is annotated with what checks it."""
    for module in pkgutil.iter_modules(lps_flows.schemas.__path__):
        importlib.import_module(f"lps_flows.schemas.{module.name}")
    documents: set[type[BaseModel]] = set(subclasses(Stored))
    assert len(documents) > 30
    for document in documents:
        if not document.__module__.startswith("lps_flows"):
            continue
        for name, field in document.model_fields.items():
            checked = any("Before" in type(m).__name__ for m in field.metadata)
            assert checked or not set(bare_classes(field.annotation)), (document, name)
    assert set(bare_classes(list[Structure] | None)) == {Structure}
    assert not set(bare_classes(list[StoredStructure] | None))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module on the path that leaves a trace when it is imported."""
    trace = tmp_path / "was_here"
    code = f"from pathlib import Path\nPath({str(trace)!r}).touch()\n"
    (tmp_path / "planted_in_a_site.py").write_text(code + "class Planted:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield trace
    sys.modules.pop("planted_in_a_site", None)


FOREIGN = {"@module": "planted_in_a_site", "@class": "Planted"}


def structure_with_foreign_site() -> dict[str, Any]:
    cell = crystal("Li2S").as_dict()
    cell["sites"][0]["properties"] = {"magmom": [1, {"deep": FOREIGN}]}
    return cell


def document_with_foreign_site() -> dict[str, Any]:
    cell = crystal("Li2S")
    document = StructureDocument(
        method="toy",
        provenance=Provenance(source="crystal"),
        structure=cell,
        formula="Li8S4",
        chemsys="Li-S",
        nsites=12,
        energy=-48.0,
        energy_per_atom=-4.0,
        relaxed=True,
        converged=True,
    )
    return document.model_dump() | {"structure": structure_with_foreign_site()}


def test_a_site_brings_no_class(planted: Path) -> None:
    stored = document_with_foreign_site()
    ids = {"structure_id": "a", "campaign": "c"}
    for read in (
        lambda: StructureDocument.from_store(stored),
        lambda: StructureDocument(**stored),
        lambda: StructureDocument.model_validate(stored),
        lambda: StructureRecord.from_store(stored | ids),
        lambda: decode(structure_with_foreign_site()),
    ):
        with pytest.raises(ForeignClassError, match="planted_in_a_site"):
            read()
    assert not planted.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("jobflow.core.store", "JobStore"),
        ("pymatgen.io.vasp.inputs", "Potcar"),
        ("pymatgen.io.vasp.sets", "MPRelaxSet"),
        ("pymatgen.core", "crystal"),
        ("atomate2.vasp.jobs.core", "StaticMaker"),
        ("custodian.vasp.jobs", "VaspJob"),
        ("ase.db.core", "Database"),
        ("lps_flows.runner.workplace", "Workplace"),
        ("lps_flows.schemas.built", "reduced_formula"),
        ("lps_flows.schemas", "os"),
        ("pathlib", "PosixPath"),
    ],
)
def test_classes_are_listed_not_packages(module: str, name: str) -> None:
    with pytest.raises(ForeignClassError, match="no document may hold"):
        decode({"@module": module, "@class": name, "uri": "mongodb://example.org"})


@pytest.mark.parametrize(
    "change",
    [
        {"lattice": {"matrix": [[float("nan")] * 3] * 3}},
        {"lattice": {"matrix": [[float("inf"), 0, 0], [0, 1, 0], [0, 0, 1]]}},
        {"lattice": {"matrix": [[1, 0, 0], [1, 0, 0], [0, 0, 1]]}},
        {"lattice": 5},
        {"sites": []},
        {"sites": [{"species": [{"element": "Qq", "occu": 1}], "abc": [0, 0, 0]}]},
        {"sites": [{"species": [{"element": "Li", "occu": 1}], "abc": [0, 0, 1e999]}]},
        {"@class": "Lattice"},
        {"@module": None},
    ],
)
def test_impossible_structures_are_named(change: dict[str, Any]) -> None:
    stored = document_with_foreign_site()
    stored["structure"] = crystal("Li2S").as_dict() | change
    with pytest.raises((DamagedDocumentError, ForeignClassError)) as caught:
        StructureRecord.from_store(stored | {"structure_id": "job-7"})
    assert caught.value.remedy
